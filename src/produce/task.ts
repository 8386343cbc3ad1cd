import { makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from 'apache-arrow';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { ProducerState, StateClock } from '../clock/state-clock.js';
import { openSplitFile } from '../dataset/dataset.js';
import type { BatchFile, RawBatch, Split } from '../dataset/types.js';
import { ProducerSide } from '../ring/producer-side.js';
import { laneOwner, Ring } from '../ring/ring.js';
import { DataError, toRecord } from '../util/errors.js';
import { Collator } from './collate.js';
import { RowFault } from './row-fault.js';
import type { ProducedSplit, ProduceResult, ProducerContext, ProduceTask } from './types.js';

/** What a thread keeps from one split of a stream to the next. */
interface Bench {
  readonly context: ProducerContext;
  readonly collator: Collator;
  readonly columns: readonly string[];
  file: { readonly uri: string; readonly opened: BatchFile } | undefined;
}

let bench: Bench | undefined;

/** A producer: reads, decodes and collates one split into the ring. Runs in a thread of the pool. */
export default async function produceSplit(task: ProduceTask): Promise<ProduceResult> {
  if (bench?.context.id !== task.context.id) bench = await setUp(task);
  const clock = new StateClock(task.context.clocks, task.lane);
  try {
    const produced = await new SplitRun(bench, task, clock).produce();
    return transferring({ produced }, produced.keep);
  } catch (error) {
    // A file that failed is opened anew by whoever tries next.
    await bench.file?.opened.close().catch(() => {});
    bench.file = undefined;
    return { error: toRecord(error) };
  } finally {
    clock.switch(ProducerState.idle);
  }
}

async function setUp({ context, lane }: ProduceTask): Promise<Bench> {
  await bench?.file?.opened.close();
  const { lengthColumn } = context;
  return {
    context,
    collator: new Collator(new Ring(context.ring, laneOwner(lane)), context.inputs, lengthColumn),
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

/** The result, with `parts` moved instead of copied to the main thread. */
function transferring<T extends object>(result: T, parts: readonly Uint8Array[]): T {
  const moved = {
    get [transferableSymbol]() {
      return parts.map((bytes) => bytes.buffer);
    },
    get [valueSymbol]() {
      return result;
    },
  };
  return move(moved as never) as unknown as T;
}

class SplitRun {
  readonly #bench: Bench;
  readonly #clock: StateClock;
  readonly #side: ProducerSide;
  readonly #split: Split;
  readonly #committedRows: number;
  readonly #batchRows: number[] = [];
  readonly #keep: Uint8Array[] = [];
  /** Rows of the split before the batch at hand. */
  #base = 0;
  #bytes = 0;

  constructor(bench: Bench, { split, committedRows, lane }: ProduceTask, clock: StateClock) {
    this.#bench = bench;
    this.#clock = clock;
    this.#side = new ProducerSide(new Ring(bench.context.ring, laneOwner(lane)), lane);
    this.#split = split;
    this.#committedRows = committedRows;
  }

  async produce(): Promise<ProducedSplit> {
    const clock = this.#clock;
    const { ordinal, first, count } = this.#split;
    clock.switch(ProducerState.fetch);
    const file = await this.#openFile();
    let next: Promise<RawBatch> | undefined = file.fetch(first);
    try {
      for (let index = first; next !== undefined; index++) {
        clock.switch(ProducerState.fetch);
        const raw: RawBatch = await next;
        // The next record batch is read while this one is worked on: one ahead, no more.
        const more = index + 1 < first + count && this.#base + raw.rows < this.#rowLimit;
        next = more ? file.fetch(index + 1) : undefined;
        this.#bytes += raw.bytes;
        await this.#produceBatch(raw, file);
      }
    } finally {
      await next?.catch(() => {});
    }
    this.#side.sealOwn();
    return { ordinal, batchRows: this.#batchRows, keep: this.#keep, bytes: this.#bytes };
  }

  get #rowLimit(): number {
    return this.#split.limit ?? Number.POSITIVE_INFINITY;
  }

  async #openFile(): Promise<BatchFile> {
    const { object } = this.#split;
    if (this.#bench.file?.uri !== object.uri) {
      await this.#bench.file?.opened.close();
      this.#bench.file = undefined;
      this.#bench.file = { uri: object.uri, opened: await openSplitFile(object, this.#bench.columns) };
    }
    return this.#bench.file.opened;
  }

  async #produceBatch(raw: RawBatch, file: BatchFile): Promise<void> {
    const clock = this.#clock;
    const { context } = this.#bench;
    clock.switch(ProducerState.decode);
    const whole = raw.decode();
    const batch =
      whole.numRows > this.#rowLimit - this.#base ? whole.slice(0, this.#rowLimit - this.#base) : whole;
    clock.switch(ProducerState.collate);
    try {
      this.#collate(batch);
    } catch (error) {
      if (error instanceof RowFault) throw await this.#locate(error, raw, file);
      throw error;
    }
    if (context.keep.length > 0) this.#keep.push(serialize(batch, context.keep));
    this.#batchRows.push(batch.numRows);
    this.#base += batch.numRows;
  }

  #collate(batch: RecordBatch): void {
    const { collator } = this.#bench;
    const clock = this.#clock;
    const side = this.#side;
    const onBlocked = (): void => void clock.switch(ProducerState.blocked);
    collator.begin(batch);
    const end = batch.numRows;
    for (let row = Math.max(0, this.#committedRows - this.#base); row < end; ) {
      const bucket = collator.bucketOf(row);
      const want = collator.endOfBucket(row, end, bucket) - row;
      const claim = side.claim(this.#split.ordinal, this.#base + row, want, bucket, onBlocked);
      clock.switch(ProducerState.collate);
      collator.write(claim, row);
      side.commit(collator.tokens(row, row + claim.count));
      row += claim.count;
    }
  }

  async #locate(fault: RowFault, raw: RawBatch, file: BatchFile): Promise<DataError> {
    const { uri } = this.#split.object;
    const row = (await file.rowsBefore(raw.index)) + fault.row;
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
