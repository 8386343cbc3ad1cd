import type { Data, DataType } from 'apache-arrow';
import type { StoredValues } from '../dataset/types.js';
import { bytesOf } from '../util/dtype.js';
import { firstNullIn, leafOf } from './leaf.js';
import { outsideFault } from './lengths.js';
import { type ReportFault, RowFault } from './row-fault.js';
import { misfitFault, rowWithoutNulls, type Writer } from './writer.js';

/** @throws RowFault where a column's elements are not what they were when the job was planned */
export function checkType({ input }: Writer, type: DataType): void {
  if (leafOf(type)?.dtype === input.source) return;
  throw new RowFault(0, input.column, `is ${type} here, and ${input.source} in the record batches before`);
}

/** @throws RowFault where a column that lies in the file is not what the tensor takes */
export function checkStored(writer: Writer, { type, byteLength }: StoredValues, rows: number): void {
  const { input, sourceSize } = writer;
  checkType(writer, type);
  const width = leafOf(type)?.width;
  if (width !== sourceSize)
    throw new RowFault(0, input.column, `has ${width} values; the tensor takes ${sourceSize}`);
  const bytes = rows * sourceSize * bytesOf(input.source);
  if (byteLength < bytes)
    throw new RowFault(
      0,
      input.column,
      `has ${byteLength} bytes where ${bytes} are needed: the file is damaged`,
    );
}

/** Rows that are null, or have a null in them, where a null is an error. */
export function checkNulls({ input }: Writer, data: Data, report: ReportFault): void {
  if (input.fill !== undefined) return;
  const rows = data.length;
  for (let row = firstNullIn(data, 0, rows); row >= 0; row = firstNullIn(data, row + 1, rows)) {
    report(new RowFault(row, input.column, 'is null, and a tensor has no place for nulls'));
  }
}

/** Rows of a length that the tensor does not take; where no row is null. */
export function checkLengths(
  { source, region, input, sourceSize, nulls }: Writer,
  rows: number,
  lengths: Int32Array | undefined,
  report: ReportFault,
): void {
  const { offsets } = source;
  if (offsets === undefined) return;
  const all = source.values.length;
  for (let row = 0; row < rows; row++) {
    const [from, to] = [offsets[row] as number, offsets[row + 1] as number];
    if (!(from >= 0 && to >= from && to <= all)) {
      report(outsideFault(row, input.column, from, to, all));
      continue;
    }
    const elements = to - from;
    const length = lengths?.[row] ?? 1;
    const wanted = region.padded ? length * sourceSize : sourceSize;
    if (elements === wanted || (nulls.has(row) && nulls.get(row) === undefined)) continue;
    const reason = region.padded
      ? `has ${elements} values, and the row's length is ${length}`
      : `has ${elements} values; the tensor takes ${sourceSize}`;
    report(new RowFault(row, input.column, reason));
  }
}

/** Values that do not fit the tensor's type, in rows that are not `bad` for other reasons. */
export function checkValues(
  writer: Writer,
  rows: number,
  bad: (row: number) => boolean,
  report: ReportFault,
): void {
  const { scan, source, sourceSize, nulls } = writer;
  if (scan === undefined) return;
  for (let row = 0; row < rows; row++) {
    if (bad(row)) continue;
    const mask = nulls.get(row);
    if (nulls.has(row) && mask === undefined) continue;
    const from = source.offsets === undefined ? row * sourceSize : (source.offsets[row] as number);
    const count = source.offsets === undefined ? sourceSize : (source.offsets[row + 1] as number) - from;
    const values = mask === undefined ? source.values : rowWithoutNulls(writer, row, mask);
    const start = mask === undefined ? from : 0;
    const misfit = scan(values, start, count);
    if (misfit >= 0) report(misfitFault(writer, values[start + misfit] as number, row));
  }
}
