import type { LedgerMemory } from '../clock/device-ledger.js';
import type { ClockPage } from '../clock/state-clock.js';
import type { Bucket, RowTensor } from '../ring/layout.js';
import type { RingMemory } from '../ring/ring.js';
import type { ModelTensor, SessionDevice } from '../session/types.js';
import type { ErrorRecord } from '../util/errors.js';

/** What a loaded session tells about itself. */
export interface LoadedModel {
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  readonly device: SessionDevice;
  readonly warnings: readonly string[];
}

/** The stream that a consumer is to serve. */
export interface Attachment {
  readonly ring: RingMemory;
  readonly ledger: LedgerMemory;
  readonly clocks: ClockPage;
  /** Its clock in the page. */
  readonly clock: number;
  /** Its number as an owner of locks. */
  readonly owner: number;
  /** Batch sizes that the model likes, ascending: smaller batches run with the next of these. */
  readonly preferredSizes: readonly number[];
}

/** Main thread → consumer. */
export type ConsumerRequest =
  | { readonly kind: 'outputDims'; readonly inputs: readonly RowTensor[]; readonly bucket: Bucket }
  | { readonly kind: 'attach'; readonly attachment: Attachment }
  | { readonly kind: 'start' }
  | { readonly kind: 'stop' };

/** Consumer → main thread. Answers come in the order of the requests. */
export type ConsumerReply =
  | { readonly kind: 'loaded'; readonly model: LoadedModel }
  | { readonly kind: 'outputDims'; readonly dims: ReadonlyMap<string, readonly number[]> }
  | { readonly kind: 'attached' }
  /** With what a user should know that was not known when the model was loaded. */
  | { readonly kind: 'finished'; readonly warnings: readonly string[] }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };
