import type { Progress } from '../measure/progress.js';
import type { Timeline } from '../measure/timeline.js';

/** A run that did not come to its end, as `run --json` tells of it, with how far it came. */
export interface StoppedRun {
  /** Null where it has no name that is known. */
  readonly job: string | null;
  /** Interrupted runs go on when they are run again; failed ones too, once what is wrong is mended. */
  readonly status: 'failed' | 'interrupted';
  /** Why. */
  readonly error: {
    /** Of its class: `USAGE`, `DATA`, `STORAGE`, `DEVICE`, `STUCK`, `INTERRUPTED`, `INTERNAL`. */
    readonly code: string;
    /** One sentence: what is wrong, where, and what was expected. */
    readonly message: string;
    /** What to do about it; null where there is nothing to say. */
    readonly hint: string | null;
  };
  /** Rates and shares over all of it; left out where it failed before rows ran. */
  readonly progress?: Progress;
  /** How it went until then; left out where no batch had run. */
  readonly timeline?: Timeline;
}
