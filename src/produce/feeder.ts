import { RecordBatch, type Table } from 'apache-arrow';
import { now } from '../clock/now.js';
import { ProducerState, type StateClock } from '../clock/state-clock.js';
import { ProducerSide } from '../ring/producer-side.js';
import type { Ring } from '../ring/ring.js';
import { DataError } from '../util/errors.js';
import { Collator } from './collate.js';
import { type Row, RowCollator } from './row-collate.js';
import { RowFault } from './row-fault.js';
import type { CollateInput } from './writer.js';

/** What an iterable may yield: rows, or Arrow record batches or tables of rows. */
export type FeedItem = Row | RecordBatch | Table;

/** Rows that are written without giving the event loop a turn take no longer than this, microseconds. */
const TURN_MICROS = 2000;
/** Bytes that are written between two looks at the clock. */
const CHUNK_BYTES = 256 * 1024;

/**
 * A producer on the thread of whoever calls it: rows of an (async) iterable go into slots without blocking the event
 * loop. All of the iterable is one split.
 */
export class Feeder {
  readonly #side: ProducerSide;
  readonly #clock: StateClock;
  readonly #batches: Collator;
  readonly #rows: RowCollator;
  readonly #rowBytes: number;
  readonly #split: number;
  #row = 0;
  #turnStartedAt = now();

  constructor(
    ring: Ring,
    lane: number,
    clock: StateClock,
    inputs: readonly CollateInput[],
    lengthColumn: string | undefined,
  ) {
    this.#side = new ProducerSide(ring, lane);
    this.#clock = clock;
    this.#split = this.#side.takeSplit();
    this.#batches = new Collator(ring, inputs, lengthColumn);
    this.#rows = new RowCollator(ring, inputs, lengthColumn);
    const rows = Math.max(...ring.layout.buckets.map(({ capacity }) => capacity));
    this.#rowBytes = Math.max(1, ring.layout.slotBytes / rows);
  }

  /** Feeds all that the iterable yields; resolves when it is at its end and every row is in the ring. */
  async feed(items: AsyncIterable<FeedItem> | Iterable<FeedItem>): Promise<void> {
    this.#clock.switch(ProducerState.fetch);
    for await (const item of items) {
      this.#clock.switch(ProducerState.collate);
      if (item instanceof RecordBatch) await this.#feedBatch(item);
      else if (isTable(item)) for (const batch of item.batches) await this.#feedBatch(batch);
      else await this.#feedRow(item);
      this.#clock.switch(ProducerState.fetch);
    }
    this.#side.finishSplit(this.#split);
    this.#clock.switch(ProducerState.idle);
  }

  async #feedBatch(batch: RecordBatch): Promise<void> {
    const collator = this.#batches;
    const base = this.#row;
    this.#locating(base, () => collator.begin(batch));
    const most = Math.max(1, Math.floor(CHUNK_BYTES / this.#rowBytes));
    for (let row = 0; row < batch.numRows; ) {
      await this.#takeTurn();
      const bucket = this.#locating(base, () => collator.bucketOf(row));
      const end = collator.endOfBucket(row, Math.min(batch.numRows, row + most), bucket);
      const claim = await this.#side.claimAsync(this.#split, base + row, end - row, bucket);
      this.#locating(base, () => collator.write(claim, row));
      this.#side.commit(collator.tokens(row, row + claim.count));
      row += claim.count;
      this.#row = base + row;
    }
  }

  async #feedRow(row: Row): Promise<void> {
    await this.#takeTurn();
    const rows = this.#rows;
    this.#locating(this.#row, () => rows.begin(row));
    const claim = await this.#side.claimAsync(this.#split, this.#row, 1, rows.bucket);
    this.#locating(this.#row, () => rows.write(claim));
    this.#side.commit(rows.tokens);
    this.#row++;
  }

  /** After two milliseconds of work, whatever else the event loop has to do comes first. */
  async #takeTurn(): Promise<void> {
    if (now() - this.#turnStartedAt < TURN_MICROS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#turnStartedAt = now();
  }

  /** @param base rows of the source before the one that a fault counts as 0 */
  #locating<T>(base: number, work: () => T): T {
    try {
      return work();
    } catch (fault) {
      if (!(fault instanceof RowFault)) throw fault;
      const row = base + fault.row;
      throw new DataError(
        `row ${row} of the source, column ${JSON.stringify(fault.column)}: ${fault.message}`,
        {
          row,
          column: fault.column,
        },
      );
    }
  }
}

function isTable(item: FeedItem): item is Table {
  return typeof item === 'object' && item !== null && 'batches' in item && Array.isArray(item.batches);
}
