import type { RecordBatch, Vector } from 'apache-arrow';
import type { TypedArray } from '../util/dtype.js';

/**
 * The key under which a transform returns which rows it keeps; `context.keep` is the same symbol. A symbol, so that a
 * column may have any name.
 */
export const KEEP: unique symbol = Symbol.for('penstock.keep');

/** One entry a row: a typed array, an Arrow vector, or an array of numbers, booleans, text, or (nested) arrays of them. */
export type ColumnValues = TypedArray | Vector | readonly unknown[];

/** What a transform returns: columns that are added to those of the record batch, or replace them. */
export interface Columns {
  readonly [column: string]: ColumnValues;
  /** True for each row that is to be kept; all are where it is left out. */
  readonly [KEEP]?: Iterable<boolean | number>;
}

/** What a transform's `setup` gets. */
export interface TransformSetup {
  /** Which of the job's producer threads this is, from 0. */
  readonly producer: number;
  /** Aborted when the job stops: what the transform then waits for is not waited for. */
  readonly signal: AbortSignal;
}

/** What a transform gets beside the record batch. */
export interface TransformContext extends TransformSetup {
  /** The file that the rows are from. */
  readonly file: string;
  /** The split that the rows are from: its place in the data set. */
  readonly split: number;
  /** Names of the record batch's columns. */
  readonly columns: readonly string[];
  /** The key under which to return which rows are kept: `return { tokens, [context.keep]: mask }`. */
  readonly keep: typeof KEEP;
}

/**
 * A transform module's default export. It runs in the producers, on whole record batches, whose memory is valid until it
 * returns. A split may be produced twice, after a thread has died, so the same rows must give the same columns.
 *
 * What it throws counts against rows: with a job's `errors.maxRows` the record batch is halved until those that fail stand
 * alone and go to the dead letters, else the run fails with a DataError that names them.
 */
export type Transform = (batch: RecordBatch, context: TransformContext) => Columns | Promise<Columns>;
