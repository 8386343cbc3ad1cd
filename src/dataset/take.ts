import {
  BufferType,
  type Data,
  DataType,
  makeData,
  RecordBatch,
  type Struct,
  Type,
  Vector,
  vectorFromArray,
} from 'apache-arrow';

/** Elements from a start up to an end, start and end in turn: rows that are taken together; wide where 32 bits are too few. */
export type Runs = Int32Array | Float64Array;

/** Rows that are selected, put together to runs. */
export function runsOf(rows: Int32Array): Int32Array {
  const runs = new Int32Array(rows.length * 2);
  let count = 0;
  for (let i = 0; i < rows.length; ) {
    const start = rows[i] as number;
    let end = start;
    while (i < rows.length && rows[i] === end) {
      i++;
      end++;
    }
    runs[count++] = start;
    runs[count++] = end;
  }
  return runs.subarray(0, count);
}

/** Some rows of a record batch, ascending, in memory of their own; the batch itself where they are all. */
export function takeRows(batch: RecordBatch, rows: Int32Array): RecordBatch {
  if (rows.length === batch.numRows) return batch;
  const runs = runsOf(rows);
  const children = batch.data.children.map((child) => take(child, runs, rows.length));
  const type = batch.data.type as Struct;
  return new RecordBatch(batch.schema, makeData({ type, length: rows.length, nullCount: 0, children }));
}

function take(data: Data, runs: Runs, length: number): Data {
  const { type } = data;
  const validity = takeValidity(data, runs, length);
  const build = (parts: Record<string, unknown>): Data =>
    makeData({ type, length, ...validity, ...parts } as never) as Data;
  switch (type.typeId) {
    case Type.Null:
      return makeData({ type: type as never, length } as never);
    case Type.Union: {
      // Value by value: nothing that is fast makes use of unions.
      const values = new Vector([data]);
      return vectorFromArray(
        Array.from(rowsOf(runs), (row) => values.get(row)),
        type,
      ).data[0] as Data;
    }
    case Type.Bool:
      return build({ data: takeBits(data.values, data.offset, runs, length) });
    case Type.Struct:
      return build({ children: data.children.map((child) => take(child, runs, length)) });
    case Type.FixedSizeList: {
      const size = (type as DataType & { listSize: number }).listSize;
      const child = take(
        data.children[0] as Data,
        runs.map((at) => at * size),
        length * size,
      );
      return build({ child });
    }
    case Type.List:
    case Type.LargeList:
    case Type.Map: {
      const { offsets, inner } = takeOffsets(data.valueOffsets, runs, length);
      const child = take(data.children[0] as Data, inner, Number(offsets[length]));
      return build({ valueOffsets: offsets, child });
    }
    case Type.Utf8:
    case Type.Binary:
    case Type.LargeUtf8:
    case Type.LargeBinary: {
      const { offsets, inner } = takeOffsets(data.valueOffsets, runs, length);
      return build({
        valueOffsets: offsets,
        data: takeValues(data.values, inner, 1, Number(offsets[length])),
      });
    }
    case Type.Utf8View:
    case Type.BinaryView:
      // Views of sixteen bytes into buffers that stay as they are.
      return build({
        views: takeValues(data.values, runs, 16, length),
        variadicBuffers: data.variadicBuffers,
      });
    default: {
      const values = takeValues(data.values, runs, data.stride, length);
      const { dictionary } = data;
      return build({ data: values, ...(DataType.isDictionary(type) && { dictionary }) });
    }
  }
}

function* rowsOf(runs: Runs): Generator<number> {
  for (let r = 0; r < runs.length; r += 2)
    for (let row = runs[r] as number; row < (runs[r + 1] as number); row++) yield row;
}

function takeValidity(
  data: Data,
  runs: Runs,
  length: number,
): { nullCount: number; nullBitmap: Uint8Array | undefined } {
  const bitmap = data.buffers[BufferType.VALIDITY];
  if (data.nullCount === 0 || bitmap === undefined || bitmap.length === 0)
    return { nullCount: 0, nullBitmap: undefined };
  const nullBitmap = takeBits(bitmap, data.offset, runs, length);
  let valid = 0;
  for (let i = 0; i < length; i++) valid += ((nullBitmap[i >> 3] as number) >> (i & 7)) & 1;
  return { nullCount: length - valid, nullBitmap };
}

function takeBits(bits: Uint8Array, offset: number, runs: Runs, length: number): Uint8Array {
  const out = new Uint8Array(Math.ceil(length / 64) * 8);
  let to = 0;
  for (let r = 0; r < runs.length; r += 2) {
    for (let i = (runs[r] as number) + offset; i < (runs[r + 1] as number) + offset; i++, to++) {
      out[to >> 3] = (out[to >> 3] as number) | ((((bits[i >> 3] as number) >> (i & 7)) & 1) << (to & 7));
    }
  }
  return out;
}

type Numbers = Uint8Array & { constructor: Uint8ArrayConstructor };

function takeValues(values: Numbers, runs: Runs, stride: number, length: number): Uint8Array {
  const out = new values.constructor(length * stride);
  let to = 0;
  for (let r = 0; r < runs.length; r += 2) {
    const piece = values.subarray((runs[r] as number) * stride, (runs[r + 1] as number) * stride);
    out.set(piece, to);
    to += piece.length;
  }
  return out;
}

/** New offsets, and which elements they are of. */
function takeOffsets(
  offsets: Int32Array | BigInt64Array,
  runs: Runs,
  length: number,
): { offsets: Int32Array | BigInt64Array; inner: Runs } {
  const isLarge = offsets instanceof BigInt64Array;
  const out = isLarge ? new Float64Array(length + 1) : new Int32Array(length + 1);
  const inner = isLarge ? new Float64Array(runs.length) : new Int32Array(runs.length);
  let to = 0;
  let total = 0;
  for (let r = 0; r < runs.length; r += 2) {
    const begin = Number(offsets[runs[r] as number]);
    for (let i = runs[r] as number; i < (runs[r + 1] as number); i++) {
      total += Number(offsets[i + 1]) - Number(offsets[i]);
      out[++to] = total;
    }
    inner[r] = begin;
    inner[r + 1] = Number(offsets[runs[r + 1] as number]);
  }
  return { offsets: out instanceof Int32Array ? out : BigInt64Array.from(out, BigInt), inner };
}
