import { Data, type DataType, makeData, RecordBatch, type Schema, Struct } from 'apache-arrow';

/** A record batch of no rows. Arrow's own leaves out the children of lists, which whoever reads lists looks into. */
export function emptyBatch(schema: Schema): RecordBatch {
  const children = schema.fields.map(({ type }) => emptyData(type));
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: 0, nullCount: 0, children }),
  );
}

function emptyData(type: DataType): Data {
  const children = (type.children ?? []).map((field) => emptyData(field.type));
  const data = makeData({ type, length: 0, nullCount: 0 } as never) as Data;
  return children.length === 0 ? data : new Data(type, 0, 0, 0, data.buffers, children);
}
