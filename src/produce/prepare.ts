import type { RecordBatch } from 'apache-arrow';
import { ProducerState, type StateClock } from '../clock/state-clock.js';
import { emptyBatch } from '../dataset/empty.js';
import { takeRows } from '../dataset/take.js';
import type { RawBatch } from '../dataset/types.js';
import { type BadRow, valuesIn } from './bad-rows.js';
import type { Collator } from './collate.js';
import { isOfRows } from './locate.js';
import { RowFault } from './row-fault.js';
import { type Transform, type Transformed, TransformFailure } from './transform.js';
import type { TransformContext } from './transform-types.js';

/** A record batch that the collator has taken and found good, but for the rows that are dropped. */
export interface PreparedBatch {
  readonly batch: RecordBatch;
  /** 1 for a row that does not go into the ring; undefined where all do. */
  readonly dropped: Uint8Array | undefined;
  /** Which row of the record batch that was read each row is; undefined where they are the same. */
  readonly origin: Int32Array | undefined;
  /** In the order of the rows. One more than may be, where there are more. */
  readonly bad: readonly BadRow[];
}

/** What comes between decoding and writing rows: the user's transform, and the search for bad rows. */
export class Preparer {
  readonly #collator: Collator;
  readonly #clock: StateClock;
  readonly #transform: Transform | undefined;
  /** Columns that a bad row's letter shows. */
  readonly #shown: readonly string[];

  constructor(
    collator: Collator,
    clock: StateClock,
    transform: Transform | undefined,
    shown: readonly string[],
  ) {
    this.#collator = collator;
    this.#clock = clock;
    this.#transform = transform;
    this.#shown = shown;
  }

  /**
   * @param left bad rows that may be put aside; undefined: the first is an error
   * @throws RowFault or TransformFailure, rows counted in `source`
   */
  async prepare(
    source: RecordBatch,
    stored: RawBatch['stored'],
    context: TransformContext,
    left: number | undefined,
  ): Promise<PreparedBatch> {
    const found: BadRow[] = [];
    const { batch, origin, ...transformed } = await this.#transformed(source, context, left, found);
    this.#clock.switch(ProducerState.collate);
    let { dropped } = transformed;
    if (left === undefined) {
      try {
        this.#collator.begin(batch, stored, dropped);
      } catch (fault) {
        throw inSource(fault, origin);
      }
      return { batch, origin, dropped, bad: found };
    }
    for (const fault of this.#collator.examine(batch, stored, dropped)) {
      dropped ??= new Uint8Array(batch.numRows);
      dropped[fault.row] = 1;
      const values = valuesIn(batch, this.#shown, fault.row);
      const row = origin?.[fault.row] ?? fault.row;
      found.push({ row, column: fault.column, reason: fault.message, values });
    }
    const bad = found.sort((a, b) => a.row - b.row).slice(0, left + 1);
    return { batch, origin, dropped, bad };
  }

  async #transformed(
    source: RecordBatch,
    context: TransformContext,
    left: number | undefined,
    found: BadRow[],
  ): Promise<Transformed & { readonly origin: Int32Array | undefined }> {
    const transform = this.#transform;
    if (transform === undefined) return { batch: source, dropped: undefined, origin: undefined };
    this.#clock.switch(ProducerState.transform);
    try {
      return { ...(await transform.apply(source, context)), origin: undefined };
    } catch (failure) {
      if (!isOfRows(failure)) throw failure;
      if (left === undefined) throw await this.#narrowed(transform, source, context, failure);
      await this.#search(transform, source, context, 0, source.numRows, failure, left, found);
      // None of the rows fails by itself: whose fault it is can't be told.
      if (found.length === 0) throw failure;
    }
    const isBad = new Set(found.map(({ row }) => row));
    const origin = Int32Array.from(
      Array.from({ length: source.numRows }, (_, row) => row).filter((row) => !isBad.has(row)),
    );
    if (found.length > left || origin.length === 0) {
      return { batch: emptyBatch(transform.schema ?? source.schema), dropped: undefined, origin };
    }
    try {
      return { ...(await transform.apply(takeRows(source, origin), context)), origin };
    } catch (failure) {
      throw inSource(failure, origin);
    }
  }

  /** The same failure for fewer rows, for one if it fails by itself. */
  async #narrowed(
    transform: Transform,
    source: RecordBatch,
    context: TransformContext,
    first: RowFault | TransformFailure,
  ): Promise<RowFault | TransformFailure> {
    let failure = first;
    let [from, to] = [0, source.numRows];
    while (failure instanceof TransformFailure && to - from > 1) {
      const middle = Math.floor((from + to) / 2);
      const below = await failureOf(transform, source, context, from, middle);
      const half = below ?? (await failureOf(transform, source, context, middle, to));
      if (half === undefined) break;
      [from, to] = below === undefined ? [middle, to] : [from, middle];
      failure = half;
    }
    if (failure instanceof RowFault) return new RowFault(from + failure.row, failure.column, failure.message);
    return new TransformFailure(failure.message, from, to, failure.cause);
  }

  /** Halves rows for which the transform fails until each bad one stands alone. */
  async #search(
    transform: Transform,
    source: RecordBatch,
    context: TransformContext,
    from: number,
    to: number,
    failure: RowFault | TransformFailure,
    left: number,
    found: BadRow[],
  ): Promise<void> {
    if (found.length > left) return;
    if (to - from === 1) {
      const column = failure instanceof RowFault ? failure.column : undefined;
      const values = valuesIn(source, this.#shown, from);
      found.push({ row: from, column, reason: failure.message, values });
      return;
    }
    const middle = Math.floor((from + to) / 2);
    for (const [start, end] of [
      [from, middle],
      [middle, to],
    ] as const) {
      const half = await failureOf(transform, source, context, start, end);
      if (half !== undefined) await this.#search(transform, source, context, start, end, half, left, found);
    }
  }
}

async function failureOf(
  transform: Transform,
  source: RecordBatch,
  context: TransformContext,
  from: number,
  to: number,
): Promise<RowFault | TransformFailure | undefined> {
  try {
    await transform.apply(source.slice(from, to), context);
    return undefined;
  } catch (failure) {
    if (isOfRows(failure)) return failure;
    throw failure;
  }
}

/** A failure with its rows' numbers in the record batch that was read. */
export function inSource(failure: unknown, origin: Int32Array | undefined): unknown {
  if (origin === undefined || !isOfRows(failure)) return failure;
  const inRead = (row: number): number => origin[row] ?? row;
  if (failure instanceof RowFault) return new RowFault(inRead(failure.row), failure.column, failure.message);
  const { message, from, to, cause } = failure;
  return new TransformFailure(message, inRead(from), inRead(to - 1) + 1, cause);
}
