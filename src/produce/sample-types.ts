import type { FileAccess } from '../dataset/dataset.js';
import type { Split } from '../dataset/types.js';
import type { ErrorRecord } from '../util/errors.js';
import type { StopFlag } from './stop-signal.js';
import type { TransformPlan } from './transform.js';

/** What a transform is tried on; clonable. */
export interface SampleTask {
  readonly transform: Pick<TransformPlan, 'url' | 'plain'>;
  readonly files: FileAccess;
  /** The source's schema, as an IPC stream without rows. */
  readonly schema: Uint8Array;
  /** The first split; undefined where the source has none. */
  readonly split: Split | undefined;
  /** Columns that are needed anyway, as far as the source has them. */
  readonly needed: readonly string[];
  /** The job's projection. */
  readonly projection: readonly string[] | undefined;
  /** Raised where nobody waits for it any longer. */
  readonly stop: StopFlag;
  /** Whether rows are of variable length: then lists are lists, however long those of the sample are. */
  readonly variable: boolean;
}

export interface Sample {
  /** The columns of the source that the transform reads. */
  readonly columns: readonly string[];
  /** What its columns are, as an IPC stream without rows … */
  readonly types: Uint8Array;
  /** … and the same with lists that are all equally long in the sample as lists of that length. */
  readonly widths: Uint8Array;
}

export type SampleResult = Sample | { readonly error: ErrorRecord };
