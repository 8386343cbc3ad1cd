import { type Data, DataType, Field, FixedSizeList, List, type RecordBatch, Schema } from 'apache-arrow';

/**
 * The schema of a record batch, where lists that are all equally long are lists of that length: what tensors are made
 * of them follows from it. Columns in `except` are left as they are; `variable`: so is the outer list of the others.
 */
export function widthsOf(batch: RecordBatch, except: ReadonlySet<string>, variable: boolean): Schema {
  return new Schema(
    batch.schema.fields.map((field, i) => {
      const data = batch.data.children[i] as Data;
      return except.has(field.name) ? field : new Field(field.name, widthOf(data, variable), field.nullable);
    }),
  );
}

function widthOf(data: Data, variable: boolean): DataType {
  const { type } = data;
  const child = data.children[0];
  if (child === undefined || !(DataType.isList(type) || DataType.isFixedSizeList(type))) return type;
  const item = new Field('item', widthOf(child, false), true);
  if (DataType.isFixedSizeList(type)) return new FixedSizeList(type.listSize, item);
  const length = variable || data.nullCount > 0 ? undefined : commonLength(data.valueOffsets);
  return length === undefined ? new List(item) : new FixedSizeList(length, item);
}

function commonLength(offsets: Int32Array): number | undefined {
  if (offsets.length < 2) return undefined;
  const first = (offsets[1] as number) - (offsets[0] as number);
  for (let i = 1; i < offsets.length - 1; i++) {
    if ((offsets[i + 1] as number) - (offsets[i] as number) !== first) return undefined;
  }
  return first;
}
