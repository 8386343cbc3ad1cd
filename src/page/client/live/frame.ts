/*
 * What the live page shows: a frame a second, of what happened in that second. It knows neither engines nor jobs: both a
 * server's statistics and a run's progress are turned into frames (page/live/from-stats.ts, from-progress.ts). Everything is a plain
 * number, since it goes over the wire as JSON; the page in the browser has nothing to compute but sums over frames.
 */

/** Of what was answered in a frame, milliseconds. */
export interface LiveTimes {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface LiveEndpoint {
  /** Empty for all endpoints together. */
  readonly name: string;
  readonly model: string;
  /** Requests that were answered, a second. */
  readonly answered: number;
  /** Requests that were refused, a second, by reason; those that are zero left out. */
  readonly refused: Readonly<Record<string, number>>;
  readonly rowsPerSecond: number;
  readonly batchesPerSecond: number;
  /** Rows in a batch on average, and how full they were (0 to 1); null where none ran. */
  readonly batchRows: number | null;
  readonly batchFill: number | null;
  readonly queuedRows: number;
  readonly queuedBytes: number;
  /** Null where nothing was answered. */
  readonly total: LiveTimes | null;
  readonly queue: LiveTimes | null;
  readonly compute: LiveTimes | null;
  /** Since the start. */
  readonly sums: {
    readonly answered: number;
    readonly refused: number;
    readonly rows: number;
    readonly batches: number;
  };
}

/** Shares of the frame's time, which add up to 1; to less before the first batch of a run. */
export interface LiveDevice {
  readonly id: string;
  /** `onnx on cpu, 2 instances`, where that is known. */
  readonly about: string | null;
  readonly busy: number;
  readonly fetch: number;
  readonly prep: number;
  readonly batching: number;
  readonly blocked: number;
  /** Nothing was asked of it. */
  readonly idle: number;
}

export interface LiveJob {
  readonly name: string;
  /** Which part of it runs, where it is run part by part. */
  readonly part?: string;
  readonly state: 'waiting' | 'running' | 'completed' | 'failed' | 'stopped';
  readonly rows: number;
  readonly rowsPerSecond: number;
  readonly splits: number;
  readonly splitsDone: number;
  readonly error: string | null;
}

/** How many were at work, and the shares of their time. */
export interface LiveProducers {
  readonly count: number;
  readonly fetch: number;
  readonly decode: number;
  readonly transform: number;
  readonly collate: number;
  readonly blocked: number;
  readonly idle: number;
}

export interface LiveFrame {
  /** When it ended: milliseconds since 1970. */
  readonly at: number;
  /** How long it was, seconds. */
  readonly seconds: number;
  /** Since the start of what is watched, seconds. */
  readonly uptime: number;
  readonly state: LiveState;
  /** All of them together, where there are several; then each. */
  readonly endpoints: readonly LiveEndpoint[];
  readonly devices: readonly LiveDevice[];
  readonly jobs: readonly LiveJob[];
  readonly producers: LiveProducers | null;
  /** Of the process, resident, bytes. */
  readonly memory: number;
}

export type LiveState =
  | 'starting'
  | 'ready'
  | 'running'
  | 'draining'
  | 'not ready'
  | 'completed'
  | 'failed'
  | 'interrupted';

/** What is watched. */
export interface LiveSubject {
  readonly kind: 'serve' | 'run';
  readonly name: string;
  readonly version: string;
}
