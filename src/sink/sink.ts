import { Worker } from 'node:worker_threads';
import type { ProducedSplit } from '../produce/types.js';
import type { Ring } from '../ring/ring.js';
import { fromRecord, InternalError } from '../util/errors.js';
import { threadFlags } from '../util/exec-argv.js';
import { threadFile } from '../util/thread-file.js';
import type { Part, RejectedLetter, SinkContext, SinkReply, SinkRequest } from './types.js';

/**
 * The main thread's handle of the sink's thread. Once attached, it ends by itself: with its last part, or when the ring
 * is aborted.
 */
export class Sink {
  readonly #worker: Worker;
  #onPart: (part: Part) => void = () => {};
  #ring: Ring | undefined;
  #online!: () => void;
  /** Resolves when the thread is up. */
  readonly #started = new Promise<void>((resolve) => {
    this.#online = resolve;
  });
  /** Resolves when every part is written, or the ring was aborted; rejects with the first error. */
  readonly finished: Promise<void>;
  /** Resolves when the thread is gone. */
  readonly exited: Promise<void>;

  /** Starts the thread, so that it is up when the ring is. */
  constructor() {
    this.#worker = new Worker(threadFile('sink', new URL('./thread.js', import.meta.url)), {
      ...threadFlags(),
    });
    this.exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.finished = new Promise((resolve, reject) => {
      this.#worker.on('message', (reply: SinkReply) => {
        if (reply.kind === 'started') this.#online();
        else if (reply.kind === 'part') this.#onPart(reply.part);
        else if (reply.kind === 'finished') resolve();
        else reject(fromRecord(reply.error));
      });
      this.#worker.on('error', reject);
      this.#worker.once('exit', (code) =>
        reject(new InternalError(`the sink's thread ended early, with code ${code}`)),
      );
    });
    // Whoever awaits `finished` hears of it; until then a failure must not count as unhandled.
    this.finished.catch(() => {});
  }

  /**
   * Gives it a ring; resolves when it watches it. `onPart` is called for each committed part, in the order of
   * completion; not for `sink.format: none`.
   */
  async attach(context: SinkContext, ring: Ring, onPart: (part: Part) => void): Promise<void> {
    this.#onPart = onPart;
    this.#ring = ring;
    this.#send({ kind: 'attach', context });
    await Promise.race([this.#started, this.finished]);
  }

  /** All rows of a split are in the ring. */
  produced(split: ProducedSplit): void {
    const keep = split.keep.map((bytes) => bytes.buffer as ArrayBuffer);
    this.#send({ kind: 'produced', split }, keep);
  }

  /** Letters for rows that are marked as rejected in their slots: a split is not written before all of its have come. */
  rejected(split: number, letters: readonly RejectedLetter[]): void {
    this.#send({ kind: 'rejected', split, letters });
  }

  /** No more splits than these will come. */
  end(splits: number): void {
    this.#send({ kind: 'end', splits });
  }

  /** Ends a thread that was never attached. One that was ends with its ring. */
  stop(): void {
    this.#send({ kind: 'stop' });
  }

  #send(request: SinkRequest, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer);
    // The thread does not listen, it looks when the ring's event tells it to.
    this.#ring?.done.signal();
  }
}
