import { type DataType, Field, FixedSizeList, List, Schema, Utf8 } from 'apache-arrow';
import { arrowType } from '../dataset/arrow-types.js';
import { type DType, dtypeOfArray } from '../util/dtype.js';
import { UsageError } from '../util/errors.js';

/** What the first row does not tell. */
export interface RowHints {
  /** Arrays may be of any length; else all are as long as in the first row. */
  readonly variable: boolean;
  /** What plain numbers of a column are wanted as; float32 where it does not say. They are checked one by one. */
  readonly wanted: ReadonlyMap<string, DType>;
}

/**
 * The columns of rows that are plain objects, told by the first: numbers are what is wanted of them, bigints int64,
 * booleans bool, elements of typed arrays what they are.
 */
export function schemaOfRow(row: unknown, { variable, wanted }: RowHints): Schema {
  if (typeof row !== 'object' || row === null || Array.isArray(row) || ArrayBuffer.isView(row)) {
    throw new UsageError(
      `the source yields ${typeof row === 'object' ? JSON.stringify(row) : String(row)}; expected rows such as ` +
        '{ x: [1, 2, 3] }, or Arrow record batches',
    );
  }
  return new Schema(
    Object.entries(row).map(
      ([name, value]) => new Field(name, typeOf(value, variable, wanted.get(name) ?? 'float32'), false),
    ),
  );
}

function typeOf(value: unknown, variable: boolean, wanted: DType): DataType {
  if (typeof value === 'number') return arrowType(wanted);
  if (typeof value === 'bigint') return arrowType('int64');
  if (typeof value === 'boolean') return arrowType('bool');
  if (ArrayBuffer.isView(value)) {
    const element = dtypeOfArray(value);
    return element === undefined
      ? new Utf8()
      : listOf(arrowType(element), (value as Uint8Array).length, variable);
  }
  // Of nested arrays only the outer ones may be of variable length.
  if (Array.isArray(value)) return listOf(typeOf(value[0] ?? 0, false, wanted), value.length, variable);
  return new Utf8();
}

function listOf(element: DataType, length: number, variable: boolean): DataType {
  const item = new Field('item', element, false);
  return variable ? new List(item) : new FixedSizeList(length, item);
}
