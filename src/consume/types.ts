import type { LedgerMemory } from '../clock/device-ledger.js';
import type { ClockPage } from '../clock/state-clock.js';
import type { Bucket, RowTensor } from '../ring/layout.js';
import type { RequestPageMemory } from '../ring/request-page.js';
import type { RingMemory } from '../ring/ring.js';
import type { ModelTensor, SessionDevice, StagingMemory } from '../session/types.js';
import type { ErrorRecord } from '../util/errors.js';
import type { GatePlace } from './gate-page.js';

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
  /** Of the device that its session is on. */
  readonly ledger: LedgerMemory;
  readonly clocks: ClockPage;
  /** Its clock in the page. */
  readonly clock: number;
  /** Its number as an owner of locks. */
  readonly owner: number;
  readonly preferredSizes: readonly number[];
  readonly mostRejections: number;
  /** Where others run on the same device: its runs take their turn there. */
  readonly gate?: GatePlace | undefined;
}

/** The stream of online requests that a consumer is to serve. */
export interface OnlineAttachment {
  readonly ring: RingMemory;
  readonly requests: RequestPageMemory;
  readonly gate: GatePlace;
  readonly clocks: ClockPage;
  /** Its clock in the page. */
  readonly clock: number;
  /** Its number as an owner of the ring's lock. */
  readonly owner: number;
  readonly preferredSizes: readonly number[];
  /** Rows of the batches that are run before the first request. */
  readonly warmSizes: readonly number[];
  /** As it was measured before: microseconds of a run of the smallest batch, and of a full one, of `size` rows. */
  readonly speed: { readonly size: number; readonly oneMicros: number; readonly fullMicros: number };
}

/** A row that the model takes in no batch. */
export interface RejectedRow {
  /** Its place in the stream. */
  readonly split: number;
  /** From the start of the split, in the ring. */
  readonly row: number;
  readonly reason: string;
}

/** Main thread → consumer. */
export type ConsumerRequest =
  | { readonly kind: 'outputDims'; readonly inputs: readonly RowTensor[]; readonly bucket: Bucket }
  | {
      readonly kind: 'time';
      readonly inputs: readonly RowTensor[];
      readonly outputs: readonly RowTensor[];
      readonly bucket: Bucket;
    }
  | { readonly kind: 'attach'; readonly attachment: Attachment }
  | { readonly kind: 'attachOnline'; readonly attachment: OnlineAttachment }
  | { readonly kind: 'start' }
  | { readonly kind: 'stop' };

/** Consumer → main thread. Answers come in the order of the requests. */
export type ConsumerReply =
  | { readonly kind: 'loaded'; readonly model: LoadedModel }
  | { readonly kind: 'outputDims'; readonly dims: ReadonlyMap<string, readonly number[]> }
  /** Of one run, microseconds; Infinity where memory does not suffice. */
  | { readonly kind: 'time'; readonly micros: number }
  | { readonly kind: 'attached'; readonly staging: StagingMemory | undefined }
  /** Sent before their batch is done. */
  | { readonly kind: 'rejected'; readonly rows: readonly RejectedRow[] }
  | { readonly kind: 'finished'; readonly warnings: readonly string[] }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };
