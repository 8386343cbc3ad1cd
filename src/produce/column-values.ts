import type { DataType } from 'apache-arrow';
import {
  type Bool,
  type Data,
  Field,
  List,
  makeData,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import { arrowType } from '../dataset/arrow-types.js';
import { packBits } from '../util/bits.js';
import { arrayOf, type DType, dtypeOfArray, type TypedArray } from '../util/dtype.js';
import { numberToHalf } from '../util/half.js';
import { leafOf } from './leaf.js';
import { ownData, ownType } from './own-arrow.js';
import { RowFault } from './row-fault.js';

/** Values that can't be a column at all, whatever the row. */
export class ColumnError extends Error {}

/** What a column that a transform returns is to become. */
export interface ColumnShape {
  readonly name: string;
  readonly rows: number;
  /** What plain numbers are. */
  readonly plain: DType;
  /** The type that the column had when the job was planned: what values alone don't tell is taken from it. */
  readonly expected: DataType | undefined;
}

/**
 * A column out of what a transform may return for one: a typed array, an Arrow vector, or an array, one entry a row.
 *
 * @throws ColumnError where that is none of these, or has not one entry a row; RowFault for a row's value that does not
 *   fit the others
 */
export function columnOf(value: unknown, shape: ColumnShape): Data {
  const { name, rows } = shape;
  if (!isVector(value) && !isTypedArray(value) && !Array.isArray(value)) {
    throw new ColumnError(
      `column ${JSON.stringify(name)} is ${describe(value)}; expected a typed array, an Arrow vector or an array, ` +
        `with an entry for each of the ${rows} rows`,
    );
  }
  if (value.length !== rows) {
    const whole = rows > 0 && value.length % rows === 0 && isTypedArray(value);
    const hint = whole
      ? '; several values a row are an array of arrays, or a vector of fixed-size lists'
      : '';
    throw new ColumnError(
      `column ${JSON.stringify(name)} has ${value.length} entries, expected ${rows}: one for each row${hint}`,
    );
  }
  if (isVector(value)) return chunkOf(value);
  if (isTypedArray(value)) return numbersOf(value);
  return new Encoder(shape).encode(value, shape.expected, (i) => i);
}

/** By what it has, rather than by `instanceof`: a transform may bring an apache-arrow of its own. */
export function isVector(value: unknown): value is Vector {
  return (
    typeof value === 'object' &&
    value !== null &&
    'data' in value &&
    Array.isArray(value.data) &&
    'type' in value &&
    'get' in value
  );
}

const isTypedArray = (value: unknown): value is TypedArray =>
  ArrayBuffer.isView(value) && dtypeOfArray(value) !== undefined;

function chunkOf(vector: Vector): Data {
  const [data] = vector.data;
  if (data !== undefined && vector.data.length === 1) return ownData(data);
  return vectorFromArray(Array.from(vector), ownType(vector.type)).data[0] as Data;
}

function numbersOf(values: TypedArray): Data {
  const dtype = dtypeOfArray(values) as DType;
  // A Buffer or a clamped array is bytes like any other.
  const plain = new (arrayOf(dtype))(values.buffer, values.byteOffset, values.length);
  return primitive(dtype, plain, undefined, 0);
}

function primitive(
  dtype: DType,
  values: TypedArray,
  nullBitmap: Uint8Array | undefined,
  nullCount: number,
): Data {
  const data = dtype === 'bool' ? packBits(values as Uint8Array) : values;
  const type = arrowType(dtype) as Bool;
  return makeData({ type, length: values.length, nullCount, nullBitmap, data: data as Uint8Array });
}

/** Arrays of plain values, level by level. Slow beside typed arrays and vectors, and convenient. */
class Encoder {
  readonly #name: string;
  readonly #plain: DType;

  constructor({ name, plain }: ColumnShape) {
    this.#name = name;
    this.#plain = plain;
  }

  /** @param rowOf the row that an entry belongs to, for messages */
  encode(values: readonly unknown[], expected: DataType | undefined, rowOf: (entry: number) => number): Data {
    const first = values.find((value) => value != null);
    const kind = first === undefined ? undefined : kindOf(first);
    if (kind === 'unknown') {
      throw new ColumnError(
        `column ${JSON.stringify(this.#name)} holds ${describe(first)}; expected numbers, booleans, text, or arrays of them`,
      );
    }
    const wrong = values.findIndex((value) => value != null && kindOf(value) !== kind);
    if (wrong >= 0) {
      throw new RowFault(
        rowOf(wrong),
        this.#name,
        `is ${describe(values[wrong])} among ${PLURALS[kind ?? 'number']}`,
      );
    }
    const nullCount = values.reduce<number>((count, value) => count + (value == null ? 1 : 0), 0);
    const nullBitmap =
      nullCount === 0 ? undefined : packBits(Uint8Array.from(values, (value) => (value == null ? 0 : 1)));
    if (kind === undefined) return this.#nothing(values.length, expected);
    if (kind === 'list') return this.#lists(values, expected, rowOf, nullBitmap, nullCount);
    if (kind === 'text') return vectorFromArray(values as string[], new Utf8()).data[0] as Data;
    const dtype = this.#dtypeOf(kind, expected);
    const numbers = new (arrayOf(dtype))(values.length);
    values.forEach((value, i) => {
      if (value != null) this.#put(numbers, i, value as number | bigint | boolean, dtype, rowOf);
    });
    return primitive(dtype, numbers, nullBitmap, nullCount);
  }

  /** No entry at all, or none that is not null. */
  #nothing(length: number, expected: DataType = arrowType(this.#plain)): Data {
    return vectorFromArray(
      Array.from({ length }, () => null),
      expected,
    ).data[0] as Data;
  }

  #dtypeOf(kind: 'number' | 'bigint' | 'boolean', expected: DataType | undefined): DType {
    if (kind === 'boolean') return 'bool';
    const before = expected && leafOf(expected)?.dtype;
    if (before !== undefined && before !== 'bool') return before;
    if (kind === 'number') return this.#plain;
    return this.#plain === 'uint64' ? 'uint64' : 'int64';
  }

  #put(
    target: TypedArray,
    at: number,
    value: number | bigint | boolean,
    dtype: DType,
    rowOf: (entry: number) => number,
  ): void {
    if (dtype === 'float16') target[at] = numberToHalf(Number(value));
    else if (dtype.startsWith('float')) target[at] = Number(value);
    else {
      const big = dtype === 'int64' || dtype === 'uint64';
      const whole = typeof value !== 'number' || Number.isInteger(value);
      if (whole) target[at] = (big ? BigInt(value) : Number(value)) as never;
      if (whole && Number(target[at]) === Number(value) && !(dtype === 'bool' && Number(value) > 1)) return;
      throw new RowFault(rowOf(at), this.#name, `holds ${value}, which does not fit ${dtype}`);
    }
  }

  #lists(
    values: readonly unknown[],
    expected: DataType | undefined,
    rowOf: (entry: number) => number,
    nullBitmap: Uint8Array | undefined,
    nullCount: number,
  ): Data {
    const arrays = values.map((value) => (value == null ? [] : itemsOf(value)));
    const valueOffsets = new Int32Array(arrays.length + 1);
    arrays.forEach((array, i) => {
      valueOffsets[i + 1] = (valueOffsets[i] as number) + array.length;
    });
    const owner = (element: number): number => rowOf(valueOffsets.findIndex((end) => end > element) - 1);
    const child =
      typedChild(arrays) ??
      this.encode(
        arrays.flatMap((array) => Array.from<unknown>(array)),
        expected?.children?.[0]?.type as DataType | undefined,
        owner,
      );
    const type = new List(new Field('item', child.type, true));
    return makeData({ type, length: values.length, nullCount, nullBitmap, valueOffsets, child });
  }
}

/** Rows that are typed arrays of one class, one after another; undefined where not all are. */
function typedChild(arrays: readonly ArrayLike<unknown>[]): Data | undefined {
  let dtype: DType | undefined;
  let length = 0;
  for (const array of arrays) {
    if (Array.isArray(array) && array.length === 0) continue;
    const own = isTypedArray(array) ? dtypeOfArray(array) : undefined;
    if (own === undefined || own !== (dtype ?? own)) return undefined;
    dtype = own;
    length += array.length;
  }
  if (dtype === undefined) return undefined;
  const values = new (arrayOf(dtype))(length);
  let at = 0;
  for (const array of arrays as readonly TypedArray[]) {
    const bits = dtype === 'float16' && array.length > 0 ? numbersOf(array).values : array;
    values.set(bits as never, at);
    at += array.length;
  }
  return primitive(dtype, values, undefined, 0);
}

const PLURALS = { number: 'numbers', bigint: 'bigints', boolean: 'booleans', text: 'text', list: 'arrays' };
type Kind = keyof typeof PLURALS;

function kindOf(value: unknown): Kind | 'unknown' {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return typeof value as Kind;
  if (typeof value === 'string') return 'text';
  return Array.isArray(value) || isTypedArray(value) || isVector(value) ? 'list' : 'unknown';
}

function itemsOf(value: unknown): ArrayLike<unknown> {
  return isVector(value) ? (value.toArray() as ArrayLike<unknown>) : (value as ArrayLike<unknown>);
}

/** Anything, in a few words: `a Map`, `text`, `undefined`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return 'text';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? `a value of class ${name}` : 'an object';
}
