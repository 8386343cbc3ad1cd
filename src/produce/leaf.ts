import { type Data, DataType } from 'apache-arrow';
import type { DType, TypedArray } from '../util/dtype.js';

/** The numbers at the bottom of a column's type, as a tensor sees them. */
export interface Leaf {
  readonly dtype: DType;
  /** Elements a row; undefined where rows may differ. */
  readonly width: number | undefined;
}

/** What a column of numbers, or of (nested) lists of numbers, holds; undefined where it holds no numbers. */
export function leafOf(type: DataType): Leaf | undefined {
  if (DataType.isBool(type)) return { dtype: 'bool', width: 1 };
  if (DataType.isInt(type)) {
    return { dtype: `${type.isSigned ? 'int' : 'uint'}${type.bitWidth}` as DType, width: 1 };
  }
  if (DataType.isFloat(type)) {
    return { dtype: (['float16', 'float32', 'float64'] as const)[type.precision as 0 | 1 | 2], width: 1 };
  }
  // What is stored of each element is its code, the place of its value in the dictionary.
  if (DataType.isDictionary(type)) return leafOf(type.indices);
  if (DataType.isFixedSizeBinary(type)) return { dtype: 'uint8', width: type.byteWidth };
  if (DataType.isBinary(type)) return { dtype: 'uint8', width: undefined };
  if (DataType.isFixedSizeList(type)) {
    const child = leafOf(type.valueType);
    return child && { ...child, width: child.width === undefined ? undefined : child.width * type.listSize };
  }
  if (DataType.isList(type) || DataType.isLargeList(type)) {
    const child = leafOf(type.valueType);
    return child && { ...child, width: undefined };
  }
  return undefined;
}

/** Whether the numbers at the bottom of a type are codes of a dictionary. */
export function hasDictionary(type: DataType): boolean {
  const child = type.children?.[0]?.type as DataType | undefined;
  return DataType.isDictionary(type) || (child !== undefined && hasDictionary(child));
}

/** A column's rows as one run of numbers. */
export interface FlatColumn {
  readonly values: TypedArray;
  /** Where each row begins in `values`, and where the last ends; undefined where all rows are equally wide. */
  readonly offsets: ArrayLike<number> | undefined;
}

/** The numbers of one chunk of a column, without copying them (but for bit-packed booleans). */
export function flatten(data: Data): FlatColumn {
  const { type } = data;
  if (DataType.isBool(type)) return { values: unpackBits(data), offsets: undefined };
  if (DataType.isFixedSizeList(type)) {
    const inner = flatten(data.children[0] as Data);
    return {
      values: inner.values,
      offsets: inner.offsets && strided(inner.offsets, type.listSize, data.length),
    };
  }
  if (DataType.isList(type) || DataType.isLargeList(type)) {
    const inner = flatten(data.children[0] as Data);
    const own = numbers(data.valueOffsets as Int32Array | BigInt64Array);
    const width = leafOf(type.valueType)?.width ?? 1;
    const plain = width === 1 ? own : own.map((at) => at * width);
    return { values: inner.values, offsets: inner.offsets ? composed(own, inner.offsets) : plain };
  }
  if (DataType.isBinary(type)) {
    return { values: data.values, offsets: numbers(data.valueOffsets as Int32Array) };
  }
  return { values: data.values, offsets: undefined };
}

/** The first of rows `from` to `to` that is null or has a null in it; −1 where none is. */
export function firstNullIn(data: Data, from: number, to: number): number {
  const own = firstInvalid(data, from, to);
  const child = data.children[0];
  if (child === undefined) return own;
  const end = own < 0 ? to : own;
  const { type } = data;
  if (DataType.isFixedSizeList(type)) {
    const element = firstNullIn(child, from * type.listSize, end * type.listSize);
    return element < 0 ? own : Math.floor(element / type.listSize);
  }
  // Elements that no row refers to are nobody's nulls.
  const offsets = data.valueOffsets as Int32Array | BigInt64Array;
  const element = firstNullIn(child, Number(offsets[from] ?? 0), Number(offsets[end] ?? 0));
  if (element < 0) return own;
  let row = from;
  while (Number(offsets[row + 1]) <= element) row++;
  return row;
}

/** The first of rows `from` to `to` that is null itself; −1 where none is. */
export function firstInvalid(data: Data, from: number, to: number): number {
  if (data.nullCount === 0) return -1;
  for (let row = from; row < to; row++) if (!data.getValid(row)) return row;
  return -1;
}

function numbers(offsets: Int32Array | BigInt64Array): Float64Array | Int32Array {
  return offsets instanceof Int32Array ? offsets : Float64Array.from(offsets, Number);
}

const composed = (outer: ArrayLike<number>, inner: ArrayLike<number>): Float64Array =>
  Float64Array.from(outer, (at) => inner[at] as number);

const strided = (inner: ArrayLike<number>, size: number, rows: number): Float64Array =>
  Float64Array.from({ length: rows + 1 }, (_, row) => inner[row * size] as number);

function unpackBits(data: Data): Uint8Array {
  const bits = data.values as Uint8Array;
  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < bytes.length; i++) {
    const at = data.offset + i;
    bytes[i] = ((bits[at >> 3] as number) >> (at & 7)) & 1;
  }
  return bytes;
}
