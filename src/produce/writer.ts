import type { StoredValues } from '../dataset/types.js';
import { type Bucket, rowElements, type TensorRegion } from '../ring/layout.js';
import type { Claim } from '../ring/producer-side.js';
import type { Ring } from '../ring/ring.js';
import { arrayOf, type DType, type TypedArray } from '../util/dtype.js';
import { numberToHalf } from '../util/half.js';
import { type Convert, isBig, type Scan, scanner } from './convert.js';
import type { FlatColumn } from './leaf.js';
import { copies, type ElementRules, loopFor } from './loops.js';
import type { NullRows } from './nulls.js';
import { RowFault } from './row-fault.js';
import type { TextColumn } from './text.js';

/**
 * How one input tensor gets its values: `value × factor + term` of the elements of one column, padded with `pad`; or,
 * for rows of variable length, which elements are not padding (`mask`: 1 or 0), or how many there are (`length`). Texts go
 * into the slot as they are.
 */
export interface CollateInput extends ElementRules {
  /** Place among the layout's inputs. */
  readonly tensor: number;
  readonly from: 'values' | 'text' | 'mask' | 'length';
  /** The column; for mask and length, the one that tells the rows' lengths. */
  readonly column: string;
  readonly pad: number;
  /** What the tensor gets where the column has a null; undefined where a null is an error. */
  readonly fill?: number | undefined;
}

/** What fills one tensor. */
export interface Writer {
  readonly input: CollateInput;
  readonly region: TensorRegion;
  readonly convert: Convert;
  /** Looks for values that don't fit; undefined where all do. */
  readonly scan: Scan | undefined;
  readonly pad: number | bigint;
  readonly fill: number | bigint;
  /** Elements of the column for one row, or for one unit of its length. */
  readonly sourceSize: number;
  /** The tensor in each slot, as large as the region; made once. */
  readonly targets: readonly TypedArray[];
  /** The same as bytes, where the values go into the tensor as they are; empty where they don't. */
  readonly bytes: readonly Uint8Array[];
  /** What they are made of where they are decoded; … */
  source: FlatColumn;
  nulls: NullRows;
  /** … and where they lie in the file. */
  stored: StoredValues | undefined;
  texts: TextColumn | undefined;
}

const NOTHING: FlatColumn = { values: new Uint8Array(0), offsets: undefined };

export function writerOf(ring: Ring, input: CollateInput): Writer {
  const region = ring.layout.inputs[input.tensor];
  if (region === undefined) throw new RangeError(`no input tensor ${input.tensor}`);
  const { dtype } = region;
  const targets = Array.from({ length: ring.config.slots }, (_, slot) => ring.regionView(slot, region));
  return {
    input,
    region,
    convert: loopFor(input, dtype),
    scan: input.classes === undefined ? scanner(input.source, dtype) : placesScan(input.classes),
    pad: elementOf(dtype, input.pad),
    fill: elementOf(dtype, input.fill ?? 0),
    sourceSize: region.rowSize / (input.classes ?? 1),
    targets,
    // Slot by slot: all of the arena may be more than a typed array can hold, which on Node 20 is 4 GiB.
    bytes: copies(input, dtype) ? targets.map(bytesIn) : [],
    source: NOTHING,
    nulls: new Map(),
    stored: undefined,
    texts: undefined,
  };
}

const bytesIn = ({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** A number as an element of a tensor's array. */
export function elementOf(dtype: DType, value: number): number | bigint {
  if (dtype === 'float16') return numberToHalf(value);
  return isBig(dtype) ? BigInt(value) : value;
}

function placesScan(classes: number): Scan {
  return (source, from, count) => {
    for (let i = 0; i < count; i++) {
      const place = Number(source[from + i]);
      if (!(place >= 0 && place < classes)) return i;
    }
    return -1;
  };
}

/** Rows of the decoded column from `row` on, into the claim's. Those with nulls in them, which are few, by themselves. */
export function writeRows(writer: Writer, bucket: Bucket, claim: Claim, row: number): void {
  const { nulls } = writer;
  if (nulls.size === 0) {
    writeRun(writer, bucket, claim, 0, claim.count, row);
    return;
  }
  let from = 0;
  for (let i = 0; i < claim.count; i++) {
    if (!nulls.has(row + i)) continue;
    if (i > from) writeRun(writer, bucket, claim, from, i - from, row + from);
    writeFilled(writer, bucket, claim, i, row + i);
    from = i + 1;
  }
  if (from < claim.count) writeRun(writer, bucket, claim, from, claim.count - from, row + from);
}

/** `count` rows without nulls, into the claim's from its `first` on. */
function writeRun(
  writer: Writer,
  bucket: Bucket,
  claim: Claim,
  first: number,
  count: number,
  row: number,
): void {
  const { source, region, sourceSize } = writer;
  if (region.padded) {
    for (let i = 0; i < count; i++) writePadded(writer, bucket, claim, first + i, row + i);
    return;
  }
  const from = source.offsets === undefined ? row * sourceSize : (source.offsets[row] as number);
  convertRows(writer, source.values, from, claim, first, count, row);
}

/** `count` rows of `values`, from element `from` on, into the claim's rows from `first` on; `row` is the first's number. */
export function convertRows(
  writer: Writer,
  values: TypedArray,
  from: number,
  claim: Claim,
  first: number,
  count: number,
  row: number,
): void {
  const { convert, region, input, targets, sourceSize } = writer;
  const target = targets[claim.slot] as TypedArray;
  const to = (claim.first + first) * region.rowSize;
  const misfit = convert(values, from, target, to, count * sourceSize, input.factor, input.term);
  if (misfit >= 0)
    throw misfitFault(writer, values[from + misfit] as number, row + Math.floor(misfit / sourceSize));
}

function writePadded(writer: Writer, bucket: Bucket, claim: Claim, place: number, row: number): void {
  const { convert, region, source, input, targets, pad, sourceSize } = writer;
  const target = targets[claim.slot] as TypedArray;
  const offsets = source.offsets as ArrayLike<number>;
  const size = rowElements(region, bucket);
  const from = offsets[row] as number;
  const count = (offsets[row + 1] as number) - from;
  const to = (claim.first + place) * size;
  const misfit = convert(source.values, from, target, to, count, input.factor, input.term);
  if (misfit >= 0) throw misfitFault(writer, source.values[from + misfit] as number, row);
  target.fill(pad as never, to + (count / sourceSize) * region.rowSize, to + size);
}

/** A row with nulls in it: its other elements as ever, and `fill` in the places of the nulls. */
function writeFilled(writer: Writer, bucket: Bucket, claim: Claim, place: number, row: number): void {
  const { convert, region, input, targets, pad, fill } = writer;
  const target = targets[claim.slot] as TypedArray;
  const size = rowElements(region, bucket);
  const to = (claim.first + place) * size;
  const mask = writer.nulls.get(row);
  if (mask === undefined) {
    target.fill(fill as never, to, to + size);
    return;
  }
  const values = rowWithoutNulls(writer, row, mask);
  const misfit = convert(values, 0, target, to, values.length, input.factor, input.term);
  if (misfit >= 0) throw misfitFault(writer, values[misfit] as number, row);
  const { order, classes = 1 } = input;
  for (let i = 0; i < mask.length; i++) {
    if (mask[order?.[i] ?? i] === 1) target.fill(fill as never, to + i * classes, to + (i + 1) * classes);
  }
  if (region.padded) target.fill(pad as never, to + mask.length * classes, to + size);
}

/** The elements of a row with 0, which fits every type, in the place of nulls: what lies under a null is anything. */
export function rowWithoutNulls(
  { source, sourceSize, input }: Writer,
  row: number,
  mask: Uint8Array,
): TypedArray {
  const from = source.offsets === undefined ? row * sourceSize : (source.offsets[row] as number);
  const values = new (arrayOf(input.source))(mask.length);
  for (let i = 0; i < mask.length; i++) if (mask[i] === 0) values[i] = source.values[from + i] as never;
  return values;
}

export function misfitFault({ input, region }: Writer, value: number | bigint, row: number): RowFault {
  const { column, classes } = input;
  const why =
    classes === undefined
      ? `which does not fit ${region.dtype}`
      : `which is no place among ${classes} classes: 0 to ${classes - 1}`;
  return new RowFault(row, column, `holds ${value}, ${why}`);
}
