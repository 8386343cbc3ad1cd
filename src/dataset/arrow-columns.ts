import type { Schema } from 'apache-arrow';
import type { StoredObject } from '../storage/types.js';
import { DataError } from '../util/errors.js';
import { type FieldBuffers, fieldBuffers } from './arrow-buffers.js';

/** The columns to decode, in the order in which they are wanted; all where none is named. */
export function selectFields(
  object: StoredObject,
  schema: Schema,
  columns: readonly string[] | undefined,
): FieldBuffers[] {
  const all = fieldBuffers(object, schema.fields);
  if (columns === undefined) return all;
  return columns.map((column) => {
    const found = all.find(({ field }) => field.name === column);
    if (found === undefined) throw missingColumn(object, schema, column);
    return found;
  });
}

/** The error for a column that a file does not have; says which there are. */
export function missingColumn({ uri }: StoredObject, schema: Schema, column: string): DataError {
  const names = schema.fields.map(({ name }) => name).join(', ');
  return new DataError(`${uri}: has no column ${JSON.stringify(column)}; its columns are ${names}`, {
    file: uri,
    column,
  });
}
