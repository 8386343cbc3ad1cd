import { makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from 'apache-arrow';
import { ProducerState, StateClock } from '../clock/state-clock.js';
import { openFile } from '../dataset/dataset.js';
import { takeRows } from '../dataset/take.js';
import type { DataFile, FileRequest, RawBatch, Split } from '../dataset/types.js';
import type { UnfinishedSplit } from '../ring/control-side.js';
import { ProducerSide } from '../ring/producer-side.js';
import { laneOwner, Ring } from '../ring/ring.js';
import { remoteStorageAtRest } from '../storage/store.js';
import { toRecord } from '../util/errors.js';
import { type BadRow, type DeadLetter, TooManyBadRows } from './bad-rows.js';
import { Collator } from './collate.js';
import { isOfRows, locate, rowInFile } from './locate.js';
import { inSource, type PreparedBatch, Preparer } from './prepare.js';
import { areRemote, readSplits, type SplitReading, type SplitSource } from './read-ahead.js';
import { decodeSchema } from './schema-bytes.js';
import { StopSignal } from './stop-signal.js';
import { Transform } from './transform.js';
import { KEEP } from './transform-types.js';
import type { BatchOrigin, ProducedSplit, ProduceResult, ProducerContext, ProduceTask } from './types.js';

const NEVER = new AbortController().signal;

/** What one split of a stream leaves to the next. */
interface Bench {
  readonly context: ProducerContext;
  readonly lane: number;
  readonly collator: Collator;
  readonly preparer: Preparer;
  readonly transform: Transform | undefined;
  readonly signal: AbortSignal;
  readonly request: Required<FileRequest>;
  readonly hooks: ProduceHooks;
}

/** What a producer lets others do in its thread. */
export interface ProduceHooks {
  /** All rows of a split are in the ring, which is told only then: whoever takes over, should we die in between, tells it again. */
  produced(split: ProducedSplit): void;
  /**
   * Called after each run of rows, and after each split that was told, where a thread is consumer and sink too: takes what
   * is ready. The producer's clock is idle meanwhile.
   */
  turn?(): Promise<void>;
}

/** The task of a thread of the pool. */
export default async function produce(task: ProduceTask): Promise<ProduceResult> {
  const { port } = task;
  const produced = (split: ProducedSplit): void => {
    port.postMessage(
      split,
      split.keep.map((bytes) => bytes.buffer as ArrayBuffer),
    );
  };
  try {
    return await produceSplits(task, { produced });
  } finally {
    port.close();
  }
}

/** A producer: takes splits, one after another, and reads, decodes, transforms and collates them into the ring. */
export async function produceSplits(
  task: Omit<ProduceTask, 'port'>,
  hooks: ProduceHooks,
): Promise<ProduceResult> {
  const { context, lane } = task;
  const ring = new Ring(context.ring, laneOwner(lane));
  const clock = new StateClock(context.clocks, lane, ring.trace);
  const side = new ProducerSide(ring, lane);
  // Only who waits for something else than the ring has to be told.
  const waits = context.transform !== undefined || areRemote(context.splits);
  using stopping = waits ? StopSignal.ofRing(ring) : undefined;
  const signal = stopping?.signal ?? NEVER;
  let bench: Bench | undefined;
  try {
    bench = await setUp(ring, task, clock, signal, hooks);
    clock.switch(ProducerState.fetch);
    const source = splitsOf(context, task.unfinished, ring, side, bench.request);
    for await (const reading of readSplits(source, signal)) {
      const { split } = reading;
      const produced = await new SplitRun(bench, side, clock, reading).produce();
      hooks.produced(produced);
      if (hooks.turn !== undefined) await takeTurn(hooks.turn, clock, ProducerState.fetch);
      side.finishSplit(split);
      // Splits of local files are produced in one go; errors that nobody awaits come to light here.
      await new Promise((resolve) => setImmediate(resolve));
      clock.switch(ProducerState.fetch);
    }
    const { transform } = bench;
    bench = { ...bench, transform: undefined };
    await transform?.teardown();
    return undefined;
  } catch (error) {
    if (error instanceof TooManyBadRows) return { error: toRecord(error.error), letters: error.letters };
    return { error: toRecord(error) };
  } finally {
    // Where something else failed, that is what counts.
    await bench?.transform?.teardown().catch(() => {});
    // A thread that ends before its requests do would take the process with it.
    await remoteStorageAtRest();
    clock.switch(ProducerState.idle);
  }
}

async function takeTurn(turn: () => Promise<void>, clock: StateClock, back: ProducerState): Promise<void> {
  clock.switch(ProducerState.idle);
  await turn();
  clock.switch(back);
}

/** The splits that a producer takes, and what it reads of them. */
export function splitsOf(
  context: ProducerContext,
  unfinished: readonly UnfinishedSplit[],
  ring: Ring,
  side: ProducerSide,
  request: FileRequest,
): SplitSource {
  return {
    splits: context.splits,
    unfinished,
    // Those at work, not those that there may be: reading ahead is shared out among them.
    get producers() {
      return ring.lanesInUse;
    },
    left: () => side.splitsLeft,
    take: () => side.takeSplit(),
    open: ({ object }, signal) => openFile(object, context.files, request, signal),
  };
}

async function setUp(
  ring: Ring,
  { context, lane }: Omit<ProduceTask, 'port'>,
  clock: StateClock,
  signal: AbortSignal,
  hooks: ProduceHooks,
): Promise<Bench> {
  const { lengthColumn, inputs, keep } = context;
  const collator = new Collator(ring, inputs, lengthColumn, clock);
  let transform: Transform | undefined;
  if (context.transform !== undefined) {
    clock.switch(ProducerState.transform);
    const { plan, types } = context.transform;
    transform = await Transform.load(plan, { producer: lane, signal }, decodeSchema(types));
  }
  const preparer = new Preparer(collator, clock, transform, keep);
  const request = requestFor(collator, context);
  return { context, lane, collator, preparer, transform, signal, request, hooks };
}

/** What a producer reads of each file. */
export function requestFor(collator: Collator, context: ProducerContext): Required<FileRequest> {
  const { lengthColumn, inputs, keep, transform } = context;
  const needed = [...inputs.map(({ column }) => column), ...keep, ...(lengthColumn ? [lengthColumn] : [])];
  return {
    columns: transform?.plan.columns ?? [...new Set(needed)],
    leave: leftInFile(collator, context),
  };
}

/** Neither what a transform may look at, nor what is kept, nor what must be looked at before it is written. */
function leftInFile(collator: Collator, { transform, keep, badRows }: ProducerContext): Set<string> {
  if (transform !== undefined) return new Set();
  const read = new Set([...keep, ...(badRows === undefined ? [] : collator.narrowing)]);
  return new Set(collator.storable.filter((column) => !read.has(column)));
}

class SplitRun {
  readonly #bench: Bench;
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

  constructor(bench: Bench, side: ProducerSide, clock: StateClock, reading: SplitReading) {
    this.#bench = bench;
    this.#clock = clock;
    this.#side = side;
    this.#reading = reading;
    this.#split = bench.context.splits[reading.split] as Split;
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
    const { context } = this.#bench;
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
    const { preparer, context, lane, signal } = this.#bench;
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
    const rules = this.#bench.context.badRows;
    if (rules === undefined || this.#deadLetters.length <= rules.left) return;
    throw new TooManyBadRows({ ordinal, letters: this.#deadLetters }, rules);
  }

  /** Writes the rows that are not dropped; returns how many. In the ring they are numbered without gaps. */
  async #collate({ batch, dropped, origin }: PreparedBatch): Promise<number> {
    const { collator, hooks } = this.#bench;
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
