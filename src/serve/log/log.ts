import pc from 'picocolors';
import { type Logger, pino, stdTimeFunctions } from 'pino';
import { type ErrorRecord, toRecord } from '../../util/errors.js';
import { counted, whole } from '../../util/figures.js';
import type { InferTimes } from '../types.js';
import type { LogLevel } from './levels.js';
import { prettyLine } from './pretty.js';
import { Tally } from './tally.js';

/** What is needed of process.stderr. */
export interface LogOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
  hasColors?(): boolean;
}

export interface LogOptions {
  /** Of the server; on every line. */
  readonly name: string;
  /** The least that is written; by default `info`. */
  readonly level?: LogLevel;
  /** A line for every request, too; by default not. */
  readonly requests?: boolean;
  /** By default process.stderr: text on a terminal, JSON elsewhere. */
  readonly output?: LogOutput;
}

export interface Listening {
  /** Where clients find it. */
  readonly http: string;
  readonly grpc?: string;
  readonly endpoints: readonly string[];
}

/** A request that is over. */
export interface RequestLine {
  readonly protocol: 'http' | 'grpc';
  readonly method: string;
  /** The pattern of its path, not what it asked for: that may hold anything. */
  readonly route: string;
  readonly status: number;
  /** From arrival to answer, microseconds. */
  readonly micros: number;
  readonly endpoint?: string | undefined;
  readonly rows?: number | undefined;
  readonly times?: InferTimes | undefined;
  /** Why it was refused. */
  readonly refusal?: string | undefined;
  readonly traceId?: string | undefined;
}

const SUM_UP_MS = 1000;

/** Milliseconds with three decimals. */
const millis = (micros: number): number => Math.round(micros) / 1000;

/**
 * What a server has to say, one line each on stderr. Refusals are counted, and told of once a second: a burst of them must
 * not become a burst of lines. Neither tokens nor what is in a request are ever written. Whoever opens it closes it.
 */
export class ServeLog implements Disposable {
  readonly #log: Logger;
  /** Whether `request` writes anything. */
  readonly logsRequests: boolean;
  readonly #refusals: Tally;
  readonly #failures: Tally;
  readonly #faults: Tally;
  #lastFault: unknown;
  /** The message of the last failure of each endpoint. */
  readonly #messages = new Map<string, string>();

  constructor({ name, level = 'info', requests = false, output = process.stderr }: LogOptions) {
    const colors = pc.createColors(output.isTTY === true && output.hasColors?.() === true);
    const write = output.isTTY
      ? (line: string) => output.write(prettyLine(line, colors))
      : (line: string) => output.write(line);
    this.#log = pino(
      {
        name,
        level,
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      { write: (line) => void write(line) },
    );
    this.logsRequests = requests && this.#log.isLevelEnabled('info');
    this.#refusals = new Tally(SUM_UP_MS, (refused, total) =>
      this.#log.warn({ event: 'refused', refused }, `refused ${counted(total, 'request')}`),
    );
    this.#failures = new Tally(SUM_UP_MS, (counts, total) => {
      const failed = Object.fromEntries(
        Object.entries(counts).map(([endpoint, { failed }]) => [
          endpoint,
          { requests: failed, last: this.#messages.get(endpoint) },
        ]),
      );
      this.#messages.clear();
      this.#log.error({ event: 'failed', failed }, `${counted(total, 'request')} failed`);
    });
    this.#faults = new Tally(SUM_UP_MS, (_, total) => {
      const { message, stack } = toRecord(this.#lastFault);
      const times = total > 1 ? ` (the last of ${whole(total)} faults)` : '';
      this.#log.error({ event: 'fault', count: total, stack }, `${message}${times}`);
    });
  }

  /** A fault of ours, with where it happened. */
  fault(error: unknown): void {
    this.#lastFault = error;
    this.#faults.add('', 'fault');
  }

  started({ http, grpc, endpoints }: Listening): void {
    this.#log.info({ event: 'started', http, grpc, endpoints }, 'listening');
  }

  /** `signal`: what asked for it, as SIGTERM. */
  draining(signal?: string): void {
    this.#log.info(
      { event: 'draining', signal },
      'draining: what is in flight is answered, nothing more is taken',
    );
  }

  stopped(uptimeMicros: number): void {
    this.#flush();
    this.#log.info({ event: 'stopped', uptimeSeconds: Math.round(uptimeMicros / 1e6) }, 'stopped');
  }

  /** A model, or a job beside the endpoints, is lost. */
  lost(
    what: 'model' | 'job',
    name: string,
    { code, message, hint }: Omit<ErrorRecord, 'place' | 'stack'>,
  ): void {
    this.#log.error({ event: `${what}-failed`, [what]: name, code, hint }, message);
  }

  /** Something that whoever runs the server should know. */
  warn(message: string): void {
    this.#log.warn({ event: 'warning' }, message);
  }

  /**
   * A request that was not answered with outputs.
   *
   * @param endpoint one that there is: what a client made up is not kept
   * @param message of a failure of ours; others are the client's, and may quote it
   */
  refused(endpoint: string | undefined, reason: string, message: string): void {
    const name = endpoint ?? '';
    if (reason === 'failed') {
      this.#messages.set(name, message);
      this.#failures.add(name, reason);
    } else {
      this.#refusals.add(name, reason);
    }
  }

  request({
    protocol,
    method,
    route,
    status,
    micros,
    endpoint,
    rows,
    times,
    refusal,
    traceId,
  }: RequestLine): void {
    if (!this.logsRequests) return;
    this.#log.info(
      {
        event: 'request',
        protocol,
        method,
        route,
        status,
        ms: millis(micros),
        endpoint,
        rows,
        ...(times && {
          queueMs: millis(times.queue),
          computeMs: millis(times.compute),
          batchRows: times.batchRows,
        }),
        refusal,
        traceId,
      },
      `${method} ${route} ${status}`,
    );
  }

  #flush(): void {
    this.#refusals.flush();
    this.#failures.flush();
    this.#faults.flush();
  }

  [Symbol.dispose](): void {
    this.#flush();
  }
}
