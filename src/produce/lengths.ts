import type { RecordBatch } from 'apache-arrow';
import { flatten, leafOf } from './leaf.js';
import { RowFault } from './row-fault.js';

/**
 * The length of each row: the numbers in a column, or where it is a column of lists, theirs (in elements of the outer
 * list).
 *
 * @throws RowFault for a row whose length is null, negative or not whole
 */
export function rowLengths(batch: RecordBatch, column: string): Int32Array {
  const data = batch.getChild(column)?.data[0];
  if (data === undefined) throw new RowFault(0, column, 'the record batch has no such column');
  const { firstNull, offsets, values } = flatten(data);
  if (firstNull >= 0) throw new RowFault(firstNull, column, 'is null, and tells the length of the row');
  const lengths = new Int32Array(batch.numRows);
  if (offsets !== undefined) {
    const inner = data.children[0] === undefined ? 1 : (leafOf(data.children[0].type)?.width ?? 1);
    for (let row = 0; row < lengths.length; row++) {
      lengths[row] = ((offsets[row + 1] as number) - (offsets[row] as number)) / inner;
    }
    return lengths;
  }
  for (let row = 0; row < lengths.length; row++) {
    const length = Number(values[row]);
    if (!Number.isInteger(length) || length < 0 || length > 0x7fffffff) {
      throw new RowFault(row, column, `is ${length}, which is no length`);
    }
    lengths[row] = length;
  }
  return lengths;
}
