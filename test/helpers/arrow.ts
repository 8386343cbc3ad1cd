import { readFileSync, writeFileSync } from 'node:fs';
import {
  type Data,
  type DataType,
  Field,
  FixedSizeList,
  Float32,
  Int32,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  type RecordBatchWriter,
  Schema,
  Struct,
  type Table,
  tableFromIPC,
} from 'apache-arrow';

/** A column of one record batch. */
export interface ColumnData {
  readonly name: string;
  readonly data: Data;
}

/** Writes record batches as an uncompressed Arrow IPC file. */
export const writeArrow = (path: string, batches: readonly (readonly ColumnData[])[]): string =>
  write(new RecordBatchFileWriter(), path, batches);

/** The same as an Arrow stream. */
export const writeStream = (path: string, batches: readonly (readonly ColumnData[])[]): string =>
  write(new RecordBatchStreamWriter(), path, batches);

function write(writer: RecordBatchWriter, path: string, batches: readonly (readonly ColumnData[])[]): string {
  const [first] = batches;
  if (first === undefined) throw new Error('at least one record batch');
  const schema = new Schema(first.map(({ name, data }) => new Field(name, data.type, data.nullCount > 0)));
  writer.reset(undefined, schema);
  for (const columns of batches) {
    const length = columns[0]?.data.length ?? 0;
    const children = columns.map(({ data }) => data);
    writer.write(
      new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children })),
    );
  }
  writeFileSync(path, writer.finish().toUint8Array(true));
  return path;
}

export const int32 = (name: string, values: ArrayLike<number>): ColumnData => ({
  name,
  data: makeData({ type: new Int32(), length: values.length, nullCount: 0, data: Int32Array.from(values) }),
});

export const float32 = (name: string, values: ArrayLike<number>): ColumnData => ({
  name,
  data: makeData({
    type: new Float32(),
    length: values.length,
    nullCount: 0,
    data: Float32Array.from(values),
  }),
});

/** A fixed-size list of float32: `width` values a row. */
export function vectors(name: string, width: number, values: ArrayLike<number>): ColumnData {
  const child = makeData({
    type: new Float32(),
    length: values.length,
    nullCount: 0,
    data: Float32Array.from(values),
  });
  return list(name, width, child);
}

export function list(name: string, width: number, child: Data): ColumnData {
  const type: DataType = new FixedSizeList(width, new Field('item', child.type, child.nullCount > 0));
  return {
    name,
    data: makeData({ type: type as FixedSizeList, length: child.length / width, nullCount: 0, child }),
  };
}

/** The parts of an output directory as one table, in the order of the parts. */
export function readArrow(path: string): Table {
  return tableFromIPC(readFileSync(path));
}
