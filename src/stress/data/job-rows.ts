import { linkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataType, Float } from 'apache-arrow';
import { arrayOf, bytesOf, type DType, sizeOf } from '../../util/dtype.js';
import { DATATYPES, elementOf, type RequestInput, type RequestShape } from '../load/request.js';
import { type Random, seeded } from '../random.js';

/* Made up rows for a batch job: a column for each input of the model, each a list of the row's elements. */

/** Why no rows can be made up; undefined where they can. */
export function whyNoRows({ inputs }: RequestShape): string | undefined {
  const odd = inputs.find(({ datatype }) => datatype === 'BYTES' || datatype === 'BOOL');
  return (
    odd &&
    `the rows of its job are made up, which works for numbers alone, and ${odd.name} is ${odd.datatype}`
  );
}

/** Bytes of a row. */
export function rowBytesOf({ inputs }: RequestShape): number {
  return inputs.reduce((sum, { datatype, shape }) => sum + sizeOf(shape) * bytesOf(dtypeOf(datatype)), 0);
}

export function dtypeOf(datatype: string): DType {
  const dtype = DATATYPES[datatype];
  if (dtype === undefined) throw new RangeError(`a tensor of ${datatype} can't be made up`);
  return dtype;
}

/** An Arrow IPC file of so many rows, in record batches of `batchRows`. */
export async function arrowFile(
  request: RequestShape,
  rows: number,
  batchRows: number,
  seed: number,
): Promise<Uint8Array> {
  const arrow = await import('apache-arrow');
  const types: Readonly<Record<Exclude<DType, 'bool'>, () => DataType>> = {
    float16: () => new arrow.Float16(),
    float32: () => new arrow.Float32(),
    float64: () => new arrow.Float64(),
    int8: () => new arrow.Int8(),
    uint8: () => new arrow.Uint8(),
    int16: () => new arrow.Int16(),
    uint16: () => new arrow.Uint16(),
    int32: () => new arrow.Int32(),
    uint32: () => new arrow.Uint32(),
    int64: () => new arrow.Int64(),
    uint64: () => new arrow.Uint64(),
  };
  const random = seeded(seed);
  const columnOf = (input: RequestInput, length: number) => {
    const dtype = dtypeOf(input.datatype) as keyof typeof types;
    const width = sizeOf(input.shape);
    // One class stands for all: which it is, is decided by the table above.
    const child = arrow.makeData({
      type: types[dtype]() as Float,
      length: length * width,
      nullCount: 0,
      data: elements(dtype, length * width, random) as Float32Array,
    });
    const type = new arrow.FixedSizeList(width, new arrow.Field('item', child.type, false));
    return { name: input.name, data: arrow.makeData({ type, length, nullCount: 0, child }) };
  };
  const batches = Array.from({ length: Math.ceil(rows / batchRows) }, (_, i) => {
    const length = Math.min(batchRows, rows - i * batchRows);
    const columns = request.inputs.map((input) => columnOf(input, length));
    const schema = new arrow.Schema(columns.map(({ name, data }) => new arrow.Field(name, data.type, false)));
    const children = columns.map(({ data }) => data);
    const struct = new arrow.Struct(schema.fields);
    return new arrow.RecordBatch(schema, arrow.makeData({ type: struct, length, nullCount: 0, children }));
  });
  return arrow.tableToIPC(new arrow.Table(batches), 'file');
}

function elements(dtype: DType, count: number, random: Random) {
  const values = new (arrayOf(dtype))(count);
  for (let i = 0; i < count; i++) values[i] = elementOf(dtype, random) as never;
  return values;
}

/** Writes a file under many names: a long data set that is small on the disk, and in the page cache. */
export function writeCopies(folder: string, bytes: Uint8Array, copies: number): void {
  const nameOf = (i: number): string => join(folder, `${String(i).padStart(6, '0')}.arrow`);
  writeFileSync(nameOf(0), bytes);
  for (let i = 1; i < copies; i++) linkSync(nameOf(0), nameOf(i));
}
