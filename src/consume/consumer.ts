import { Worker } from 'node:worker_threads';
import type { Bucket, RowTensor } from '../ring/layout.js';
import type { SessionSpec, StagingMemory } from '../session/types.js';
import { DeviceError, fromRecord } from '../util/errors.js';
import { threadFlags } from '../util/exec-argv.js';
import type {
  Attachment,
  ConsumerReply,
  ConsumerRequest,
  LoadedModel,
  OnlineAttachment,
  RejectedRow,
} from './types.js';

/**
 * The main thread's handle of a consumer thread. Whoever starts it stops it, and waits for `exited`.
 */
export class Consumer {
  readonly spec: SessionSpec;
  readonly #worker: Worker;
  readonly #replies: ConsumerReply[] = [];
  #waiting: { resolve: (reply: ConsumerReply) => void; reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;
  #onRejected: (rows: readonly RejectedRow[]) => void = () => {};
  #loaded: Promise<LoadedModel> | undefined;
  /** Resolves when the thread is gone, however it went. */
  readonly exited: Promise<void>;
  #gone!: () => void;

  constructor(spec: SessionSpec) {
    this.spec = spec;
    // From 1.29 on ONNX Runtime reports what it runs to Microsoft, unless this is set before its library is loaded, in
    // the main thread: native code does not see a worker's copy (microsoft/onnxruntime pull request 27379). A library
    // that nobody asked to do so keeps to itself; whoever wants it sets the variable to 0.
    process.env.ORT_DISABLE_TELEMETRY ??= '1';
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), {
      workerData: spec,
      ...threadFlags(),
    });
    this.#worker.on('message', (reply: ConsumerReply) => this.#receive(reply));
    this.#worker.on('error', (error) => this.#fail(threadFailure(spec, error)));
    this.exited = new Promise((resolve) => {
      this.#gone = resolve;
    });
    this.#worker.once('exit', (code) => {
      this.#fail(new DeviceError(`the consumer thread ended with code ${code} before its work was done`));
      this.#gone();
    });
  }

  /** The model, once it is loaded. Called before anything else. */
  loaded(): Promise<LoadedModel> {
    this.#loaded ??= this.#awaitLoaded();
    return this.#loaded;
  }

  async #awaitLoaded(): Promise<LoadedModel> {
    const reply = await this.#reply();
    if (reply.kind !== 'loaded') throw unexpected(reply);
    return reply.model;
  }

  /** Dimensions of the outputs for a full batch of a bucket, found by running one of zeros. */
  async outputDims(
    inputs: readonly RowTensor[],
    bucket: Bucket,
  ): Promise<ReadonlyMap<string, readonly number[]>> {
    this.#send({ kind: 'outputDims', inputs, bucket });
    const reply = await this.#reply();
    if (reply.kind !== 'outputDims') throw unexpected(reply);
    return reply.dims;
  }

  /** How long a full batch of a bucket takes, of zeros: microseconds, the mean of some runs; Infinity for want of memory. */
  async time(inputs: readonly RowTensor[], outputs: readonly RowTensor[], bucket: Bucket): Promise<number> {
    this.#send({ kind: 'time', inputs, outputs, bucket });
    const reply = await this.#reply();
    if (reply.kind !== 'time') throw unexpected(reply);
    return reply.micros;
  }

  /** Gives it a ring; resolves after a warm-up run, with the memory of its own that its runs go through, if any do. */
  attach(attachment: Attachment): Promise<StagingMemory | undefined> {
    return this.#attach({ kind: 'attach', attachment });
  }

  /** The same for a stream of online requests. */
  attachOnline(attachment: OnlineAttachment): Promise<StagingMemory | undefined> {
    return this.#attach({ kind: 'attachOnline', attachment });
  }

  async #attach(request: ConsumerRequest): Promise<StagingMemory | undefined> {
    this.#send(request);
    const reply = await this.#reply();
    if (reply.kind !== 'attached') throw unexpected(reply);
    return reply.staging;
  }

  /**
   * Consumes until the ring has ended or was aborted; rejects with what went wrong in the thread. `onRejected` is told of
   * rows that the model rejects, before their batch is done. Resolves with what a user should know of the runs.
   */
  async consume(onRejected: (rows: readonly RejectedRow[]) => void): Promise<readonly string[]> {
    this.#onRejected = onRejected;
    this.#send({ kind: 'start' });
    const reply = await this.#reply();
    if (reply.kind !== 'finished') throw unexpected(reply);
    return reply.warnings;
  }

  /**
   * Gives up a thread that hangs in a run: it can be ended only with the whole process, which need not wait for it any
   * more, nor need whoever waits for `exited`.
   */
  abandon(error: Error): void {
    this.#fail(error);
    this.#worker.unref();
    this.#gone();
  }

  /** Asks a thread that is not consuming to end. One that consumes ends with its ring. */
  stop(): void {
    this.#send({ kind: 'stop' });
  }

  #send(request: ConsumerRequest): void {
    this.#worker.postMessage(request);
  }

  #receive(reply: ConsumerReply): void {
    if (reply.kind === 'failed') {
      this.#fail(fromRecord(reply.error));
    } else if (reply.kind === 'rejected') {
      this.#onRejected(reply.rows);
    } else if (this.#waiting) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve(reply);
    } else {
      this.#replies.push(reply);
    }
  }

  /** The first failure is the one that counts. */
  #fail(error: Error): void {
    this.#failure ??= error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#failure);
  }

  async #reply(): Promise<ConsumerReply> {
    const reply = this.#replies.shift();
    if (reply !== undefined) return reply;
    if (this.#failure !== undefined) throw this.#failure;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}

/** What Node tells of a thread that died: of its memory, or of an error that nobody caught. */
function threadFailure(
  { uri, runtime }: SessionSpec,
  cause: Error & { readonly code?: string },
): DeviceError {
  const model = uri ?? runtime;
  if (cause.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new DeviceError(`${model}: the thread that runs the model is out of memory: ${cause.message}`, {
      hint: 'Give it more with NODE_OPTIONS=--max-old-space-size=<MiB>; if it grows with every batch, the model leaks.',
      cause,
    });
  }
  return new DeviceError(`${model}: the thread that runs the model failed: ${cause.message}`, { cause });
}

function unexpected(reply: ConsumerReply): Error {
  return new Error(`the consumer thread answered out of turn: ${reply.kind}`);
}
