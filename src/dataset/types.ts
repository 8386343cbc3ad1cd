import type { RecordBatch, Schema } from 'apache-arrow';
import type { StoredObject } from '../storage/types.js';

/** The unit of reading, retry, checkpoint and output: a run of one file's record batches. */
export interface Split {
  /** Place in the data set; names the output part. */
  readonly ordinal: number;
  readonly object: StoredObject;
  /** The first record batch, and how many. */
  readonly first: number;
  readonly count: number;
  /** Rows to produce at most, where the source's `limit` ends in this split. */
  readonly limit?: number;
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
  /** The record batch, of the columns that were asked for. Valid until the batch after the next one is fetched. */
  decode(): RecordBatch;
}

/** An opened file of record batches. Whoever opens it closes it. */
export interface BatchFile {
  readonly schema: Schema;
  /** Reads record batch `index`; at most two batches of one file are in memory at a time. */
  fetch(index: number): Promise<RawBatch>;
  /** Rows in the record batches before `index`. */
  rowsBefore(index: number): Promise<number>;
  close(): Promise<void>;
}
