import type { Data, RecordBatch } from 'apache-arrow';
import type { Bucket } from '../ring/layout.js';
import { firstInvalid } from './leaf.js';
import { type ReportFault, RowFault, throwFault } from './row-fault.js';

/**
 * The length of each row: the numbers in a column, or where it is a column of lists, theirs (in elements of the outer
 * list).
 *
 * @param report told of each row whose length is null, negative or not whole; its length is 0 then
 */
export function rowLengths(batch: RecordBatch, column: string, report: ReportFault = throwFault): Int32Array {
  const data = batch.getChild(column)?.data[0];
  if (data === undefined) throw new RowFault(0, column, 'the record batch has no such column');
  const rows = data.length;
  for (let row = firstInvalid(data, 0, rows); row >= 0; row = firstInvalid(data, row + 1, rows)) {
    report(new RowFault(row, column, 'is null, and tells the length of the row'));
  }
  const lengths = new Int32Array(batch.numRows);
  if (data.valueOffsets === undefined) fillFromNumbers(lengths, data, column, report);
  else fillFromLists(lengths, data, column, report);
  return lengths;
}

function fillFromLists(lengths: Int32Array, data: Data, column: string, report: ReportFault): void {
  const offsets = data.valueOffsets as ArrayLike<number | bigint>;
  const elements = data.children[0]?.length ?? data.values.length;
  for (let row = 0; row < lengths.length; row++) {
    const [from, to] = [Number(offsets[row]), Number(offsets[row + 1])];
    if (from >= 0 && to >= from && to <= elements) lengths[row] = to - from;
    else report(outsideFault(row, column, from, to, elements));
  }
}

/** The fault of a row that no bucket holds. */
export function tooLongFault(
  row: number,
  column: string,
  length: number,
  buckets: readonly Bucket[],
): RowFault {
  const longest = buckets.at(-1)?.length;
  return new RowFault(row, column, `is ${length} long; the longest of batch.buckets holds ${longest}`);
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

function fillFromNumbers(lengths: Int32Array, { values }: Data, column: string, report: ReportFault): void {
  for (let row = 0; row < lengths.length; row++) {
    const length = Number(values[row]);
    if (Number.isInteger(length) && length >= 0 && length <= 0x7fffffff) lengths[row] = length;
    else report(new RowFault(row, column, `is ${length}, which is no length`));
  }
}
