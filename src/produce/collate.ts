import type { DataType, RecordBatch } from 'apache-arrow';
import { ProducerState, type StateClock } from '../clock/state-clock.js';
import type { StoredValues } from '../dataset/types.js';
import { type Bucket, rowElements, type TensorRegion } from '../ring/layout.js';
import type { Claim } from '../ring/producer-side.js';
import type { Ring } from '../ring/ring.js';
import { arrayOf, bytesOf, type DType, type TypedArray } from '../util/dtype.js';
import { type Convert, converter } from './convert.js';
import { type FlatColumn, flatten, leafOf } from './leaf.js';
import { outsideFault, rowLengths } from './lengths.js';
import { RowFault } from './row-fault.js';

/**
 * How one input tensor gets its values: `value × factor + term` of the elements of one column, padded with `pad`; or,
 * for rows of variable length, which elements are not padding (`mask`: 1 or 0), or how many there are (`length`).
 */
export interface CollateInput {
  /** Place among the layout's inputs. */
  readonly tensor: number;
  readonly from: 'values' | 'mask' | 'length';
  /** The column; for mask and length, the one that tells the rows' lengths. */
  readonly column: string;
  /** What the column's elements are. */
  readonly source: DType;
  readonly factor: number;
  readonly term: number;
  readonly pad: number;
}

interface Writer {
  readonly input: CollateInput;
  readonly region: TensorRegion;
  readonly convert: Convert;
  readonly pad: number | bigint;
  /** The tensor in each slot, as large as the region; made once. */
  readonly targets: readonly TypedArray[];
  /** Whether the values go into the tensor as they are. */
  readonly copies: boolean;
  /** What they are made of where they are decoded; … */
  source: FlatColumn;
  /** … and where they lie in the file. */
  stored: StoredValues | undefined;
}

const NOTHING: FlatColumn = { values: new Uint8Array(0), offsets: undefined, firstNull: -1 };

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
    this.#arena = new Uint8Array(ring.memory.arena);
    this.#slotBytes = ring.layout.slotBytes;
    this.#buckets = ring.layout.buckets;
    this.#lengthColumn = lengthColumn;
    this.#writers = inputs.map((input) => {
      const region = ring.layout.inputs[input.tensor];
      if (region === undefined) throw new RangeError(`no input tensor ${input.tensor}`);
      const affine = input.factor !== 1 || input.term !== 0;
      return {
        input,
        region,
        convert: converter(input.source, region.dtype, affine),
        pad: region.dtype === 'int64' || region.dtype === 'uint64' ? BigInt(input.pad) : input.pad,
        targets: Array.from({ length: ring.config.slots }, (_, slot) => ring.regionView(slot, region)),
        copies: input.source === region.dtype && !affine,
        source: NOTHING,
        stored: undefined,
      };
    });
  }

  /** Columns that may be left where they are stored: those that feed one dense tensor, in large pieces. */
  get storable(): string[] {
    if (this.#lengthColumn !== undefined) return [];
    const rows = Math.max(...this.#buckets.map(({ capacity }) => capacity));
    const isLarge = ({ input, region }: Writer): boolean =>
      rows * region.rowSize * bytesOf(input.source) >= STORED_BYTES;
    const columns = this.#writers.map(({ input }) => input.column);
    return this.#writers
      .filter((writer) => writer.input.from === 'values' && isLarge(writer))
      .map(({ input }) => input.column)
      .filter((column) => columns.indexOf(column) === columns.lastIndexOf(column));
  }

  /**
   * Takes the next record batch; checks what can be checked for all its rows at once.
   *
   * @throws RowFault for the first row that is null or of a wrong length
   */
  begin(batch: RecordBatch, stored = NOT_STORED): void {
    this.#lengths = this.#lengthColumn === undefined ? undefined : rowLengths(batch, this.#lengthColumn);
    for (const writer of this.#writers) {
      const { column, from } = writer.input;
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
      if (writer.source.firstNull >= 0) {
        throw new RowFault(writer.source.firstNull, column, 'is null, and a tensor has no place for nulls');
      }
      checkLengths(writer, batch.numRows, this.#lengths);
    }
  }

  /**
   * The bucket of a row: the first that holds it.
   *
   * @throws RowFault where none does
   */
  bucketOf(row: number): number {
    if (this.#lengths === undefined) return 0;
    const length = this.#lengths[row] as number;
    const buckets = this.#buckets;
    for (let b = 0; b < buckets.length; b++) if (length <= (buckets[b] as Bucket).length) return b;
    const longest = buckets.at(-1)?.length;
    throw new RowFault(
      row,
      this.#lengthColumn as string,
      `is ${length} long; the longest of batch.buckets holds ${longest}`,
    );
  }

  /** The first row after `row`, and before `end`, that belongs to another bucket; `end` where none does. */
  endOfBucket(row: number, end: number, bucket: number): number {
    if (this.#lengths === undefined) return end;
    let next = row + 1;
    while (next < end && this.bucketOf(next) === bucket) next++;
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
      if (writer.input.from !== 'values') this.#writeLengths(writer, bucket, claim, row);
      else if (writer.stored !== undefined) this.#writeStored(writer, writer.stored, claim, row);
      else if (writer.region.padded) this.#writePadded(writer, bucket, claim, row);
      else writeDense(writer, claim, row);
    }
  }

  #writeStored(writer: Writer, stored: StoredValues, claim: Claim, row: number): void {
    const { input, region, copies } = writer;
    const rowBytes = region.rowSize * bytesOf(input.source);
    if (copies) {
      const at = claim.slot * this.#slotBytes + region.byteOffset + claim.first * rowBytes;
      this.#clock?.switch(ProducerState.fetch);
      stored.read(row * rowBytes, this.#arena, at, claim.count * rowBytes);
      this.#clock?.switch(ProducerState.collate);
      return;
    }
    const most = Math.max(1, Math.floor(SCRATCH_BYTES / rowBytes));
    const scratch = this.#scratchOf(most * rowBytes);
    const values = new (arrayOf(input.source))(scratch.buffer, 0, most * region.rowSize);
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

  #writePadded(
    { convert, region, source, input, targets, pad }: Writer,
    bucket: Bucket,
    claim: Claim,
    row: number,
  ): void {
    const target = targets[claim.slot] as TypedArray;
    const offsets = source.offsets as ArrayLike<number>;
    const size = rowElements(region, bucket);
    for (let i = 0; i < claim.count; i++) {
      const from = offsets[row + i] as number;
      const count = (offsets[row + i + 1] as number) - from;
      const to = (claim.first + i) * size;
      const misfit = convert(source.values, from, target, to, count, input.factor, input.term);
      if (misfit >= 0) throw misfitFault(source.values, from + misfit, row + i, input, region);
      target.fill(pad as never, to + count, to + size);
    }
  }

  #writeLengths({ input, region, targets }: Writer, bucket: Bucket, claim: Claim, row: number): void {
    const target = targets[claim.slot] as TypedArray;
    const big = region.dtype === 'int64' || region.dtype === 'uint64';
    const lengths = this.#lengths as Int32Array;
    for (let i = 0; i < claim.count; i++) {
      const length = lengths[row + i] as number;
      const at = (claim.first + i) * rowElements(region, bucket);
      if (input.from === 'length') {
        target[at] = (big ? BigInt(length) : length) as never;
      } else {
        target.fill((big ? 1n : 1) as never, at, at + length);
        target.fill((big ? 0n : 0) as never, at + length, at + bucket.length);
      }
    }
  }
}

function writeDense(writer: Writer, claim: Claim, row: number): void {
  const { region, source } = writer;
  const from = source.offsets === undefined ? row * region.rowSize : (source.offsets[row] as number);
  convertRows(writer, source.values, from, claim, 0, claim.count, row);
}

/** `count` rows of `values`, from element `from` on, into the claim's rows from `first` on; `row` is the first's number. */
function convertRows(
  { convert, region, input, targets }: Writer,
  values: TypedArray,
  from: number,
  claim: Claim,
  first: number,
  count: number,
  row: number,
): void {
  const { rowSize } = region;
  const target = targets[claim.slot] as TypedArray;
  const to = (claim.first + first) * rowSize;
  const misfit = convert(values, from, target, to, count * rowSize, input.factor, input.term);
  if (misfit >= 0)
    throw misfitFault(values, from + misfit, row + Math.floor(misfit / rowSize), input, region);
}

function misfitFault(
  values: TypedArray,
  at: number,
  row: number,
  { column }: CollateInput,
  { dtype }: TensorRegion,
): RowFault {
  return new RowFault(row, column, `holds ${values[at]}, which does not fit ${dtype}`);
}

function checkType({ input }: Writer, type: DataType): void {
  if (leafOf(type)?.dtype === input.source) return;
  throw new RowFault(0, input.column, `is ${type} here, and ${input.source} in the record batches before`);
}

function checkStored(writer: Writer, { type, byteLength }: StoredValues, rows: number): void {
  const { input, region } = writer;
  checkType(writer, type);
  const width = leafOf(type)?.width;
  if (width !== region.rowSize)
    throw new RowFault(0, input.column, `has ${width} values; the tensor takes ${region.rowSize}`);
  const bytes = rows * region.rowSize * bytesOf(input.source);
  if (byteLength < bytes)
    throw new RowFault(
      0,
      input.column,
      `has ${byteLength} bytes where ${bytes} are needed: the file is damaged`,
    );
}

function checkLengths(
  { source, region, input }: Writer,
  rows: number,
  lengths: Int32Array | undefined,
): void {
  const { offsets } = source;
  if (offsets === undefined) return;
  const all = source.values.length;
  for (let row = 0; row < rows; row++) {
    const [from, to] = [offsets[row] as number, offsets[row + 1] as number];
    if (!(from >= 0 && to >= from && to <= all)) throw outsideFault(row, input.column, from, to, all);
    const elements = to - from;
    if (!region.padded) {
      if (elements === region.rowSize) continue;
      throw new RowFault(row, input.column, `has ${elements} values; the tensor takes ${region.rowSize}`);
    }
    const length = lengths?.[row] as number;
    if (elements === length * region.rowSize) continue;
    throw new RowFault(row, input.column, `has ${elements} values, and the row's length is ${length}`);
  }
}
