import {
  type Data,
  Field,
  FixedSizeList,
  type Float32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  tableFromIPC,
} from 'apache-arrow';
import { arrowType } from '../dataset/arrow-types.js';
import { packBits } from '../util/bits.js';
import type { DType, TypedArray } from '../util/dtype.js';
import type { CompleteSplit, OutputValues } from './types.js';

/** A split as a table. */
export interface PartTable {
  readonly schema: Schema;
  /** One for each that was read. */
  readonly batches: readonly RecordBatch[];
}

/** One kept column of all record batches of a split. */
export type ColumnChange = (field: Field, batches: readonly Data[]) => readonly Data[];

/**
 * A split's kept columns and outputs. Outputs of one value a row are plain columns; others are fixed-size lists with Arrow's
 * canonical extension type `arrow.fixed_shape_tensor`, so that readers that know it get the tensor's shape back.
 *
 * @param change what a format must have done to kept columns; their types may change
 */
export function partTable(
  { produced, outputs }: CompleteSplit,
  change: ColumnChange = (_, batches) => batches,
): PartTable {
  const kept = produced.keep.map((bytes) => tableFromIPC(bytes).batches[0]).filter((batch) => batch != null);
  const fields = kept[0]?.schema.fields ?? [];
  const columns = fields.map((field, i) =>
    change(
      field,
      kept.map(({ data }) => data.children[i] as Data),
    ),
  );
  const keptFields = fields.map((field, i) => field.clone({ type: columns[i]?.[0]?.type ?? field.type }));
  const schema = new Schema([...keptFields, ...outputs.map(fieldOf)]);
  let row = 0;
  const batches = produced.batchRows.map((rows, i) => {
    const own = columns.map((column) => column[i] as Data);
    const children = [...own, ...outputs.map((output) => dataOf(output, row, rows))];
    row += rows;
    const data = makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children });
    return new RecordBatch(schema, data);
  });
  return { schema, batches };
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
  // Its elements are never null, but readers of Parquet know the extension only where they may be.
  return new FixedSizeList(size, new Field('item', arrowType(dtype), true));
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
