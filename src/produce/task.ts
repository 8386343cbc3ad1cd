import { makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from 'apache-arrow';
import { ProducerState, StateClock } from '../clock/state-clock.js';
import { openFile } from '../dataset/dataset.js';
import type { DataFile, RawBatch, Split } from '../dataset/types.js';
import type { UnfinishedSplit } from '../ring/control-side.js';
import { ProducerSide } from '../ring/producer-side.js';
import { laneOwner, Ring } from '../ring/ring.js';
import { DataError, toRecord } from '../util/errors.js';
import { Collator } from './collate.js';
import { RowFault } from './row-fault.js';
import type { ProducedSplit, ProduceResult, ProducerContext, ProduceTask } from './types.js';

/** Columns' decoding, and the file that is open: what one split of a stream leaves to the next. */
interface Bench {
  readonly context: ProducerContext;
  readonly collator: Collator;
  readonly columns: readonly string[];
  /** Those among them that may stay where they are stored. */
  readonly leave: ReadonlySet<string>;
  file: { readonly uri: string; readonly opened: DataFile } | undefined;
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
  try {
    for (const { split, committedRows } of splitsOf(task, side)) {
      const produced = await new SplitRun(bench, side, clock, split, committedRows).produce();
      // Told before the ring knows: whoever takes over from us, should we die in between, tells it again.
      port.postMessage(
        produced,
        produced.keep.map((bytes) => bytes.buffer as ArrayBuffer),
      );
      side.finishSplit(split);
      // Splits of local files are produced in one go; errors that nobody awaits come to light here.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return undefined;
  } catch (error) {
    return { error: toRecord(error) };
  } finally {
    await bench.file?.opened.close().catch(() => {});
    clock.switch(ProducerState.idle);
    port.close();
  }
}

function* splitsOf({ unfinished }: ProduceTask, side: ProducerSide): Generator<UnfinishedSplit> {
  yield* unfinished;
  for (let split = side.takeSplit(); split >= 0; split = side.takeSplit()) yield { split, committedRows: 0 };
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
    file: undefined,
  };
}

class SplitRun {
  readonly #bench: Bench;
  readonly #clock: StateClock;
  readonly #side: ProducerSide;
  readonly #index: number;
  readonly #split: Split;
  readonly #committedRows: number;
  readonly #batchRows: number[] = [];
  readonly #keep: Uint8Array[] = [];
  /** Rows of the split before the batch at hand. */
  #base = 0;
  #bytes = 0;

  constructor(bench: Bench, side: ProducerSide, clock: StateClock, index: number, committedRows: number) {
    this.#bench = bench;
    this.#clock = clock;
    this.#side = side;
    this.#index = index;
    this.#split = bench.context.splits[index] as Split;
    this.#committedRows = committedRows;
  }

  async produce(): Promise<ProducedSplit> {
    const clock = this.#clock;
    const { ordinal } = this.#split;
    clock.switch(ProducerState.fetch);
    const file = await this.#openFile();
    for await (const raw of file.batches(this.#split)) {
      this.#bytes += raw.bytes;
      await this.#produceBatch(raw, file);
      clock.switch(ProducerState.fetch);
    }
    return { split: this.#index, ordinal, batchRows: this.#batchRows, keep: this.#keep, bytes: this.#bytes };
  }

  get #rowLimit(): number {
    return this.#split.limit ?? Number.POSITIVE_INFINITY;
  }

  async #openFile(): Promise<DataFile> {
    const { object } = this.#split;
    const { columns, leave, context } = this.#bench;
    if (this.#bench.file?.uri !== object.uri) {
      await this.#bench.file?.opened.close();
      this.#bench.file = undefined;
      this.#bench.file = {
        uri: object.uri,
        opened: await openFile(object, context.files, { columns, leave }),
      };
    }
    return this.#bench.file.opened;
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
    for (let row = Math.max(0, this.#committedRows - this.#base); row < end; ) {
      const bucket = collator.bucketOf(row);
      const want = collator.endOfBucket(row, end, bucket) - row;
      const claim = side.claim(this.#index, this.#base + row, want, bucket, onBlocked);
      clock.switch(ProducerState.collate);
      collator.write(claim, row);
      side.commit(collator.tokens(row, row + claim.count));
      row += claim.count;
    }
  }

  async #locate(fault: RowFault, raw: RawBatch, file: DataFile): Promise<DataError> {
    const { uri } = this.#split.object;
    const inUnit = raw.rowAt?.(fault.row) ?? raw.rowInUnit + fault.row;
    const row = (await file.rowsBefore(raw.unit)) + inUnit;
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
