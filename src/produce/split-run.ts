import { makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from 'apache-arrow';
import { ProducerState, type StateClock } from '../clock/state-clock.js';
import { takeRows } from '../dataset/take.js';
import type { DataFile, FileRequest, RawBatch, Split } from '../dataset/types.js';
import type { ProducerSide } from '../ring/producer-side.js';
import { type BadRow, type DeadLetter, TooManyBadRows } from './bad-rows.js';
import type { Collator } from './collate.js';
import { isOfRows, locate, rowInFile } from './locate.js';
import { inSource, type PreparedBatch, type Preparer } from './prepare.js';
import type { SplitReading } from './read-ahead.js';
import type { Transform } from './transform.js';
import { KEEP } from './transform-types.js';
import type { BatchOrigin, ProducedSplit, ProduceHooks, ProducerContext } from './types.js';

/** What a producer has set up for all of its splits. */
export interface ProducerSetup {
  readonly context: ProducerContext;
  readonly lane: number;
  readonly collator: Collator;
  readonly preparer: Preparer;
  readonly transform: Transform | undefined;
  readonly signal: AbortSignal;
  readonly request: Required<FileRequest>;
  readonly hooks: ProduceHooks;
}

/** Lets others have the thread; `back` is what the producer does after that. */
export async function takeTurn(
  turn: () => Promise<void>,
  clock: StateClock,
  back: ProducerState,
): Promise<void> {
  clock.switch(ProducerState.idle);
  await turn();
  clock.switch(back);
}

/** Produces one split: decodes, transforms and collates its record batches, one after another. */
export class SplitRun {
  readonly #setup: ProducerSetup;
  readonly #clock: StateClock;
  readonly #side: ProducerSide;
  readonly #reading: SplitReading;
  readonly #split: Split;
  readonly #batchRows: number[] = [];
  readonly #origins: BatchOrigin[] = [];
  readonly #keep: Uint8Array[] = [];
  readonly #deadLetters: DeadLetter[] = [];
  /** Rows of the split before the batch at hand that went into the ring; … */
  #base = 0;
  /** … and those that were read. */
  #rowsRead = 0;
  #bytes = 0;

  constructor(setup: ProducerSetup, side: ProducerSide, clock: StateClock, reading: SplitReading) {
    this.#setup = setup;
    this.#clock = clock;
    this.#side = side;
    this.#reading = reading;
    this.#split = setup.context.splits[reading.split] as Split;
  }

  async produce(): Promise<ProducedSplit> {
    const clock = this.#clock;
    const { split, file, batches } = this.#reading;
    for await (const raw of batches) {
      this.#bytes += raw.bytes;
      await this.#produceBatch(raw, file);
      clock.switch(ProducerState.fetch);
    }
    return {
      split,
      ordinal: this.#split.ordinal,
      rowsRead: this.#rowsRead,
      deadLetters: this.#deadLetters,
      batchRows: this.#batchRows,
      origins: this.#origins,
      keep: this.#keep,
      bytes: this.#bytes,
    };
  }

  get #rowLimit(): number {
    return this.#split.limit ?? Number.POSITIVE_INFINITY;
  }

  async #produceBatch(raw: RawBatch, file: DataFile): Promise<void> {
    const { context } = this.#setup;
    this.#clock.switch(ProducerState.decode);
    const whole = raw.decode();
    const left = this.#rowLimit - this.#rowsRead;
    const batch = whole.numRows > left ? whole.slice(0, left) : whole;
    this.#rowsRead += batch.numRows;
    try {
      const prepared = await this.#prepare(batch, raw);
      if (prepared.bad.length > 0) await this.#putAside(prepared.bad, raw, file);
      const rows = await this.#collate(prepared);
      if (context.keep.length > 0) this.#keep.push(serialize(prepared, context.keep));
      this.#batchRows.push(rows);
      this.#origins.push(originOf(raw, prepared));
      this.#base += rows;
    } catch (error) {
      throw isOfRows(error) ? await locate(error, this.#split.object.uri, raw, file) : error;
    }
  }

  #prepare(batch: RecordBatch, raw: RawBatch): Promise<PreparedBatch> {
    const { preparer, context, lane, signal } = this.#setup;
    const left = context.badRows && context.badRows.left - this.#deadLetters.length;
    const { object, ordinal } = this.#split;
    const columns = batch.schema.fields.map(({ name }) => name);
    const about = { producer: lane, signal, file: object.uri, split: ordinal, columns, keep: KEEP } as const;
    return preparer.prepare(batch, raw.stored, about, left);
  }

  /** @throws TooManyBadRows where that makes more of them than may be */
  async #putAside(bad: readonly BadRow[], raw: RawBatch, file: DataFile): Promise<void> {
    const { object, ordinal } = this.#split;
    for (const { row, column, ...letter } of bad) {
      const place = { file: object.uri, split: ordinal, row: await rowInFile(raw, file, row) };
      this.#deadLetters.push({ ...place, column: column ?? null, ...letter });
    }
    const rules = this.#setup.context.badRows;
    if (rules === undefined || this.#deadLetters.length <= rules.left) return;
    throw new TooManyBadRows({ ordinal, letters: this.#deadLetters }, rules);
  }

  /** Writes the rows that are not dropped; returns how many. In the ring they are numbered without gaps. */
  async #collate({ batch, dropped, origin }: PreparedBatch): Promise<number> {
    const { collator, hooks } = this.#setup;
    const clock = this.#clock;
    const side = this.#side;
    const onBlocked = (): void => void clock.switch(ProducerState.blocked);
    const skip = this.#reading.committedRows - this.#base;
    let done = 0;
    try {
      for (let row = 0; row < batch.numRows; ) {
        if (dropped?.[row] === 1) {
          row++;
          continue;
        }
        const end = endOfRun(row, batch.numRows, dropped);
        if (done < skip) {
          const count = Math.min(skip - done, end - row);
          row += count;
          done += count;
        }
        while (row < end) {
          const bucket = collator.bucketOf(row);
          const want = collator.endOfBucket(row, end, bucket) - row;
          const claim = side.claim(this.#reading.split, this.#base + done, want, bucket, onBlocked);
          clock.switch(ProducerState.collate);
          collator.write(claim, row);
          side.commit(collator.tokens(row, row + claim.count));
          row += claim.count;
          done += claim.count;
          if (hooks.turn !== undefined) await takeTurn(hooks.turn, clock, ProducerState.collate);
        }
      }
    } catch (fault) {
      throw inSource(fault, origin);
    }
    return done;
  }
}

function originOf(raw: RawBatch, { batch, dropped, origin }: PreparedBatch): BatchOrigin {
  const { unit, rowInUnit } = raw;
  if (raw.rowAt === undefined && dropped === undefined && origin === undefined)
    return { unit, rowInUnit, rows: undefined };
  const kept = dropped === undefined ? undefined : survivors(dropped);
  const rows = Int32Array.from({ length: kept?.length ?? batch.numRows }, (_, i) => {
    const row = kept?.[i] ?? i;
    const read = origin?.[row] ?? row;
    return raw.rowAt?.(read) ?? rowInUnit + read;
  });
  return { unit, rowInUnit, rows };
}

/** The first row after `row`, and before `end`, that is dropped; `end` where none is. */
function endOfRun(row: number, end: number, dropped: Uint8Array | undefined): number {
  const next = dropped?.indexOf(1, row) ?? -1;
  return next < 0 ? end : next;
}

/** The kept columns of a batch in memory of their own: the batch's is used again for the one after the next. */
function serialize({ batch, dropped }: PreparedBatch, columns: readonly string[]): Uint8Array {
  const fields = columns
    .map((name) => batch.schema.fields.find((field) => field.name === name))
    .filter((f) => f != null);
  const children = columns.map((name) => batch.getChild(name)?.data[0]).filter((data) => data != null);
  const data = makeData({ type: new Struct(fields), length: batch.numRows, nullCount: 0, children });
  const all = new RecordBatch(new Schema(fields), data);
  const kept = dropped === undefined ? all : takeRows(all, survivors(dropped));
  return RecordBatchStreamWriter.writeAll([kept]).toUint8Array(true);
}

function survivors(dropped: Uint8Array): Int32Array {
  const rows = new Int32Array(dropped.length);
  let count = 0;
  for (let row = 0; row < dropped.length; row++) if (dropped[row] === 0) rows[count++] = row;
  return rows.subarray(0, count);
}
