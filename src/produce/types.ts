import type { MessagePort } from 'node:worker_threads';
import type { ClockPage } from '../clock/state-clock.js';
import type { FileAccess } from '../dataset/dataset.js';
import type { Split } from '../dataset/types.js';
import type { UnfinishedSplit } from '../ring/control-side.js';
import type { RingMemory } from '../ring/ring.js';
import type { ErrorRecord } from '../util/errors.js';
import type { BadRowRules, DeadLetter, SplitLetters } from './bad-rows.js';
import type { TransformPlan } from './transform.js';
import type { CollateInput } from './writer.js';

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
  /** What transforms the record batches, and what its columns were when the job was planned, as an IPC stream. */
  readonly transform?: { readonly plan: TransformPlan; readonly types: Uint8Array } | undefined;
  /** What may be done about bad rows; without, the first is an error. */
  readonly badRows?: BadRowRules | undefined;
  /** How their files are opened. */
  readonly files: FileAccess;
  /** All splits of the stream: a split's place here is what the ring knows it by. */
  readonly splits: readonly Split[];
}

/** What one producer does: splits of the stream, one after another, until none is left to be taken. */
export interface ProduceTask {
  readonly context: ProducerContext;
  /** Which of the stream's concurrent producers this is. */
  readonly lane: number;
  /** Splits that a producer before it on this lane has taken and not finished: they come first. */
  readonly unfinished: readonly UnfinishedSplit[];
  /** Where each ProducedSplit goes, before the ring is told that the split is done. */
  readonly port: MessagePort;
}

/** Where the rows of one record batch that went into the ring come from. */
export interface BatchOrigin {
  /** The unit of the file that it belongs to. */
  readonly unit: number;
  /** The first row's place in the unit. */
  readonly rowInUnit: number;
  /** Each row's place in the unit, where they do not follow the first one after another. */
  readonly rows: Int32Array | undefined;
}

/** A split whose rows are all in the ring. */
export interface ProducedSplit {
  /** Its place in the stream. */
  readonly split: number;
  /** Its place in the data set. */
  readonly ordinal: number;
  /** Rows of it that were read. */
  readonly rowsRead: number;
  /** Its bad rows, in their order; none of them is in the ring. */
  readonly deadLetters: readonly DeadLetter[];
  /** Rows of each of its record batches that went into the ring. */
  readonly batchRows: readonly number[];
  /** Where they come from, by record batch. */
  readonly origins: readonly BatchOrigin[];
  /** Kept columns of each record batch, as an Arrow IPC stream; empty where nothing is kept. */
  readonly keep: readonly Uint8Array[];
  /** Bytes read from storage. */
  readonly bytes: number;
}

/** What a producer lets others do in its thread. */
export interface ProduceHooks {
  /** All rows of a split are in the ring, which is told only then: whoever takes over, should we die in between, tells it again. */
  produced(split: ProducedSplit): void;
  /**
   * Called after each run of rows, and after each split that was told, where a thread is consumer and sink too: takes what
   * is ready. The producer's clock is idle meanwhile.
   */
  turn?(): Promise<void>;
}

/** Errors travel as records: their classes would not survive the way between threads. */
export type ProduceResult =
  | {
      readonly error: ErrorRecord;
      /** Of a split that has more bad rows than may be. */
      readonly letters?: SplitLetters;
    }
  | undefined;
