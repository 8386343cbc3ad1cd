import type { StallMemory } from '../clock/stall-clock.js';
import type { Shard } from '../dataset/shard.js';
import type { DeadLetter } from '../produce/bad-rows.js';
import type { ProducedSplit } from '../produce/types.js';
import type { TensorRegion } from '../ring/layout.js';
import type { RingMemory } from '../ring/ring.js';
import type { OutputLocation } from '../storage/output-types.js';
import type { TypedArray } from '../util/dtype.js';
import type { ErrorRecord } from '../util/errors.js';

/** One output tensor as a column of the output. */
export interface OutputColumn {
  /** Place among the layout's outputs. */
  readonly tensor: number;
  /** The column's name. */
  readonly as: string;
}

/** What the sink's thread needs; clonable. */
export interface SinkContext {
  readonly ring: RingMemory;
  readonly stalls: StallMemory;
  /** Its number as an owner of locks. */
  readonly owner: number;
  readonly outputs: readonly OutputColumn[];
  /** Undefined: outputs are dropped. */
  readonly target: SinkTarget | undefined;
}

export interface SinkTarget {
  readonly location: OutputLocation;
  readonly format: string;
  readonly settings: EncoderSettings;
}

/** How parts, or what they are made of, are compressed. */
export type Compression = 'none' | 'snappy' | 'gzip' | 'lz4' | 'zstd';

/** What a job may say about how parts are encoded. */
export interface EncoderSettings {
  readonly compression: Compression;
  /** Rows of a row group at most; for formats that have row groups. */
  readonly rowGroupRows: number;
}

/** All outputs of one split, in the order of its rows. */
export interface CompleteSplit {
  readonly produced: ProducedSplit;
  readonly outputs: readonly OutputValues[];
}

export interface OutputValues {
  readonly as: string;
  readonly tensor: TensorRegion;
  /** One row after another, dense. */
  readonly values: TypedArray;
}

/** The dead letter of a row that the model rejects, by its place among the split's rows in the ring. */
export interface RejectedLetter {
  readonly row: number;
  readonly letter: DeadLetter;
}

/** A committed part. */
export interface Part {
  readonly ordinal: number;
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  /** Bad rows of the split; none where it is left out. */
  readonly deadLettered?: number | undefined;
}

/** The part of an output that one run makes, beside others. */
export interface OutputShare extends Shard {
  /** Of the splits whose parts it makes. */
  readonly ordinals: ReadonlySet<number>;
}

/** Main thread → sink. */
export type SinkRequest =
  | { readonly kind: 'attach'; readonly context: SinkContext }
  | { readonly kind: 'produced'; readonly split: ProducedSplit }
  /** What became of rows of a split that are marked as rejected in their slots. */
  | { readonly kind: 'rejected'; readonly split: number; readonly letters: readonly RejectedLetter[] }
  /** All splits were sent; how many. */
  | { readonly kind: 'end'; readonly splits: number }
  | { readonly kind: 'stop' };

/** Sink → main thread. */
export type SinkReply =
  | { readonly kind: 'started' }
  | { readonly kind: 'part'; readonly part: Part }
  | { readonly kind: 'finished' }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };
