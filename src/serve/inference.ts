import { Arrivals } from './arrivals.js';
import { Refusal } from './refusal.js';
import type { RequestBegin, RequestEnd } from './telemetry/request.js';
import type { Engine } from './types.js';
import { quoted } from './wire/quoted.js';
import { VERSION, WireEndpoint } from './wire/wire-endpoint.js';

/** Told of each request, of every protocol, when it arrives and when it is over. */
export type Watch = (request: RequestBegin) => (end: RequestEnd) => void;

export interface InferenceOptions {
  readonly watch?: Watch;
  /** Told of what is thrown and no refusal: a fault of ours. */
  readonly onFault: (error: unknown) => void;
}

/** What all protocols have in common: the engine, its endpoints, and who watches. */
export class Inference {
  readonly engine: Engine;
  readonly endpoints: ReadonlyMap<string, WireEndpoint>;
  readonly watch: Watch | undefined;
  readonly arrivals = new Arrivals();
  readonly #onFault: (error: unknown) => void;
  #isClosing = false;

  constructor(engine: Engine, { watch, onFault }: InferenceOptions) {
    this.engine = engine;
    this.endpoints = new Map(engine.endpoints.map((endpoint) => [endpoint.name, new WireEndpoint(endpoint)]));
    this.watch = watch;
    this.#onFault = onFault;
  }

  get isReady(): boolean {
    return !this.#isClosing && this.engine.isReady;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** From now on nothing is ready. */
  close(): void {
    this.#isClosing = true;
  }

  /**
   * The endpoint of a name that a client has sent.
   *
   * @param version of it; empty where the client does not care
   * @throws Refusal where there is none
   */
  endpoint(name: string, version = ''): WireEndpoint {
    const endpoint = this.endpoints.get(name);
    if (endpoint === undefined) {
      const known = [...this.endpoints.keys()];
      const some = known.slice(0, 10).join(', ');
      throw new Refusal(
        'unknown',
        `there is no model ${quoted(name)}; there is ${some}${known.length > 10 ? ', …' : ''}`,
      );
    }
    if (version !== '' && version !== VERSION)
      throw new Refusal('unknown', `${name} has no version ${quoted(version)}; there is ${VERSION}`);
    return endpoint;
  }

  /** Whatever was thrown, as it is told to a client: faults of ours are not its business. */
  refusalOf(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    this.#onFault(error);
    return new Refusal('failed', 'the server has failed; its log tells why', { cause: error });
  }
}
