import type { ClockPage } from '../clock/state-clock.js';
import type { Split } from '../dataset/types.js';
import type { RingMemory } from '../ring/ring.js';
import type { ErrorRecord } from '../util/errors.js';
import type { CollateInput } from './collate.js';

/** What all producers of a stream share; clonable. */
export interface ProducerContext {
  /** Tells one stream's context from the next in a thread that serves both. */
  readonly id: string;
  readonly ring: RingMemory;
  /** One clock a lane. */
  readonly clocks: ClockPage;
  readonly inputs: readonly CollateInput[];
  /** The column that tells the length of rows; undefined where all are of one length. */
  readonly lengthColumn: string | undefined;
  /** Columns carried over to the sink. */
  readonly keep: readonly string[];
}

/** One split to produce. */
export interface ProduceTask {
  readonly context: ProducerContext;
  /** Which of the stream's concurrent producers this is. */
  readonly lane: number;
  readonly split: Split;
  /** Rows from the start of the split that an earlier attempt has committed. */
  readonly committedRows: number;
}

/** A split whose rows are all in the ring. */
export interface ProducedSplit {
  readonly ordinal: number;
  /** Rows of each of its record batches. */
  readonly batchRows: readonly number[];
  /** Kept columns of each record batch, as an Arrow IPC stream; empty where nothing is kept. */
  readonly keep: readonly Uint8Array[];
  /** Bytes read from storage. */
  readonly bytes: number;
}

/** Errors travel as records: their classes would not survive the way between threads. */
export type ProduceResult = { readonly produced: ProducedSplit } | { readonly error: ErrorRecord };
