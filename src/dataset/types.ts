import type { DataType, RecordBatch, Schema } from 'apache-arrow';
import type { StoredObject } from '../storage/types.js';

/** The unit of reading, retry, checkpoint and output: a run of one file's units. */
export interface Split extends BatchRange {
  /** Place in the data set; names the output part. */
  readonly ordinal: number;
  readonly object: StoredObject;
  /** Bytes of its units in the file, of all columns. */
  readonly bytes: number;
}

/** What a listing of a source found. */
export interface Dataset {
  /** The name of the format of all its files. */
  readonly format: string;
  readonly objects: readonly StoredObject[];
  readonly schema: Schema;
  readonly splits: readonly Split[];
  /** Bytes of all objects. */
  readonly bytes: number;
  /** Which of the rows are wanted, as it is written in the job file. */
  readonly filter: string | undefined;
}

/** One record batch on its way: read, not yet decoded. */
export interface RawBatch {
  /** The unit of the file that it belongs to. */
  readonly unit: number;
  /** Rows of that unit before it. */
  readonly rowInUnit: number;
  readonly rows: number;
  /** Bytes read for it. */
  readonly bytes: number;
  /**
   * The record batch, of the columns that were asked for and are not `stored`. Valid until the batch after the next one is
   * fetched.
   */
  decode(): RecordBatch;
  /**
   * Passes over its rows without decoding them, for those who want no more of them than that they were read. Where it is
   * left out, not to call `decode` does that.
   */
  skip?(): void;
  /** The place in the unit of one of the decoded rows; where left out, they follow `rowInUnit` one after another. */
  rowAt?(row: number): number;
  /** Columns that were left where they lie, by name. */
  readonly stored: ReadonlyMap<string, StoredValues>;
}

/** A column of numbers that lies in a file as it would lie in a tensor: to be read straight to where it is wanted. */
export interface StoredValues {
  readonly type: DataType;
  readonly byteLength: number;
  /** Reads `length` bytes from byte `from` of the column into `into`, from its byte `at` on. */
  read(from: number, into: Uint8Array, at: number, length: number): void;
}

/** What is wanted of a file. */
export interface FileRequest {
  /** The columns to decode, in this order; all where left out. */
  readonly columns?: readonly string[];
  /** Those among them that may be left in the file, where they lie there as plain numbers and reads are at once. */
  readonly leave?: ReadonlySet<string>;
}

/** A part of a file that can be read by itself: a record batch of an Arrow file, a row group of a Parquet file. */
export interface FileUnit {
  /** Bytes in the file, of all columns. */
  readonly bytes: number;
}

/** Bounds of a column's values: numbers as they are stored (days, nanoseconds, …), text as its UTF-8 bytes. */
export interface ColumnRange {
  /** No value is less, NaN aside; undefined where it is not known. */
  readonly min: unknown;
  /** No value is greater, NaN aside. */
  readonly max: unknown;
  readonly nulls: number | undefined;
  readonly rows: number;
}

/** Which units of a file to read. */
export interface BatchRange {
  readonly first: number;
  readonly count: number;
  /** Rows at most; no more units are read than they take. */
  readonly limit?: number;
}

/** An opened file. Whoever opens it closes it. */
export interface DataFile {
  readonly schema: Schema;
  readonly units: readonly FileUnit[];
  /** Reads the record batches of some units in their order, the next while one is worked on. */
  batches(range: BatchRange): AsyncGenerator<RawBatch, void>;
  /** What is known of a column's values in a unit without reading it; undefined where nothing is. */
  range?(unit: number, column: string): ColumnRange | undefined;
  /** Rows in the units before `unit`. */
  rowsBefore(unit: number): Promise<number>;
  /** Names of the codecs that columns are compressed with, as far as the first units tell; none: it is not compressed. */
  codecs(): Promise<readonly string[]>;
  close(): Promise<void>;
}
