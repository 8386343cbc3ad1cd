import { Worker } from 'node:worker_threads';
import type { LedgerMemory } from '../../clock/device-ledger.js';
import type { SessionSpec } from '../../session/types.js';
import { arrayOf, type DType, type TypedArray } from '../../util/dtype.js';
import { DeviceError, fromRecord } from '../../util/errors.js';
import { threadFlags } from '../../util/exec-argv.js';
import { Refusal } from '../refusal.js';
import type { WireTensor } from '../types.js';
import type { Order, Reply } from './types.js';

type Loaded = Extract<Reply, { kind: 'loaded' }>;
type Done = Extract<Reply, { kind: 'done' }>;

interface Waiting {
  readonly resolve: (done: Done) => void;
  readonly reject: (error: Error) => void;
}

/** The main thread's handle of a model's thread. Whoever starts it stops it. */
export class ModelThread {
  /** Resolves once the model is loaded and has run. */
  readonly loaded: Promise<Loaded>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #onLoaded!: { resolve: (model: Loaded) => void; reject: (error: Error) => void };
  #model: Loaded | undefined;
  #failure: Error | undefined;
  #stopping = false;
  #next = 0;

  constructor(spec: SessionSpec) {
    this.loaded = new Promise((resolve, reject) => {
      this.#onLoaded = { resolve, reject };
    });
    // Whoever waits for the others first must not end the process.
    this.loaded.catch(() => {});
    // See consume/consumer.ts: before ONNX Runtime is loaded, in the main thread.
    process.env.ORT_DISABLE_TELEMETRY ??= '1';
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), {
      workerData: spec,
      ...threadFlags(),
    });
    this.#worker.on('message', (reply: Reply) => this.#receive(reply));
    const model = spec.uri ?? spec.runtime;
    this.#worker.on('error', (cause: Error) =>
      this.#fail(
        new DeviceError(`${model}: the thread that runs the model failed: ${cause.message}`, { cause }),
      ),
    );
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#fail(new DeviceError(`${model}: the thread that runs the model ended with code ${code}`));
        resolve();
      });
    });
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Once it is loaded. */
  get model(): Loaded {
    if (this.#model === undefined) throw new Error('the model is not loaded yet');
    return this.#model;
  }

  /** Runs are booked in this ledger from now on. */
  account(ledger: LedgerMemory, owner: number): void {
    this.#send({ kind: 'account', ledger, owner });
  }

  /**
   * One run, after all that were asked for before.
   *
   * @throws Refusal where the client is gone (the run is made all the same), the model rejects it, or the thread has failed
   */
  async run(inputs: readonly WireTensor[], signal: AbortSignal | undefined): Promise<Done> {
    if (this.#failure !== undefined) throw failed(this.#failure);
    if (signal?.aborted) throw gone();
    const id = this.#next++;
    // A body's memory is shared by all of its tensors, and by others: what a thread is given is moved there whole.
    const own = inputs.map((input) =>
      ArrayBuffer.isView(input.data) ? { ...input, data: copyOf(input.dtype, input.data) } : input,
    );
    const moved = own.flatMap(({ data }) => (ArrayBuffer.isView(data) ? [data.buffer as ArrayBuffer] : []));
    const done = new Promise<Done>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#send({ kind: 'run', id, inputs: own }, moved);
    const onAbort = (): void => this.#settle(id)?.reject(gone());
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await done;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Resolves when the thread is gone; what was asked for before is run first. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#send({ kind: 'stop' });
    await this.#exited;
  }

  #send(order: Order, moved: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(order, moved);
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #receive(reply: Reply): void {
    switch (reply.kind) {
      case 'loaded':
        this.#model = reply;
        this.#onLoaded.resolve(reply);
        break;
      case 'done':
        this.#settle(reply.id)?.resolve(reply);
        break;
      case 'rejected':
        this.#settle(reply.id)?.reject(
          new Refusal('rejected', `the model rejects the request: ${reply.reason}`),
        );
        break;
      case 'failed':
        this.#fail(fromRecord(reply.error));
        break;
    }
  }

  /** The first failure is the one that counts. */
  #fail(error: Error): void {
    this.#failure ??= error;
    this.#onLoaded.reject(error);
    const reason = this.#stopping
      ? new Refusal('draining', 'the server has ended before the request was run')
      : failed(this.#failure);
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}

function copyOf(dtype: DType, data: TypedArray): TypedArray {
  const copy = new (arrayOf(dtype))(data.length);
  copy.set(data as never);
  return copy;
}

const gone = (): Refusal => new Refusal('gone', 'the client went away before it was answered');

const failed = (cause: Error): Refusal =>
  new Refusal('failed', `the model has failed: ${cause.message}`, { cause });
