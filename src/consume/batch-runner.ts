import { ConsumerState, type StateClock } from '../clock/state-clock.js';
import { sizeToRun } from '../ring/buckets.js';
import type { Bucket } from '../ring/layout.js';
import { SlotWord } from '../ring/protocol.js';
import type { Ring } from '../ring/ring.js';
import { isOutOfMemory } from '../session/out-of-memory.js';
import type { Session } from '../session/types.js';
import { DeviceError, messageOf, PenstockError } from '../util/errors.js';
import { blanks, padded, type RunViews, type SlotRows, takeBack, viewsOf } from './views.js';

/** A row that the model takes in no batch. */
export interface Rejection {
  /** Its place in the slot. */
  readonly row: number;
  readonly reason: string;
}

export interface RunnerOptions {
  /** What errors call the model. */
  readonly model: string;
  /** Batch sizes that the model likes, ascending: smaller batches run with the next of these. */
  readonly preferredSizes: readonly number[];
  /** With so many rejections in one batch its other rows need not be run: the job fails. */
  readonly mostRejections: number;
}

const NONE: readonly Rejection[] = [];

/**
 * Runs the batches of a ring in a session. A batch that the session rejects is halved until the bad rows stand alone;
 * where memory does not suffice, batches run in halves from then on.
 */
export class BatchRunner {
  readonly #session: Session;
  readonly #ring: Ring;
  readonly #clock: StateClock;
  readonly #model: string;
  readonly #preferredSizes: readonly number[];
  readonly #mostRejections: number;
  /** The only size of batches that the model takes. */
  readonly #fixedSize: number | undefined;
  /** Full batches by slot and bucket: nothing is allocated for those. */
  readonly #full: readonly (readonly RunViews[])[];
  /** Rows that a run may have: halved when the device's memory does not suffice. */
  #mostRows = Number.POSITIVE_INFINITY;
  #outOfMemory: { readonly rows: number; readonly reason: string } | undefined;

  constructor(session: Session, ring: Ring, clock: StateClock, options: RunnerOptions) {
    this.#session = session;
    this.#ring = ring;
    this.#clock = clock;
    this.#model = options.model;
    this.#preferredSizes = options.preferredSizes;
    this.#mostRejections = options.mostRejections;
    this.#fixedSize = session.inputs.map(({ dims }) => dims?.[0]).find((dim) => typeof dim === 'number');
    this.#full = Array.from({ length: ring.config.slots }, (_, slot) =>
      ring.layout.buckets.map((bucket) => viewsOf(ring, fullBatch(slot, bucket))),
    );
  }

  /** What a user should know of the runs so far. */
  get warnings(): readonly string[] {
    if (this.#outOfMemory === undefined) return [];
    const { rows, reason } = this.#outOfMemory;
    return [
      `${this.#session.device.id}: out of memory with batches of ${rows} rows (${reason}); they ran as batches of ${this.#mostRows} at most from then on: set batch.size: ${this.#mostRows}, and slots take less memory too`,
    ];
  }

  /**
   * A run of each shape before the clock starts: the first is slow in every runtime. The slots are still blank.
   *
   * @param sizes of further batches, of as many rows
   * @throws what the session throws, but for want of memory
   */
  async warmUp(sizes: readonly number[] = []): Promise<void> {
    await this.#warmUpFull();
    const bucket = this.#ring.layout.buckets[0] as Bucket;
    for (const count of sizes) {
      if (count >= Math.min(bucket.capacity, this.#mostRows)) continue;
      await this.#piece({ slot: 0, bucket, first: 0, count });
    }
  }

  async #warmUpFull(): Promise<void> {
    for (const [index, bucket] of this.#ring.layout.buckets.entries()) {
      const views = this.#full[0]?.[index] as RunViews;
      await this.#session.run(views.inputs, views.outputs).catch((error) => {
        if (!isOutOfMemory(error)) throw error;
        return this.#halved(fullBatch(0, bucket), error);
      });
    }
  }

  /**
   * Runs the batch in a slot.
   *
   * @returns the rows that the model rejects, in ascending order; it has run all others, unless these are too many
   * @throws DeviceError where the session runs nothing at all any more, or not even one row for want of memory
   */
  async run(slot: number): Promise<readonly Rejection[]> {
    const ring = this.#ring;
    const bucket = ring.bucketOf(slot);
    const count = ring.slotWord(slot, SlotWord.CLAIMED);
    const rows: SlotRows = { slot, bucket, first: 0, count };
    if (count > this.#mostRows) return this.#inPieces(rows, this.#mostRows);
    // The rows too many are left over from batches before.
    const views = this.#views({ ...rows, count: sizeToRun(count, this.#preferredSizes) });
    try {
      await this.#runOnce(views);
      return NONE;
    } catch (error) {
      return this.#afterFailure(rows, error);
    }
  }

  #views(rows: SlotRows): RunViews {
    const full = this.#full[rows.slot]?.[this.#ring.bucketIndex(rows.slot)];
    return full !== undefined && rows.count === rows.bucket.capacity ? full : viewsOf(this.#ring, rows);
  }

  #runOnce({ inputs, outputs }: RunViews): Promise<void> {
    // Since when it runs is what a watchdog looks at.
    this.#clock.switch(ConsumerState.running);
    return this.#session.run(inputs, outputs);
  }

  async #inPieces({ first, count, ...where }: SlotRows, most: number): Promise<readonly Rejection[]> {
    const rejections: Rejection[] = [];
    for (let done = 0; done < count && rejections.length < this.#mostRejections; ) {
      const piece = Math.min(most, this.#mostRows, count - done);
      rejections.push(...(await this.#piece({ ...where, first: first + done, count: piece })));
      done += piece;
    }
    return rejections;
  }

  async #piece(rows: SlotRows): Promise<readonly Rejection[]> {
    const own = viewsOf(this.#ring, rows);
    const size = this.#fixedSize ?? rows.count;
    const views = size === rows.count ? own : padded(this.#ring, own, rows, size);
    try {
      await this.#runOnce(views);
    } catch (error) {
      return this.#afterFailure(rows, error);
    }
    if (views !== own) takeBack(views, own);
    return NONE;
  }

  async #afterFailure(rows: SlotRows, error: unknown): Promise<readonly Rejection[]> {
    if (error instanceof PenstockError) throw error;
    if (isOutOfMemory(error)) return this.#halved(rows, error);
    if (rows.count > 1) return this.#inPieces(rows, Math.ceil(rows.count / 2));
    await this.#checkSession(error);
    // What a producer left when it died is nobody's row.
    return this.#isOfSplit(rows) ? [{ row: rows.first, reason: messageOf(error) }] : NONE;
  }

  /** For good: what did not fit once would not fit again. */
  #halved(rows: SlotRows, error: unknown): Promise<readonly Rejection[]> {
    const { id } = this.#session.device;
    if (rows.count === 1 || this.#fixedSize !== undefined) {
      const fixed =
        this.#fixedSize === undefined ? 'one row' : `${this.#fixedSize} rows, the only size that it takes`;
      throw new DeviceError(
        `${this.#model}: ${id} has too little memory for a batch of ${fixed}: ${messageOf(error)}`,
        { key: 'model', hint: 'Use a smaller model, rows that are shorter, or a device with more memory.' },
      );
    }
    this.#outOfMemory ??= { rows: rows.count, reason: messageOf(error) };
    this.#mostRows = Math.ceil(rows.count / 2);
    return this.#inPieces(rows, this.#mostRows);
  }

  /**
   * Rows are bad only where others still go through: where not even the blank ones do that went through before the first
   * row was read, it is the device that fails, and all rows would seem bad.
   */
  async #checkSession(error: unknown): Promise<void> {
    const { layout } = this.#ring;
    const [bucket] = layout.buckets as [Bucket];
    const rows = this.#fixedSize ?? 1;
    try {
      await this.#session.run(blanks(layout.inputs, bucket, rows), blanks(layout.outputs, bucket, rows));
    } catch {
      throw new DeviceError(
        `${this.#model}: ${this.#session.device.id} runs nothing any more: ${messageOf(error)}`,
        { hint: 'Run the same job again: it goes on from there. penstock doctor tells what can run here.' },
      );
    }
  }

  #isOfSplit({ slot, first }: SlotRows): boolean {
    return this.#ring.runs(slot).some((run) => first >= run.first && first < run.first + run.count);
  }
}

const fullBatch = (slot: number, bucket: Bucket): SlotRows => ({
  slot,
  bucket,
  first: 0,
  count: bucket.capacity,
});
