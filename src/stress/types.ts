import type { BenchReport } from '../bench/types.js';
import type { GeneratorResult, Percentiles, StreamResult } from './load/types.js';

/** What is compared: this, and one request, one run. */
export const SERVERS = ['penstock', 'pointToPoint'] as const;
/** One of the two servers that are compared. */
export type ServerKind = (typeof SERVERS)[number];

/** What the device did while the load was on: shares of that time. */
export interface DeviceOutcome {
  readonly id: string;
  readonly runtime: string;
  readonly provider: string;
  readonly simulated: boolean;
  readonly busy: number;
  /** Rows were on their way: of a batch job from storage, being prepared, or waiting for company. */
  readonly starved: {
    readonly total: number;
    readonly fetch: number;
    readonly prep: number;
    readonly batching: number;
  };
  readonly blocked: number;
  /** Nothing was asked of it. */
  readonly idle: number;
}

/** What became of the requests of one endpoint. */
export interface StreamOutcome extends StreamResult {
  readonly deadlineMs: number | null;
  /** Requests a second that were due. */
  readonly offeredPerSecond: number;
  /** Requests a second that were answered within the deadline. */
  readonly goodputPerSecond: number;
  /** Those ÷ all that were due. */
  readonly goodShare: number;
}

/** A batch job that ran beside the requests. */
export interface JobOutcome {
  readonly rowsPerSecond: number;
  /** Whether it was over before the time was: then there was nothing beside the requests at the end. */
  readonly endedEarly: boolean;
}

/** What a server did in one scenario. */
export interface Outcome {
  readonly streams: readonly StreamOutcome[];
  readonly devices: readonly DeviceOutcome[];
  readonly job: JobOutcome | null;
  /** Rows in a batch, on average; of requests alone. */
  readonly meanBatchRows: number | null;
  readonly generator: GeneratorResult;
}

export interface ScenarioReport {
  readonly name: string;
  /** In a few words, and in a sentence. */
  readonly title: string;
  readonly what: string;
  readonly seconds: number;
  /** What was offered ÷ Penstock's capacity, where it was the same all the time. */
  readonly load: number | null;
  readonly servers: Readonly<Record<ServerKind, Outcome>>;
}

/** What a server does with as much as it can take. */
export interface Capacity {
  /** Answered within the deadline. */
  readonly requestsPerSecond: number;
  readonly rowsPerSecond: number;
  /** With how many clients that was, each of which sends its next request when the one before is answered. */
  readonly clients: number;
  readonly latencyMs: Percentiles;
  readonly levels: readonly { readonly clients: number; readonly requestsPerSecond: number }[];
  readonly devices: readonly DeviceOutcome[];
  readonly meanBatchRows: number | null;
  readonly generatorUtilization: number;
}

/** The document of `penstock stress --json`. */
export interface StressReport {
  readonly name: string;
  readonly status: 'completed';
  readonly date: string;
  readonly machine: BenchReport['machine'];
  readonly quick: boolean;
  /** All of it, and the load of each scenario. */
  readonly seconds: number;
  readonly scenarioSeconds: number;
  readonly seed: number;
  /** What the requests ask of: rows of each, and within how long an answer is of use. */
  readonly endpoint: {
    readonly name: string;
    readonly model: string;
    readonly rows: number;
    readonly deadlineMs: number | null;
  };
  readonly capacity: Readonly<Record<ServerKind, Capacity>> & {
    /** Penstock's ÷ that of point to point. */
    readonly ratio: number;
  };
  readonly scenarios: readonly ScenarioReport[];
  /** What this configuration can't have, or this machine. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
  /** What the figures mean. */
  readonly findings: readonly string[];
  readonly warnings: readonly string[];
}
