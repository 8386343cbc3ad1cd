import type { DataType, RecordBatch, Schema } from 'apache-arrow';
import type { StoredObject } from '../storage/types.js';

/** The unit of reading, retry, checkpoint and output: a run of one file's record batches. */
export interface Split extends BatchRange {
  /** Place in the data set; names the output part. */
  readonly ordinal: number;
  readonly object: StoredObject;
}

/** What a listing of a source found. */
export interface Dataset {
  readonly objects: readonly StoredObject[];
  readonly schema: Schema;
  readonly splits: readonly Split[];
  /** Bytes of all objects. */
  readonly bytes: number;
}

/** One record batch on its way: read, not yet decoded. */
export interface RawBatch {
  /** Which record batch of the file. */
  readonly index: number;
  readonly rows: number;
  /** Bytes read for it. */
  readonly bytes: number;
  /**
   * The record batch, of the columns that were asked for and are not `stored`. Valid until the batch after the next one is
   * fetched.
   */
  decode(): RecordBatch;
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

/** Which record batches of a file to read. */
export interface BatchRange {
  readonly first: number;
  readonly count: number;
  /** Rows at most; no more record batches are read than they take. */
  readonly limit?: number;
}

/** An opened file of record batches. Whoever opens it closes it. */
export interface BatchFile {
  readonly schema: Schema;
  /** Reads record batches in their order, each while the one before is worked on. */
  batches(range: BatchRange): AsyncGenerator<RawBatch, void>;
  /** Rows in the record batches before `index`. */
  rowsBefore(index: number): Promise<number>;
  close(): Promise<void>;
}
