import { RecordBatchStreamWriter, type Schema, tableFromIPC } from 'apache-arrow';

/** A schema as an IPC stream without rows: its classes do not survive the way between threads. */
export function encodeSchema(schema: Schema): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  return writer.finish().toUint8Array(true);
}

export function decodeSchema(bytes: Uint8Array): Schema {
  return tableFromIPC(bytes).schema;
}
