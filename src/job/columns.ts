import { DataType, type Schema } from 'apache-arrow';
import { UsageError } from '../util/errors.js';

/** A column that the job names at `key`, and that is not there: which there are is said. */
export function missingColumn(key: string, column: string, source: string, schema: Schema): UsageError {
  const names = schema.fields.map(({ name }) => name).join(', ');
  return new UsageError(
    `${key}: ${source} has no column ${JSON.stringify(column)}; its columns are ${names}`,
    { key, column },
  );
}

export const hasColumn = (schema: Schema, column: string): boolean =>
  schema.fields.some(({ name }) => name === column);

/** @throws RangeError where it is not there */
export function columnType(schema: Schema, column: string): DataType {
  const field = schema.fields.find(({ name }) => name === column);
  if (field === undefined) throw new RangeError(`no column ${column}`);
  return field.type;
}

/** Dimensions of an element of a list column: [] for lists of numbers. */
export function innerDims(type: DataType): number[] {
  const child = type.children?.[0]?.type as DataType | undefined;
  return child === undefined ? [] : fixedDims(child);
}

/** Dimensions of (nested) fixed-size lists; [] for a number. */
export function fixedDims(type: DataType): number[] {
  if (DataType.isFixedSizeList(type)) return [type.listSize, ...fixedDims(type.valueType)];
  return DataType.isFixedSizeBinary(type) ? [type.byteWidth] : [];
}
