import type { RecordBatch } from 'apache-arrow';
import { ProducerState, type StateClock } from '../clock/state-clock.js';
import type { StoredValues } from '../dataset/types.js';
import { type Bucket, rowElements } from '../ring/layout.js';
import type { Claim } from '../ring/producer-side.js';
import type { Ring } from '../ring/ring.js';
import { arrayOf, bytesOf, type TypedArray } from '../util/dtype.js';
import { flatten } from './leaf.js';
import { rowLengths } from './lengths.js';
import { nullRowsOf } from './nulls.js';
import { checkLengths, checkNulls, checkStored, checkType, checkValues } from './row-check.js';
import { type ReportFault, RowFault } from './row-fault.js';
import { checkTexts, isText, textColumn, writeTexts } from './text.js';
import { type CollateInput, convertRows, elementOf, type Writer, writeRows, writerOf } from './writer.js';

/**
 * A column is read straight from the file into the slot where a batch of it is at least so large: a call of the system
 * costs as much as copying some 10 KB.
 */
const STORED_BYTES = 16 * 1024;
/** What is read at a time of stored values that have to be converted: it stays in the second-level cache. */
const SCRATCH_BYTES = 128 * 1024;

const NOT_STORED: ReadonlyMap<string, StoredValues> = new Map();

/** Writes rows of record batches' columns into rows of slots' tensors. */
export class Collator {
  readonly #buckets: readonly Bucket[];
  readonly #lengthColumn: string | undefined;
  readonly #writers: readonly Writer[];
  readonly #clock: StateClock | undefined;
  readonly #arena: Uint8Array;
  readonly #slotBytes: number;
  #scratch = new ArrayBuffer(0);
  #lengths: Int32Array | undefined;

  /** `clock` is switched to fetch and back while stored values are read. */
  constructor(ring: Ring, inputs: readonly CollateInput[], lengthColumn?: string, clock?: StateClock) {
    this.#clock = clock;
    this.#arena = new Uint8Array(ring.memory.arena, ring.memory.start);
    this.#slotBytes = ring.layout.slotBytes;
    this.#buckets = ring.layout.buckets;
    this.#lengthColumn = lengthColumn;
    this.#writers = inputs.map((input) => writerOf(ring, input));
  }

  /** Columns that may be left where they are stored: those that feed one dense tensor, in large pieces. */
  get storable(): string[] {
    if (this.#lengthColumn !== undefined) return [];
    const rows = Math.max(...this.#buckets.map(({ capacity }) => capacity));
    const isLarge = ({ input, sourceSize }: Writer): boolean =>
      rows * sourceSize * bytesOf(input.source) >= STORED_BYTES;
    const columns = this.#writers.map(({ input }) => input.column);
    return this.#writers
      .filter((writer) => writer.input.from === 'values' && isLarge(writer))
      .map(({ input }) => input.column)
      .filter((column) => columns.indexOf(column) === columns.lastIndexOf(column));
  }

  /** Those among them whose values may not fit their tensor: to see that, they have to be read. */
  get narrowing(): string[] {
    return this.#writers.filter(({ scan }) => scan !== undefined).map(({ input }) => input.column);
  }

  /**
   * Takes the next record batch; checks what can be checked for all its rows at once.
   *
   * @param dropped 1 for rows that will not be written, whatever is in them
   * @throws RowFault for the first row that is null or of a wrong length
   */
  begin(batch: RecordBatch, stored = NOT_STORED, dropped?: Uint8Array): void {
    this.#take(batch, stored, (fault) => {
      if (dropped?.[fault.row] !== 1) throw fault;
    });
  }

  /**
   * Takes the next record batch, and checks all its rows in every respect before any of them is written.
   *
   * @returns the first fault of each row that can't be written, in the order of the rows; those must not be
   */
  examine(batch: RecordBatch, stored = NOT_STORED, dropped?: Uint8Array): RowFault[] {
    const faults = new Map<number, RowFault>();
    const isBad = (row: number): boolean => dropped?.[row] === 1 || faults.has(row);
    const report: ReportFault = (fault) => {
      if (!isBad(fault.row)) faults.set(fault.row, fault);
    };
    this.#take(batch, stored, report);
    for (let row = 0; row < batch.numRows; row++)
      if (!isBad(row) && this.#bucket(row) < 0) report(this.#tooLong(row));
    for (const writer of this.#writers) {
      if (writer.input.from === 'values' && writer.stored === undefined)
        checkValues(writer, batch.numRows, isBad, report);
    }
    return [...faults.values()].sort((a, b) => a.row - b.row);
  }

  #take(batch: RecordBatch, stored: ReadonlyMap<string, StoredValues>, report: ReportFault): void {
    this.#lengths =
      this.#lengthColumn === undefined ? undefined : rowLengths(batch, this.#lengthColumn, report);
    for (const writer of this.#writers) {
      const { column, from, fill } = writer.input;
      if (from === 'text') this.#takeTexts(writer, batch, report);
      if (from !== 'values') continue;
      writer.stored = stored.get(column);
      if (writer.stored !== undefined) {
        checkStored(writer, writer.stored, batch.numRows);
        continue;
      }
      const data = batch.getChild(column)?.data[0];
      if (data === undefined) throw new RowFault(0, column, 'the record batch has no such column');
      checkType(writer, data.type);
      writer.source = flatten(data);
      if (fill !== undefined) writer.nulls = nullRowsOf(data, writer.source.offsets);
      checkNulls(writer, data, report);
      checkLengths(writer, batch.numRows, this.#lengths, report);
    }
  }

  #takeTexts(writer: Writer, batch: RecordBatch, report: ReportFault): void {
    const { column, fill } = writer.input;
    const data = batch.getChild(column)?.data[0];
    if (data === undefined) throw new RowFault(0, column, 'the record batch has no such column');
    if (!isText(data.type))
      throw new RowFault(0, column, `is ${data.type} here, and text in the record batches before`);
    writer.texts = textColumn(data);
    checkTexts(writer.texts, column, batch.numRows, writer.region.text as number, fill !== undefined, report);
  }

  /**
   * The bucket of a row: the first that holds it.
   *
   * @throws RowFault where none does
   */
  bucketOf(row: number): number {
    const bucket = this.#bucket(row);
    if (bucket < 0) throw this.#tooLong(row);
    return bucket;
  }

  /** −1 where no bucket holds the row. */
  #bucket(row: number): number {
    if (this.#lengths === undefined) return 0;
    const length = this.#lengths[row] as number;
    const buckets = this.#buckets;
    for (let b = 0; b < buckets.length; b++) if (length <= (buckets[b] as Bucket).length) return b;
    return -1;
  }

  #tooLong(row: number): RowFault {
    const [length, longest] = [this.#lengths?.[row], this.#buckets.at(-1)?.length];
    return new RowFault(
      row,
      this.#lengthColumn as string,
      `is ${length} long; the longest of batch.buckets holds ${longest}`,
    );
  }

  /** The first row after `row`, and before `end`, that belongs to another bucket; `end` where none does. */
  endOfBucket(row: number, end: number, bucket: number): number {
    if (this.#lengths === undefined) return end;
    let next = row + 1;
    while (next < end && this.#bucket(next) === bucket) next++;
    return next;
  }

  /** Lengths of rows `from` to `to`, summed; their number where all are of one length. */
  tokens(from: number, to: number): number {
    if (this.#lengths === undefined) return to - from;
    let tokens = 0;
    for (let row = from; row < to; row++) tokens += this.#lengths[row] as number;
    return tokens;
  }

  /** Writes `claim.count` rows from row `row` of the batch on. Hot: nothing is allocated here for rows of one length. */
  write(claim: Claim, row: number): void {
    const bucket = this.#buckets[claim.bucket] as Bucket;
    for (const writer of this.#writers) {
      const { texts, targets, region } = writer;
      if (texts !== undefined)
        writeTexts(texts, targets[claim.slot] as Uint8Array, claim, row, region.text as number);
      else if (writer.input.from !== 'values') this.#writeLengths(writer, bucket, claim, row);
      else if (writer.stored !== undefined) this.#writeStored(writer, writer.stored, claim, row);
      else writeRows(writer, bucket, claim, row);
    }
  }

  #writeStored(writer: Writer, stored: StoredValues, claim: Claim, row: number): void {
    const { input, region, sourceSize } = writer;
    const rowBytes = sourceSize * bytesOf(input.source);
    if (writer.copies) {
      const at = claim.slot * this.#slotBytes + region.byteOffset + claim.first * rowBytes;
      this.#clock?.switch(ProducerState.fetch);
      stored.read(row * rowBytes, this.#arena, at, claim.count * rowBytes);
      this.#clock?.switch(ProducerState.collate);
      return;
    }
    const most = Math.max(1, Math.floor(SCRATCH_BYTES / rowBytes));
    const scratch = this.#scratchOf(most * rowBytes);
    const values = new (arrayOf(input.source))(scratch.buffer, 0, most * sourceSize);
    for (let done = 0; done < claim.count; done += most) {
      const count = Math.min(most, claim.count - done);
      this.#clock?.switch(ProducerState.fetch);
      stored.read((row + done) * rowBytes, scratch, 0, count * rowBytes);
      this.#clock?.switch(ProducerState.collate);
      convertRows(writer, values, 0, claim, done, count, row + done);
    }
  }

  #scratchOf(bytes: number): Uint8Array {
    if (this.#scratch.byteLength < bytes) this.#scratch = new ArrayBuffer(bytes);
    return new Uint8Array(this.#scratch, 0, bytes);
  }

  #writeLengths({ input, region, targets }: Writer, bucket: Bucket, claim: Claim, row: number): void {
    const target = targets[claim.slot] as TypedArray;
    const lengths = this.#lengths as Int32Array;
    for (let i = 0; i < claim.count; i++) {
      const length = lengths[row + i] as number;
      const at = (claim.first + i) * rowElements(region, bucket);
      if (input.from === 'length') {
        target[at] = elementOf(region.dtype, length) as never;
      } else {
        target.fill(elementOf(region.dtype, 1) as never, at, at + length);
        target.fill(elementOf(region.dtype, 0) as never, at + length, at + bucket.length);
      }
    }
  }
}
