import type { DataFile, RawBatch } from '../dataset/types.js';
import { DataError } from '../util/errors.js';
import { RowFault } from './row-fault.js';
import { TransformFailure } from './transform.js';

/** Whether an error is about rows of a record batch, whose place in the file is still to be told. */
export const isOfRows = (failure: unknown): failure is RowFault | TransformFailure =>
  failure instanceof RowFault || failure instanceof TransformFailure;

/** The number in its file of a row of a record batch. */
export async function rowInFile(raw: RawBatch, file: DataFile, row: number): Promise<number> {
  return (await file.rowsBefore(raw.unit)) + (raw.rowAt?.(row) ?? raw.rowInUnit + row);
}

/** The error for people: which file, which row, which column. */
export async function locate(
  fault: RowFault | TransformFailure,
  uri: string,
  raw: RawBatch,
  file: DataFile,
): Promise<DataError> {
  const hint = 'Mend or leave out the row, or let errors.maxRows of them go to _dead_letters/.';
  if (fault instanceof RowFault) {
    const row = await rowInFile(raw, file, fault.row);
    const { column, message } = fault;
    return new DataError(`${uri}: row ${row}, column ${JSON.stringify(column)}: ${message}`, {
      file: uri,
      row,
      column,
      hint,
    });
  }
  const row = await rowInFile(raw, file, fault.from);
  const last = row + fault.to - fault.from - 1;
  const rows = last > row ? `rows ${row} to ${last}` : `row ${row}`;
  return new DataError(`${uri}: ${rows}: ${fault.message}`, { file: uri, row, hint, cause: fault.cause });
}
