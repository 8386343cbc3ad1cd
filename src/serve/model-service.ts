import { now } from '../clock/now.js';
import type { TensorRegion } from '../ring/layout.js';
import { messageOf } from '../util/errors.js';
import { Deadlines } from './deadlines.js';
import { platformOf } from './describe.js';
import type { Devices } from './devices.js';
import { EndpointState } from './endpoint-state.js';
import type { OnEvent } from './events.js';
import { LoadedInstances } from './instances.js';
import type { ModelPlan } from './plan-model.js';
import type { Refusal } from './refusal.js';
import { PendingRequest } from './request.js';
import { dataOf } from './request-data.js';
import type { ServedModel } from './schema.js';
import type { Endpoint, EndpointStats, EndpointTensor, InferRequest, InferResult } from './types.js';

/** Between one try to load a failed model and the next, milliseconds: doubled each time. */
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 60_000;
/** A model that has run for so long has recovered. */
const RECOVERED_MICROS = 60e6;

/** An estimate of the time to an answer may be so much too low, and it is in time all the same. */
const MARGIN = 1.06;

/** Clients may put themselves into a later class than their endpoint's, down to this one. */
const LOWEST_ASKED = 32;

/** A served model: its endpoints, the door in front of it, and its sessions, which are started again where they fail. */
export class ModelService {
  readonly name: string;
  readonly endpoints: ReadonlyMap<string, EndpointState>;
  readonly #served: ServedModel;
  readonly #devices: Devices;
  readonly #onEvent: OnEvent;
  readonly #deadlines: Deadlines<PendingRequest>;
  #plan: ModelPlan | undefined;
  #instances: LoadedInstances | undefined;
  #isClosed = false;
  #retryMs = FIRST_RETRY_MS;
  #retryAt = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #restart: Promise<void> = Promise.resolve();

  constructor(name: string, served: ServedModel, devices: Devices, onEvent: OnEvent) {
    this.name = name;
    this.#served = served;
    this.#devices = devices;
    this.#onEvent = onEvent;
    const specs = Object.entries(served.endpoints);
    this.endpoints = new Map(
      specs.map(([endpoint, spec], place) => [endpoint, new EndpointState(endpoint, name, place, spec)]),
    );
    this.#deadlines = new Deadlines((request) => this.#instances?.dispatcher.expire(request));
  }

  /** @throws where it does not load */
  async start(): Promise<void> {
    const onWarning = (message: string): void => this.#onEvent({ kind: 'warning', of: this.name, message });
    const states = [...this.endpoints.values()];
    const instances = await LoadedInstances.load(this.name, this.#served, states, this.#devices, onWarning);
    this.#plan = instances.plan;
    this.#instances = instances;
    const startedAt = now();
    void instances.ended.then((error) => {
      if (!this.#isClosed) this.#restart = this.#failed(instances, startedAt, error);
    });
    this.#onEvent({ kind: 'ready', model: this.name });
  }

  get isReady(): boolean {
    return this.#instances !== undefined;
  }

  /** Of each of its devices; none while it is not loaded. */
  get providers(): readonly string[] {
    return this.#instances?.devices.map(({ model }) => model.device.provider) ?? [];
  }

  infer(state: EndpointState, request: InferRequest, signal: AbortSignal | undefined): Promise<InferResult> {
    const instances = this.#instances;
    if (signal?.aborted) throw state.refusal('gone', 'the client is gone');
    if (instances === undefined) {
      const retryAfterMs = Math.max(1, Math.ceil((this.#retryAt - now()) / 1000));
      throw state.refusal('failed', `the model ${this.name} has failed, and is started again`, retryAfterMs);
    }
    const { dispatcher, plan } = instances;
    const { layout, rowBytes } = plan;
    const { rows, inputs, wanted } = dataOf(request, layout, state);
    this.#checkRoom(state, dispatcher.queue, rows, rowBytes);
    const { spec } = state;
    const priority = priorityOf(spec.priority, request.priority);
    const deadline = deadlineOf(request, spec.deadlineMs);
    dispatcher.door.arrived(now(), rows);
    if (deadline !== Number.POSITIVE_INFINITY) {
      const wait = this.#waitMicros(dispatcher, state, { priority, deadline, waitingRows: rows });
      const left = deadline - now();
      if (wait > left && !(left > 0 && dispatcher.door.isForgotten(now())))
        throw this.#late(state, wait, left);
    }
    return new Promise((resolve, reject) => {
      const about = { state, rows, priority, deadline, rowBytes, inputs, wanted, regions: layout.outputs };
      // No function that is made here: it would hold the request's data for as long as the pending one is held.
      const pending = new PendingRequest(request, about, { resolve, reject }, signal, dispatcher.cancel);
      dispatcher.add(pending);
      this.#deadlines.add(pending);
    });
  }

  /** Whether a request that has come, and of which nothing is read yet, may as well be refused: then why. */
  turnAway(state: EndpointState, arrivedAt: number): Refusal | undefined {
    const instances = this.#instances;
    if (instances === undefined) return undefined;
    const { dispatcher, plan } = instances;
    const { priority, deadlineMs } = state.spec;
    if (deadlineMs === null) return undefined;
    const deadline = deadlineOf({ arrivedAt }, deadlineMs);
    const left = deadline - now();
    // A model that has nothing to do may try whatever is not too late already.
    if (dispatcher.queue.rows === 0 && left > 0) return undefined;
    const wait = this.#waitMicros(dispatcher, state, { priority, deadline, waitingRows: 1 });
    if (wait <= left) return this.#fullness(state, dispatcher.queue, 1, plan.rowBytes);
    dispatcher.door.arrived(now(), 1);
    return this.#late(state, wait, left);
  }

  #waitMicros(
    dispatcher: LoadedInstances['dispatcher'],
    { place, spec }: EndpointState,
    about: { readonly priority: number; readonly deadline: number; readonly waitingRows: number },
  ): number {
    return dispatcher.waitMicros({ endpoint: place, weight: spec.weight, ...about }) * MARGIN;
  }

  #late(state: EndpointState, wait: number, left: number): Refusal {
    const retryAfterMs = Math.max(1, Math.ceil((wait - Math.max(0, left)) / 1000));
    const millis = (micros: number): string => `${Math.round(micros / 100) / 10} ms`;
    const message = `it would be answered in about ${millis(wait)}, and its deadline is in ${millis(Math.max(0, left))}`;
    return state.refusal('late', message, retryAfterMs);
  }

  /** What clients are told. */
  describe(): Endpoint[] {
    const plan = this.#plan;
    if (plan === undefined) return [];
    const { layout, rowBytes } = plan;
    return [...this.endpoints.values()].map(({ name }) => ({
      name,
      platform: platformOf(this.#served.model.runtime),
      inputs: layout.inputs.map(tensorOf),
      outputs: layout.outputs.map(tensorOf),
      maxRows: this.#mostRows(rowBytes),
      rowBytes,
    }));
  }

  stats(): EndpointStats[] {
    const rowBytes = this.#plan?.rowBytes ?? 0;
    const queue = this.#instances?.dispatcher.queue;
    return [...this.endpoints.values()].map((state) =>
      state.stats(queue?.rowsOf(state.place) ?? 0, rowBytes),
    );
  }

  /** Resolves when all its requests are answered. */
  async drained(): Promise<void> {
    await this.#instances?.dispatcher.empty();
  }

  /** Ends its threads. Whoever still waits for an answer is told that the server ends. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    this.#deadlines.stop();
    await this.#restart;
    const instances = this.#instances;
    this.#instances = undefined;
    instances?.dispatcher.stop((request) => request.refuse('draining', 'the server ends'));
    await instances?.abort();
  }

  async #failed(instances: LoadedInstances, startedAt: number, error: Error | undefined): Promise<void> {
    this.#instances = undefined;
    const why = error === undefined ? 'its threads have ended' : messageOf(error);
    if (now() - startedAt > RECOVERED_MICROS) this.#retryMs = FIRST_RETRY_MS;
    const retryInMs = this.#retryMs;
    this.#retryAt = now() + retryInMs * 1000;
    instances.dispatcher.stop((request) =>
      request.refuse('failed', `the model ${this.name} failed: ${why}`, retryInMs),
    );
    this.#onEvent({ kind: 'failed', model: this.name, error: error ?? new Error(why), retryInMs });
    await instances.abort();
    this.#retryLater(retryInMs);
  }

  #retryLater(inMs: number): void {
    if (this.#isClosed) return;
    this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
    this.#retryAt = now() + inMs * 1000;
    this.#retryTimer = setTimeout(() => {
      this.#restart = this.#startAgain();
    }, inMs);
  }

  async #startAgain(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      const retryInMs = this.#retryMs;
      const thrown = error instanceof Error ? error : new Error(messageOf(error));
      this.#onEvent({ kind: 'failed', model: this.name, error: thrown, retryInMs });
      this.#retryLater(retryInMs);
    }
  }

  #mostRows(rowBytes: number): number {
    const { maxRows, maxBytes } = this.#served.queue;
    return Math.min(maxRows, Math.floor(maxBytes / Math.max(1, rowBytes)));
  }

  #checkRoom(
    state: EndpointState,
    queue: LoadedInstances['dispatcher']['queue'],
    rows: number,
    rowBytes: number,
  ): void {
    const most = this.#mostRows(rowBytes);
    if (rows > most) {
      throw state.refusal('too-large', `${rows} rows are more than a request may have, which is ${most}`);
    }
    const refusal = this.#fullness(state, queue, rows, rowBytes);
    if (refusal !== undefined) throw refusal;
  }

  #fullness(
    state: EndpointState,
    queue: LoadedInstances['dispatcher']['queue'],
    rows: number,
    rowBytes: number,
  ): Refusal | undefined {
    const { maxRows, maxBytes } = this.#served.queue;
    const isFull = queue.rows + rows > maxRows || queue.bytes + rows * rowBytes > maxBytes;
    if (!isFull) return undefined;
    const wait = this.#instances?.dispatcher.door.runMicros(rows) ?? 0;
    const message = `${queue.rows} rows of ${queue.bytes} bytes wait already, and ${rows} more do not fit`;
    return state.refusal('full', message, Math.max(1, Math.ceil(wait / 1000)));
  }
}

/** A client can't put itself before its endpoint. */
function priorityOf(own: number, asked = 0): number {
  return asked <= own ? own : Math.max(own, Math.min(asked, LOWEST_ASKED));
}

function deadlineOf(
  { arrivedAt, timeoutMicros }: Pick<InferRequest, 'arrivedAt' | 'timeoutMicros'>,
  deadlineMs: number | null,
): number {
  const own = deadlineMs === null ? Number.POSITIVE_INFINITY : deadlineMs * 1000;
  const asked = timeoutMicros === undefined || timeoutMicros <= 0 ? Number.POSITIVE_INFINITY : timeoutMicros;
  return arrivedAt + Math.min(own, asked);
}

function tensorOf({ name, dtype, rowDims, text }: TensorRegion): EndpointTensor {
  if (text !== undefined) return { name, dtype, shape: [-1, ...rowDims.slice(0, -1)], isText: true };
  return { name, dtype, shape: [-1, ...rowDims] };
}
