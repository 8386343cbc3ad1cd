import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ServeConfig } from '../../serve/schema.js';
import { DeviceError } from '../../util/errors.js';
import { Child } from '../child.js';
import { prepareRequest, type RequestShape } from '../load/request.js';
import { REFUSALS } from '../load/tally.js';
import type { FaultPlan } from '../scenarios/types.js';
import type { ServerKind } from '../types.js';
import type { PlainStats } from './stats.js';

export type ServerQuestions = {
  /** Starts it; where it is. */
  readonly start: {
    readonly question: { readonly kind: ServerKind; readonly config: ServeConfig };
    readonly answer: string;
  };
  readonly stats: { readonly question: null; readonly answer: PlainStats };
  /** Does something to the processes of its models; how many there were. */
  readonly injure: { readonly question: FaultPlan['kind']; readonly answer: number };
};

/** Lengths that a model leaves open: of requests that are made up. */
const OPEN_LENGTH = 16;
/** How often it is asked whether something has begun, and for how long. */
const POLL_MS = 50;
const BEGIN_MS = 30_000;

const NAMES: Readonly<Record<ServerKind, string>> = {
  penstock: 'the server',
  pointToPoint: 'the point-to-point server',
};

const metadata = z.object({
  inputs: z.array(z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number()) })),
  outputs: z.array(z.object({ name: z.string() })),
});

const answer = z.object({ outputs: z.array(z.object({ name: z.string(), shape: z.array(z.number()) })) });

/** A server in a process of its own. Whoever starts it disposes of it. */
export class TestedServer implements AsyncDisposable {
  readonly #child: Child<ServerQuestions>;
  readonly #name: string;
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;

  private constructor(child: Child<ServerQuestions>, name: string, origin: string) {
    this.#child = child;
    this.#name = name;
    this.origin = origin;
  }

  /** @param config where it says to listen is not listened to: any free port of 127.0.0.1 will do */
  static async start(kind: ServerKind, config: ServeConfig): Promise<TestedServer> {
    const name = NAMES[kind];
    const child = new Child<ServerQuestions>(new URL('./process.js', import.meta.url), name, environment());
    try {
      const listen = { host: '127.0.0.1', port: 0, grpcPort: null };
      const origin = await child.ask('start', { kind, config: { ...config, listen } });
      return new TestedServer(child, name, origin);
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    }
  }

  stats(): Promise<PlainStats> {
    return this.#child.ask('stats', null);
  }

  injure(how: FaultPlan['kind']): Promise<number> {
    return this.#child.ask('injure', how);
  }

  /** What an endpoint is to be asked, from its own metadata. */
  async shapeOf(endpoint: string): Promise<RequestShape> {
    const path = `/v2/models/${encodeURIComponent(endpoint)}`;
    const reply = await fetch(`${this.origin}${path}`);
    const text = await reply.text();
    if (reply.status !== 200) throw new DeviceError(`${this.#name}: ${endpoint}: ${reply.status}: ${text}`);
    const { inputs } = metadata.parse(JSON.parse(text));
    return {
      endpoint,
      inputs: inputs.map(({ name, datatype, shape }) => ({
        name,
        datatype,
        shape: shape.slice(1).map((length) => (length < 0 ? OPEN_LENGTH : length)),
      })),
    };
  }

  /**
   * Sends one request, and looks at its answer: as many rows as were asked. One that is refused is sent again: a server that
   * has just started may have other things to do.
   *
   * @throws DeviceError where it is answered otherwise, or refused for too long
   */
  async probe(shape: RequestShape, rows: number, seed: number): Promise<void> {
    const { path, headers, body } = prepareRequest(shape, rows, seed);
    const asked = `${this.#name}: ${shape.endpoint}: ${rows} row${rows === 1 ? ' was' : 's were'} asked`;
    for (let waited = 0; ; waited += POLL_MS) {
      const reply = await fetch(`${this.origin}${path}`, { method: 'POST', headers: pairs(headers), body });
      const bytes = Buffer.from(await reply.arrayBuffer());
      const told = reply.headers.get('inference-header-content-length');
      const json = bytes.subarray(0, told === null ? bytes.length : Number(told)).toString();
      if (reply.status === 200) {
        const { outputs } = answer.parse(JSON.parse(json));
        if (outputs.length > 0 && outputs.every((output) => output.shape[0] === rows)) return;
        throw new DeviceError(`${asked}, and answered by ${json}`);
      }
      if (!REFUSALS.includes(reply.status)) {
        throw new DeviceError(`${asked}, and answered with ${reply.status}: ${json}`, {
          hint: 'Requests are made up of random numbers, which this model does not seem to take.',
        });
      }
      if (waited >= BEGIN_MS)
        throw new DeviceError(`${asked}, and refused for ${BEGIN_MS / 1000} s: ${json}`);
      await sleep(POLL_MS);
    }
  }

  /**
   * Resolves once its batch job has done its first rows.
   *
   * @throws DeviceError where it fails or does not begin
   */
  async jobBegun(): Promise<void> {
    for (let waited = 0; waited < BEGIN_MS; waited += POLL_MS) {
      const { jobs } = await this.stats();
      const failed = jobs.find(({ state }) => state === 'failed' || state === 'stopped');
      if (failed !== undefined) throw new DeviceError(`the batch job ${failed.state}: ${failed.error ?? ''}`);
      if (jobs.some(({ rows }) => rows > 0)) return;
      await sleep(POLL_MS);
    }
    throw new DeviceError(`the batch job had not begun after ${BEGIN_MS / 1000} s`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]();
  }
}

/** Names and values by turns, as undici takes them in place of an object. */
function pairs(headers: readonly string[]): [string, string][] {
  const names = headers.filter((_, i) => i % 2 === 0);
  return names.map((name, i) => [name, headers[2 * i + 1] ?? '']);
}

/** It is on 127.0.0.1 and asked by us alone: no token. */
function environment(): NodeJS.ProcessEnv {
  const { PENSTOCK_TOKEN: _, ...rest } = process.env;
  return rest;
}
