import type { Data, RecordBatch } from 'apache-arrow';
import { firstInvalid } from './leaf.js';
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
  const firstNull = firstInvalid(data, 0, data.length);
  if (firstNull >= 0) throw new RowFault(firstNull, column, 'is null, and tells the length of the row');
  const lengths = new Int32Array(batch.numRows);
  if (data.valueOffsets === undefined) fillFromNumbers(lengths, data, column);
  else fillFromLists(lengths, data, column);
  return lengths;
}

function fillFromLists(lengths: Int32Array, data: Data, column: string): void {
  const offsets = data.valueOffsets as ArrayLike<number | bigint>;
  const elements = data.children[0]?.length ?? data.values.length;
  for (let row = 0; row < lengths.length; row++) {
    const [from, to] = [Number(offsets[row]), Number(offsets[row + 1])];
    if (!(from >= 0 && to >= from && to <= elements)) throw outsideFault(row, column, from, to, elements);
    lengths[row] = to - from;
  }
}

/** What a damaged file may claim of a list. */
export function outsideFault(
  row: number,
  column: string,
  from: number,
  to: number,
  elements: number,
): RowFault {
  return new RowFault(row, column, `has elements ${from} to ${to} of ${elements}: the file is damaged`);
}

function fillFromNumbers(lengths: Int32Array, { values }: Data, column: string): void {
  for (let row = 0; row < lengths.length; row++) {
    const length = Number(values[row]);
    if (!Number.isInteger(length) || length < 0 || length > 0x7fffffff) {
      throw new RowFault(row, column, `is ${length}, which is no length`);
    }
    lengths[row] = length;
  }
}
