import type { Progress } from '../measure/progress.js';

/** A run that did not come to its end, as `run --json` tells of it, with how far it came. */
export interface StoppedRun {
  /** Null where it has no name that is known. */
  readonly job: string | null;
  readonly status: 'failed' | 'interrupted';
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string | null;
  };
  /** Rates and shares over all of it; left out where it failed before rows ran. */
  readonly progress?: Progress;
}
