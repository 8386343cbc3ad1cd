import { makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from 'apache-arrow';
import { ProducerState, StateClock } from '../clock/state-clock.js';
import { openFile } from '../dataset/dataset.js';
import type { DataFile, RawBatch, Split } from '../dataset/types.js';
import { ProducerSide } from '../ring/producer-side.js';
import { laneOwner, Ring } from '../ring/ring.js';
import { remoteStorageAtRest } from '../storage/store.js';
import { DataError, toRecord } from '../util/errors.js';
import { Collator } from './collate.js';
import { areRemote, readSplits, type SplitReading, type SplitSource } from './read-ahead.js';
import { RingSignal } from './ring-signal.js';
import { RowFault } from './row-fault.js';
import type { ProducedSplit, ProduceResult, ProducerContext, ProduceTask } from './types.js';

const NEVER = new AbortController().signal;

/** What one split of a stream leaves to the next. */
interface Bench {
  readonly context: ProducerContext;
  readonly collator: Collator;
  readonly columns: readonly string[];
  /** Those among them that may stay where they are stored. */
  readonly leave: ReadonlySet<string>;
}

/**
 * A producer: takes splits, one after another, and reads, decodes and collates them into the ring. Runs in a thread of
 * the pool.
 */
export default async function produce(task: ProduceTask): Promise<ProduceResult> {
  const { context, lane, port } = task;
  const clock = new StateClock(context.clocks, lane);
  const ring = new Ring(context.ring, laneOwner(lane));
  const side = new ProducerSide(ring, lane);
  const bench = setUp(ring, context, clock);
  // Only who waits for something else than the ring has to be told.
  using stopping = areRemote(context.splits) ? new RingSignal(ring) : undefined;
  try {
    clock.switch(ProducerState.fetch);
    for await (const reading of readSplits(splitsOf(task, ring, side, bench), stopping?.signal ?? NEVER)) {
      const { split } = reading;
      const produced = await new SplitRun(bench, side, clock, reading).produce();
      // Told before the ring knows: whoever takes over from us, should we die in between, tells it again.
      port.postMessage(
        produced,
        produced.keep.map((bytes) => bytes.buffer as ArrayBuffer),
      );
      side.finishSplit(split);
      // Splits of local files are produced in one go; errors that nobody awaits come to light here.
      await new Promise((resolve) => setImmediate(resolve));
      clock.switch(ProducerState.fetch);
    }
    return undefined;
  } catch (error) {
    return { error: toRecord(error) };
  } finally {
    // A thread that ends before its requests do would take the process with it.
    await remoteStorageAtRest();
    clock.switch(ProducerState.idle);
    port.close();
  }
}

function splitsOf(
  { context, unfinished }: ProduceTask,
  ring: Ring,
  side: ProducerSide,
  { columns, leave }: Bench,
): SplitSource {
  return {
    splits: context.splits,
    unfinished,
    producers: ring.config.lanes,
    left: () => side.splitsLeft,
    take: () => side.takeSplit(),
    open: ({ object }, signal) => openFile(object, context.files, { columns, leave }, signal),
  };
}

function setUp(ring: Ring, context: ProducerContext, clock: StateClock): Bench {
  const { lengthColumn } = context;
  const collator = new Collator(ring, context.inputs, lengthColumn, clock);
  return {
    context,
    collator,
    leave: new Set(collator.storable.filter((column) => !context.keep.includes(column))),
    columns: [
      ...new Set([
        ...context.inputs.map(({ column }) => column),
        ...context.keep,
        ...(lengthColumn === undefined ? [] : [lengthColumn]),
      ]),
    ],
  };
}

class SplitRun {
  readonly #bench: Bench;
  readonly #clock: StateClock;
  readonly #side: ProducerSide;
  readonly #reading: SplitReading;
  readonly #split: Split;
  readonly #batchRows: number[] = [];
  readonly #keep: Uint8Array[] = [];
  /** Rows of the split before the batch at hand. */
  #base = 0;
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
    const { ordinal } = this.#split;
    const { split, file, batches } = this.#reading;
    for await (const raw of batches) {
      this.#bytes += raw.bytes;
      await this.#produceBatch(raw, file);
      clock.switch(ProducerState.fetch);
    }
    return { split, ordinal, batchRows: this.#batchRows, keep: this.#keep, bytes: this.#bytes };
  }

  get #rowLimit(): number {
    return this.#split.limit ?? Number.POSITIVE_INFINITY;
  }

  async #produceBatch(raw: RawBatch, file: DataFile): Promise<void> {
    const clock = this.#clock;
    const { context } = this.#bench;
    clock.switch(ProducerState.decode);
    const whole = raw.decode();
    const batch =
      whole.numRows > this.#rowLimit - this.#base ? whole.slice(0, this.#rowLimit - this.#base) : whole;
    clock.switch(ProducerState.collate);
    try {
      this.#collate(batch, raw.stored);
    } catch (error) {
      if (error instanceof RowFault) throw await this.#locate(error, raw, file);
      throw error;
    }
    if (context.keep.length > 0) this.#keep.push(serialize(batch, context.keep));
    this.#batchRows.push(batch.numRows);
    this.#base += batch.numRows;
  }

  #collate(batch: RecordBatch, stored: RawBatch['stored']): void {
    const { collator } = this.#bench;
    const clock = this.#clock;
    const side = this.#side;
    const onBlocked = (): void => void clock.switch(ProducerState.blocked);
    collator.begin(batch, stored);
    const end = batch.numRows;
    for (let row = Math.max(0, this.#reading.committedRows - this.#base); row < end; ) {
      const bucket = collator.bucketOf(row);
      const want = collator.endOfBucket(row, end, bucket) - row;
      const claim = side.claim(this.#reading.split, this.#base + row, want, bucket, onBlocked);
      clock.switch(ProducerState.collate);
      collator.write(claim, row);
      side.commit(collator.tokens(row, row + claim.count));
      row += claim.count;
    }
  }

  async #locate(fault: RowFault, raw: RawBatch, file: DataFile): Promise<DataError> {
    const { uri } = this.#split.object;
    const row = (await file.rowsBefore(raw.unit)) + raw.rowInUnit + fault.row;
    return new DataError(`${uri}: row ${row}, column ${JSON.stringify(fault.column)}: ${fault.message}`, {
      file: uri,
      row,
      column: fault.column,
      hint: 'Mend or leave out the row.',
    });
  }
}

/** The kept columns of a batch in memory of their own: the batch's is used again for the one after the next. */
function serialize(batch: RecordBatch, columns: readonly string[]): Uint8Array {
  const fields = columns
    .map((name) => batch.schema.fields.find((field) => field.name === name))
    .filter((f) => f != null);
  const children = columns.map((name) => batch.getChild(name)?.data[0]).filter((data) => data != null);
  const data = makeData({ type: new Struct(fields), length: batch.numRows, nullCount: 0, children });
  const kept = new RecordBatch(new Schema(fields), data);
  return RecordBatchStreamWriter.writeAll([kept]).toUint8Array(true);
}
