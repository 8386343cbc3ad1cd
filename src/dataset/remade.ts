import { Data, type DataType, type Vector } from 'apache-arrow';

/** What of an array is to be another. */
export interface DataChanges {
  readonly type?: DataType;
  readonly values?: unknown;
  readonly children?: Data[];
  readonly dictionary?: Vector | undefined;
}

/** The same array but for the changes; shares the memory of all else. */
export function remade(data: Data, changes: DataChanges): Data {
  const { offset, length, nullCount, valueOffsets, nullBitmap, typeIds, variadicBuffers } = data;
  const { type = data.type, values = data.values, children = data.children } = changes;
  const dictionary = 'dictionary' in changes ? changes.dictionary : data.dictionary;
  const buffers = [valueOffsets, values, nullBitmap, typeIds] as never;
  return new Data(type, offset, length, nullCount, buffers, children, dictionary, variadicBuffers);
}
