import { now } from '../clock/now.js';
import type { ArrivedRequest, Observer, Outcome } from './observer.js';
import { Refusal } from './refusal.js';
import type { Engine, InferRequest, InferResult } from './types.js';
import { quoted } from './wire/quoted.js';
import { VERSION, WireEndpoint } from './wire/wire-endpoint.js';

/** A request that was understood. */
export interface ParsedRequest {
  readonly id: string | undefined;
  readonly request: InferRequest;
}

/** What all protocols have in common: the engine, its endpoints, and who watches. */
export class Inference {
  readonly engine: Engine;
  readonly endpoints: ReadonlyMap<string, WireEndpoint>;
  readonly #observers: readonly Observer[];
  readonly #onFault: (error: unknown) => void;
  #isClosing = false;

  /** @param onFault told of what is thrown and no refusal: a fault of ours */
  constructor(engine: Engine, observers: readonly Observer[], onFault: (error: unknown) => void) {
    this.engine = engine;
    this.endpoints = new Map(engine.endpoints.map((endpoint) => [endpoint.name, new WireEndpoint(endpoint)]));
    this.#observers = observers;
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

  /**
   * A request from its arrival to its answer.
   *
   * @param parse makes out what it wants
   * @param answer hands the result to the network
   * @throws Refusal, and nothing else
   */
  async serve<T extends ParsedRequest>(
    arrived: ArrivedRequest,
    parse: () => T | Promise<T>,
    answer: (parsed: T, result: InferResult) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const ended = this.#observers.map((observer) => observer.arrived(arrived));
    const tell = (what: Omit<Outcome, 'endedAt' | 'id' | 'rows'>): void => {
      if (ended.length === 0) return;
      const outcome = { endedAt: now(), id: parsed?.id, rows: parsed?.request.inputs[0]?.shape[0] ?? 0, ...what };
      for (const end of ended) end(outcome);
    };
    let parsed: T | undefined;
    try {
      parsed = await parse();
      const result = await this.engine.infer(parsed.request, signal);
      answer(parsed, result);
      tell({ times: result.times });
    } catch (error) {
      const refusal = this.refusalOf(error);
      tell({ refusal });
      throw refusal;
    }
  }

  /** Whatever was thrown, as it is told to a client: faults of ours are not its business. */
  refusalOf(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    this.#onFault(error);
    return new Refusal('failed', 'the server has failed; its log tells why', { cause: error });
  }
}
