import type { BenchReport } from '../bench/types.js';
import type { GeneratorResult, Percentiles, StreamResult } from './load/types.js';

/** What is compared: this, and one request, one run. */
export const SERVERS = ['penstock', 'pointToPoint'] as const;
/** One of the two servers that are compared. */
export type ServerKind = (typeof SERVERS)[number];

/** What the device did while the load was on: shares of that time. */
export interface DeviceOutcome {
  /** `cpu`, `cuda:0`, … */
  readonly id: string;
  /** `onnx`, `tensorflow`, `simulated` or `module`. */
  readonly runtime: string;
  /** The execution provider that really ran. */
  readonly provider: string;
  /** Whether it is a device of given speed, whose times are made up. */
  readonly simulated: boolean;
  /** At least one batch ran. */
  readonly busy: number;
  /** Rows were on their way: of a batch job from storage, being prepared, or waiting for company. */
  readonly starved: {
    readonly total: number;
    readonly fetch: number;
    readonly prep: number;
    readonly batching: number;
  };
  /** Outputs held every slot. */
  readonly blocked: number;
  /** Nothing was asked of it. */
  readonly idle: number;
}

/** What became of the requests of one endpoint. */
export interface StreamOutcome extends StreamResult {
  /** Of the endpoint; null for none. */
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
  /** Of its rows that went through the model. */
  readonly rowsPerSecond: number;
  /** Whether it was over before the time was: then there was nothing beside the requests at the end. */
  readonly endedEarly: boolean;
}

/** What a server did in one scenario. */
export interface Outcome {
  /** An endpoint each. */
  readonly streams: readonly StreamOutcome[];
  /** What the devices did meanwhile. */
  readonly devices: readonly DeviceOutcome[];
  /** Null where none ran beside. */
  readonly job: JobOutcome | null;
  /** Rows in a batch, on average; of requests alone. */
  readonly meanBatchRows: number | null;
  /** How well the load was made: where it was late, it was at its limit, and not the server alone. */
  readonly generator: GeneratorResult;
}

/** One scenario, as both servers went through it. */
export interface ScenarioReport {
  /** `overload`, `burst`, … */
  readonly name: string;
  /** In a few words. */
  readonly title: string;
  /** In a sentence. */
  readonly what: string;
  /** Of load. */
  readonly seconds: number;
  /** What was offered ÷ Penstock's capacity, where it was the same all the time. */
  readonly load: number | null;
  /** What became of it, on each server. */
  readonly servers: Readonly<Record<ServerKind, Outcome>>;
}

/** What a server does with as much as it can take. */
export interface Capacity {
  /** Answered within the deadline. */
  readonly requestsPerSecond: number;
  /** Rows of those requests. */
  readonly rowsPerSecond: number;
  /** With how many clients that was, each of which sends its next request when the one before is answered. */
  readonly clients: number;
  /** Of the answers. */
  readonly latencyMs: Percentiles;
  /** What each number of clients came to. */
  readonly levels: readonly { readonly clients: number; readonly requestsPerSecond: number }[];
  /** What the devices did meanwhile. */
  readonly devices: readonly DeviceOutcome[];
  /** Rows in a batch, on average. */
  readonly meanBatchRows: number | null;
  /** How busy the load generator was, 0 to 1. */
  readonly generatorUtilization: number;
}

/** The document of `penstock stress --json`. */
export interface StressReport {
  /** The name of the configuration. */
  readonly name: string;
  /** A test that fails or is interrupted has another document: `StoppedRun`. */
  readonly status: 'completed';
  /** When it ended, ISO 8601. */
  readonly date: string;
  /** Where it ran. */
  readonly machine: BenchReport['machine'];
  /** Whether it was a first look only. */
  readonly quick: boolean;
  /** How long all of it took. */
  readonly seconds: number;
  /** Of load in each scenario, on each server. */
  readonly scenarioSeconds: number;
  /** What arrivals and values are made of. */
  readonly seed: number;
  /** What the requests ask of: rows of each, and within how long an answer is of use. */
  readonly endpoint: {
    readonly name: string;
    readonly model: string;
    readonly rows: number;
    readonly deadlineMs: number | null;
  };
  /** What each server can do, with as much as it can take. */
  readonly capacity: Readonly<Record<ServerKind, Capacity>> & {
    /** Penstock's ÷ that of point to point. */
    readonly ratio: number;
  };
  /** In the order in which they were played. */
  readonly scenarios: readonly ScenarioReport[];
  /** Scenarios that were left out, and why: what this configuration can’t have, or this machine. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
  /** What the figures mean, a sentence each. */
  readonly findings: readonly string[];
  /** What makes these figures doubtful, a sentence each. */
  readonly warnings: readonly string[];
}
