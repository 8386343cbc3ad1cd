import {
  type Data,
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
import { shareDictionaries } from './shared-dictionaries.js';
import type { CompleteSplit, OutputValues } from './types.js';

/**
 * A split's kept columns and outputs as an Arrow IPC file, one record batch for each that was read. Outputs of one
 * value a row are plain columns; others are fixed-size lists with Arrow's canonical extension type
 * `arrow.fixed_shape_tensor`, so that readers that know it get the tensor's shape back.
 */
export function encodeArrowPart({ produced, outputs }: CompleteSplit): Uint8Array {
  const outputFields = outputs.map(fieldOf);
  const kept = produced.keep.map((bytes) => tableFromIPC(bytes).batches[0]).filter((batch) => batch != null);
  const keptFields = kept[0]?.schema.fields ?? [];
  const columns = keptFields.map(({ name }, i) =>
    shareDictionaries(
      name,
      kept.map(({ data }) => data.children[i] as Data),
    ),
  );
  const schema = new Schema([...keptFields, ...outputFields]);
  let row = 0;
  const batches = produced.batchRows.map((rows, i) => {
    const own = columns.map((column) => column[i] as Data);
    const children = [...own, ...outputs.map((output) => dataOf(output, row, rows))];
    row += rows;
    const data = makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children });
    return new RecordBatch(schema, data);
  });
  const writer = new RecordBatchFileWriter();
  writer.reset(undefined, schema);
  for (const batch of batches) writer.write(batch);
  return writer.finish().toUint8Array(true);
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
