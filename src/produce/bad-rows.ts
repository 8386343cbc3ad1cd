import type { RecordBatch } from 'apache-arrow';
import { DataError } from '../util/errors.js';
import { isVector } from './column-values.js';

/** What may be done about bad rows; clonable. */
export interface BadRowRules {
  /** The job's `errors.maxRows`. */
  readonly maxRows: number;
  /** As many of them are not used up yet. */
  readonly left: number;
  /** Where they are written; undefined where nothing is. */
  readonly folder: string | undefined;
}

/** A row that can't become a row of tensors. */
export interface BadRow {
  /** In the record batch as it was read. */
  readonly row: number;
  /** Undefined where it is not a column's fault, but a transform's. */
  readonly column: string | undefined;
  readonly reason: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** A line of a dead letters file. */
export interface DeadLetter {
  readonly file: string;
  /** The split's place in the data set. */
  readonly split: number;
  /** In the file. */
  readonly row: number;
  readonly column: string | null;
  readonly reason: string;
  /** Those of the columns that the sink keeps which JSON can hold. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** The dead letters of one split. */
export interface SplitLetters {
  readonly ordinal: number;
  readonly letters: readonly DeadLetter[];
}

/** A split alone has more bad rows than may be. */
export class TooManyBadRows extends Error {
  readonly error: DataError;
  readonly letters: SplitLetters;

  constructor(letters: SplitLetters, rules: BadRowRules) {
    const error = tooManyBadRows(letters.letters.at(-1), rules);
    super(error.message);
    this.error = error;
    this.letters = letters;
  }
}

/** The error of the bad row that is one too many. */
export function tooManyBadRows(last: DeadLetter | undefined, { maxRows, folder }: BadRowRules): DataError {
  const { file = '', row = 0, column, reason = '' } = last ?? {};
  const where = column == null ? `row ${row}` : `row ${row}, column ${JSON.stringify(column)}`;
  const others = folder === undefined ? '' : `; it and those before it are in ${folder}`;
  return new DataError(
    `${file}: ${where}: ${reason}: more bad rows than errors.maxRows, which is ${maxRows}${others}`,
    {
      ...(last === undefined ? {} : { file, row }),
      ...(column == null ? {} : { column }),
      key: 'errors.maxRows',
      hint: 'Mend the rows, or raise errors.maxRows and run the job again: it goes on from there.',
    },
  );
}

/** Lists longer than this are left out of letters: they are for people. */
const MOST_ELEMENTS = 1000;

/** One row of some columns, as far as JSON can hold it. */
export function valuesIn(
  batch: RecordBatch,
  columns: readonly string[],
  row: number,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name of columns) {
    const value = plain(batch.getChild(name)?.get(row));
    if (value !== undefined) values[name] = value;
  }
  return values;
}

function plain(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (!isVector(value) && !(ArrayBuffer.isView(value) && 'length' in value)) return undefined;
  const items = value as unknown as Iterable<unknown> & { readonly length: number };
  if (items.length > MOST_ELEMENTS) return undefined;
  const list = Array.from(items, plain);
  return list.includes(undefined) ? undefined : list;
}
