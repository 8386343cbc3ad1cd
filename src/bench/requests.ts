import type { LoadedModel } from '../consume/types.js';
import type { Split } from '../dataset/types.js';
import type { ProducerContext } from '../produce/types.js';
import type { Bucket, SlotLayout } from '../ring/layout.js';
import type { OutputColumn, SinkTarget } from '../sink/types.js';
import type { ErrorRecord } from '../util/errors.js';

/** What of a job decides how its stages work; clonable. */
export interface Work {
  /** What producers are told, of whatever ring and splits. */
  readonly reading: Omit<ProducerContext, 'id' | 'ring' | 'clocks' | 'splits'>;
  readonly layout: SlotLayout;
  readonly fixedOrder: boolean;
  readonly preferredSizes: readonly number[];
  /** What is written; none where nothing is. */
  readonly outputs: readonly OutputColumn[];
  /** What errors call the model. */
  readonly model: string;
}

/** Reads splits, together with the other lanes of the ring, and decodes nothing. */
export interface ReadRequest {
  readonly context: ProducerContext;
  readonly lane: number;
}

export interface ReadResult {
  readonly bytes: number;
  /** On the clock of `now()`. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Reads, prepares, runs and writes, one after another. */
export interface LoopRequest {
  readonly work: Work;
  readonly splits: readonly Split[];
  /** Undefined: nothing is written. */
  readonly target: SinkTarget | undefined;
  /** Where given, it stops after this time: once a few batches are through. */
  readonly seconds?: number;
  /** Seconds until it counts as being in steady state. */
  readonly warmUp: number;
}

export interface LoopResult {
  /** That went through the model. */
  readonly rows: number;
  readonly seconds: number;
  /** In steady state. */
  readonly rowsPerSecond: number;
  /** Where its time went then, microseconds. */
  readonly micros: {
    readonly fetch: number;
    readonly prep: number;
    readonly run: number;
    readonly write: number;
  };
  /** Of each split that was done whole. */
  readonly splitRows: readonly number[];
  /** Rows of the one after them that were read when it stopped. */
  readonly rowsOfNext: number;
  readonly bytesWritten: number;
}

/** Fills slots with real batches, as the job makes them, and keeps them for `replay` and `point`. */
export interface FillRequest {
  readonly work: Work;
  readonly splits: readonly Split[];
  /** Slots at most. */
  readonly slots: number;
}

export interface FillResult {
  readonly slots: number;
  /** The bucket of most rows among them: `point` runs rows of it. */
  readonly bucket: Bucket;
}

/** Runs the kept batches over and over. */
export interface ReplayRequest {
  readonly seconds: number;
  /** On the clock of `now()`: several threads begin together. */
  readonly startAt: number;
}

/** Runs one batch of so many rows over and over. */
export interface PointRequest {
  readonly rows: number;
  readonly seconds: number;
}

export interface DeviceResult {
  readonly rows: number;
  readonly seconds: number;
  /** Of each run, milliseconds. */
  readonly runMs: readonly number[];
  /** Why the device did not take a batch of this size; then nothing was measured. */
  readonly refused?: string;
}

/** Encodes and writes outputs that the last loop made. */
export interface WriteRequest {
  readonly target: SinkTarget;
  readonly seconds: number;
  /** About how many rows a part has; where the loop's splits were cut short, theirs are repeated. */
  readonly rowsOfPart: number;
}

export interface WriteResult {
  readonly rows: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** Main thread → bench thread, and what it answers. */
export interface Exchanges {
  readonly read: { readonly request: ReadRequest; readonly result: ReadResult };
  readonly loop: { readonly request: LoopRequest; readonly result: LoopResult };
  readonly fill: { readonly request: FillRequest; readonly result: FillResult };
  readonly replay: { readonly request: ReplayRequest; readonly result: DeviceResult };
  readonly point: { readonly request: PointRequest; readonly result: DeviceResult };
  readonly write: { readonly request: WriteRequest; readonly result: WriteResult };
}

export type Kind = keyof Exchanges;
export type RequestOf<K extends Kind> = Exchanges[K]['request'];
export type ResultOf<K extends Kind> = Exchanges[K]['result'];

export type BenchRequest =
  | { readonly [K in Kind]: { readonly kind: K; readonly request: RequestOf<K> } }[Kind]
  | { readonly kind: 'stop' };

/** Answers come in the order of the requests; the first tells that the thread is up. */
export type BenchReply =
  | { readonly kind: 'loaded'; readonly model: LoadedModel | undefined }
  | { readonly kind: 'done'; readonly result: ResultOf<Kind> }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };
