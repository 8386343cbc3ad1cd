import { Data, DataType, makeData, RecordBatch, Struct, Vector, vectorFromArray } from 'apache-arrow';
import { packBits } from '../util/bits.js';
import type { TypedArray } from '../util/dtype.js';

/** Some rows of a record batch, in the order given, in memory of their own. */
export function takeRows(batch: RecordBatch, rows: Int32Array): RecordBatch {
  const children = batch.data.children.map((data) => take(data, rows));
  const type = new Struct(batch.schema.fields);
  const data = makeData({ type, length: rows.length, nullCount: 0, children });
  return new RecordBatch(batch.schema, data);
}

type Offsets = Int32Array | BigInt64Array;

/** Some rows of one chunk of a column. */
function take(data: Data, rows: Int32Array): Data {
  const { type } = data;
  const nulls = takeNulls(data, rows);
  if (DataType.isNull(type)) return makeData({ type, length: rows.length });
  if (DataType.isBool(type)) {
    const bits = data.values as Uint8Array;
    const bytes = Uint8Array.from(rows, (row) => {
      const at = data.offset + row;
      return ((bits[at >> 3] as number) >> (at & 7)) & 1;
    });
    return rebuilt(data, rows, nulls, undefined, packBits(bytes), []);
  }
  if (DataType.isFixedSizeList(type)) {
    return rebuilt(data, rows, nulls, undefined, undefined, [
      take(data.children[0] as Data, strided(rows, type.listSize)),
    ]);
  }
  if (DataType.isStruct(type)) {
    return rebuilt(
      data,
      rows,
      nulls,
      undefined,
      undefined,
      data.children.map((child) => take(child, rows)),
    );
  }
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isMap(type)) {
    const { offsets, elements } = takeOffsets(data.valueOffsets as Offsets, rows);
    return rebuilt(data, rows, nulls, offsets, undefined, [take(data.children[0] as Data, elements)]);
  }
  if (
    DataType.isUtf8(type) ||
    DataType.isLargeUtf8(type) ||
    DataType.isBinary(type) ||
    DataType.isLargeBinary(type)
  ) {
    const { offsets, bytes } = takeBytes(data, rows);
    return rebuilt(data, rows, nulls, offsets, bytes, []);
  }
  if (data.values !== undefined && data.children.length === 0 && data.valueOffsets === undefined) {
    const values = takeValues(data.values as TypedArray, data.stride, rows);
    return rebuilt(data, rows, nulls, undefined, values, []);
  }
  // Unions and what else Arrow may come to have: value by value.
  const values = new Vector([data]);
  return vectorFromArray(
    Array.from(rows, (row) => values.get(row)),
    type,
  ).data[0] as Data;
}

function rebuilt(
  { type, dictionary }: Data,
  rows: Int32Array,
  { bitmap, count }: { bitmap: Uint8Array | undefined; count: number },
  offsets: Offsets | undefined,
  values: TypedArray | undefined,
  children: Data[],
): Data {
  return new Data(
    type,
    0,
    rows.length,
    count,
    [offsets, values, bitmap, undefined] as never,
    children,
    dictionary,
  );
}

function takeNulls(data: Data, rows: Int32Array): { bitmap: Uint8Array | undefined; count: number } {
  if (data.nullCount === 0) return { bitmap: undefined, count: 0 };
  const valid = Uint8Array.from(rows, (row) => (data.getValid(row) ? 1 : 0));
  return { bitmap: packBits(valid), count: valid.reduce((count, is) => count + 1 - is, 0) };
}

function takeValues(values: TypedArray, stride: number, rows: Int32Array): TypedArray {
  const taken = new (values.constructor as new (length: number) => TypedArray)(rows.length * stride);
  for (let i = 0; i < rows.length; i++) {
    const from = (rows[i] as number) * stride;
    for (let k = 0; k < stride; k++) taken[i * stride + k] = values[from + k] as never;
  }
  return taken;
}

function strided(rows: Int32Array, size: number): Int32Array {
  const elements = new Int32Array(rows.length * size);
  for (let i = 0; i < rows.length; i++) {
    for (let k = 0; k < size; k++) elements[i * size + k] = (rows[i] as number) * size + k;
  }
  return elements;
}

/** New offsets of the rows, and which elements they are made of. */
function takeOffsets(source: Offsets, rows: Int32Array): { offsets: Offsets; elements: Int32Array } {
  const offsets = newOffsets(source, rows);
  const elements = new Int32Array(Number(offsets[rows.length]));
  let at = 0;
  for (const row of rows) {
    const end = Number(source[row + 1]);
    for (let element = Number(source[row]); element < end; element++) elements[at++] = element;
  }
  return { offsets, elements };
}

function takeBytes(data: Data, rows: Int32Array): { offsets: Offsets; bytes: Uint8Array } {
  const source = data.valueOffsets as Offsets;
  const values = data.values as Uint8Array;
  const offsets = newOffsets(source, rows);
  const bytes = new Uint8Array(Number(offsets[rows.length]));
  rows.forEach((row, i) => {
    bytes.set(values.subarray(Number(source[row]), Number(source[row + 1])), Number(offsets[i]));
  });
  return { offsets, bytes };
}

function newOffsets(source: Offsets, rows: Int32Array): Offsets {
  const offsets =
    source instanceof Int32Array ? new Int32Array(rows.length + 1) : new BigInt64Array(rows.length + 1);
  let end = 0;
  rows.forEach((row, i) => {
    end += Number(source[row + 1]) - Number(source[row]);
    offsets[i + 1] = (source instanceof Int32Array ? end : BigInt(end)) as never;
  });
  return offsets;
}
