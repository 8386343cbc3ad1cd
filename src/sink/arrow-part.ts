import {
  Data,
  Field,
  FixedSizeList,
  type Float32,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  tableFromIPC,
} from 'apache-arrow';
import { arrowType } from '../dataset/arrow-types.js';
import { packBits } from '../util/bits.js';
import type { DType, TypedArray } from '../util/dtype.js';
import type { CompleteSplit, OutputValues } from './types.js';

/**
 * A split's kept columns and outputs as an Arrow IPC file, one record batch for each that was read. Outputs of one
 * value a row are plain columns; others are fixed-size lists with Arrow's canonical extension type
 * `arrow.fixed_shape_tensor`, so that readers that know it get the tensor's shape back.
 */
export function encodeArrowPart({ produced, outputs }: CompleteSplit): Uint8Array {
  const outputFields = outputs.map(fieldOf);
  const batches: RecordBatch[] = [];
  let schema: Schema | undefined;
  let first: readonly Data[] = [];
  let row = 0;
  produced.batchRows.forEach((rows, i) => {
    const kept = produced.keep[i] === undefined ? undefined : tableFromIPC(produced.keep[i]).batches[0];
    schema ??= new Schema([...(kept?.schema.fields ?? []), ...outputFields]);
    const columns = (kept?.data.children ?? []).map((data, column) => sharing(data, first[column] ?? data));
    if (i === 0) first = columns;
    const children = [...columns, ...outputs.map((output) => dataOf(output, row, rows))];
    const data = makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children });
    batches.push(new RecordBatch(schema, data));
    row += rows;
  });
  const writer = new RecordBatchFileWriter();
  writer.reset(undefined, schema ?? new Schema(outputFields));
  for (const batch of batches) writer.write(batch);
  return writer.finish().toUint8Array(true);
}

/**
 * The same column with the dictionaries of the first record batch: each batch travels with a copy of its own, a file has
 * one for all of them, and all batches of a split come from one file.
 */
function sharing(data: Data, first: Data): Data {
  const children = data.children.map((child, i) => sharing(child, first.children[i] ?? child));
  const same = children.every((child, i) => child === data.children[i]);
  if (data === first || (same && first.dictionary === undefined)) return data;
  const { valueOffsets, values, nullBitmap, typeIds } = data;
  return new Data(
    first.type,
    data.offset,
    data.length,
    data.nullCount,
    [valueOffsets, values, nullBitmap, typeIds],
    children,
    first.dictionary,
  );
}

function fieldOf({ as, tensor: { dtype, rowDims, name } }: OutputValues): Field {
  if (rowDims.length === 0) return new Field(as, arrowType(dtype), false);
  const metadata = new Map([
    ['ARROW:extension:name', 'arrow.fixed_shape_tensor'],
    ['ARROW:extension:metadata', JSON.stringify({ shape: rowDims })],
    ['penstock:output', name],
  ]);
  return new Field(as, listType({ dtype, rowDims }), false, metadata);
}

function listType({ dtype, rowDims }: { dtype: DType; rowDims: readonly number[] }): FixedSizeList {
  const size = rowDims.reduce((product, dim) => product * dim, 1);
  return new FixedSizeList(size, new Field('item', arrowType(dtype), false));
}

function dataOf(
  { tensor: { dtype, rowDims, rowSize }, values }: OutputValues,
  row: number,
  rows: number,
): Data {
  const slice = values.subarray(row * rowSize, (row + rows) * rowSize);
  const leaf = leafData(dtype, slice);
  if (rowDims.length === 0) return leaf;
  return makeData({ type: listType({ dtype, rowDims }), length: rows, nullCount: 0, child: leaf });
}

function leafData(dtype: DType, values: TypedArray): Data {
  const data = dtype === 'bool' ? packBits(values as Uint8Array) : values;
  return makeData({
    type: arrowType(dtype) as Float32,
    length: values.length,
    nullCount: 0,
    data: data as Float32Array,
  });
}
