import type { LedgerMemory } from '../../clock/device-ledger.js';
import type { LoadedModel } from '../../consume/types.js';
import type { ErrorRecord } from '../../util/errors.js';
import type { WireTensor } from '../types.js';

/** Main thread → the thread of a model. */
export type Order =
  | { readonly kind: 'account'; readonly ledger: LedgerMemory; readonly owner: number }
  | { readonly kind: 'run'; readonly id: number; readonly inputs: readonly WireTensor[] }
  | { readonly kind: 'stop' };

/** The thread of a model → main thread. */
export type Reply =
  | {
      readonly kind: 'loaded';
      readonly model: LoadedModel;
      /** Of a run of one row of zeros; undefined where the model leaves more than the rows open. */
      readonly outputDims: ReadonlyMap<string, readonly number[]> | undefined;
    }
  | {
      readonly kind: 'done';
      readonly id: number;
      readonly outputs: readonly WireTensor[];
      readonly startedAt: number;
      readonly endedAt: number;
    }
  | { readonly kind: 'rejected'; readonly id: number; readonly reason: string }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };
