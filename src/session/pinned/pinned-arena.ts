import { Worker } from 'node:worker_threads';
import { DeviceError, fromRecord, messageOf } from '../../util/errors.js';
import { threadFlags } from '../../util/exec-argv.js';
import type { PinnedThreadData, PinReply, PinRequest } from './thread.js';

/** A driver that hangs must not hold up a job, neither when it begins nor when it ends. */
const ANSWER_MS = 10_000;

/** Memory that a driver holds which does not answer: it may never be freed. */
const HELD: SharedArrayBuffer[] = [];

/**
 * The main thread's handle of the thread that has a ring's arena pinned. Whoever starts it disposes of it, once nobody
 * runs batches out of the arena any more.
 */
export class PinnedArena implements AsyncDisposable {
  readonly #arena: SharedArrayBuffer;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #waiting: ((error: Error | undefined) => void)[] = [];
  #failure: Error | undefined;

  /**
   * @param ordinal of the GPU, as CUDA numbers them: what is pinned is so for all of them
   * @param library in place of the driver's own, for tests
   */
  constructor(arena: SharedArrayBuffer, ordinal: number, library?: string) {
    this.#arena = arena;
    const data: PinnedThreadData = { arena, ordinal, library };
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), {
      workerData: data,
      ...threadFlags(),
    });
    this.#worker.on('message', ({ error }: PinReply) => this.#waiting.shift()?.(error && fromRecord(error)));
    this.#worker.on('error', (error) => this.#fail(new DeviceError(messageOf(error), { cause: error })));
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#fail(new DeviceError('the thread that pins memory ended'));
        resolve();
      });
    });
    this.#worker.unref();
  }

  /**
   * Pins bytes of the arena, from one to before the other.
   *
   * @throws DeviceError with what the driver says, or where it does not answer
   */
  async pin(from: number, to: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const answered = new Promise<Error | undefined>((resolve) => this.#waiting.push(resolve));
    this.#worker.postMessage({ kind: 'pin', from, to } satisfies PinRequest);
    const error = await within(answered, () => {
      this.#failure = new DeviceError(`NVIDIA's driver did not answer within ${ANSWER_MS / 1000} s`);
      return this.#failure;
    });
    if (error !== undefined) throw error;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const resolve of this.#waiting.splice(0)) resolve(error);
  }

  /** Has everything unpinned; the arena may be freed then. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#worker.postMessage({ kind: 'release' } satisfies PinRequest);
    const isGone = await within(
      this.#exited.then(() => true),
      () => false,
    );
    if (!isGone) HELD.push(this.#arena);
  }
}

/** A timer of its own keeps the process alive meanwhile, which the thread does not. */
async function within<T>(work: Promise<T>, otherwise: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(otherwise()), ANSWER_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
