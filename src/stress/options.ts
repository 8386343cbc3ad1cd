import type { StressProgress } from './progress.js';
import type { TraceFile } from './trace-file.js';

/** Which scenarios `stressTest` plays, and for how long. */
export interface StressOptions {
  /** Names of scenarios; by default all that the configuration can have. */
  readonly scenarios?: readonly string[];
  /** Seconds of load in each scenario, on each server. Default: 8, or with `quick` 2. */
  readonly seconds?: number;
  /** A first look: shorter, so that rare events are missed. */
  readonly quick?: boolean;
  /** What arrivals and values are made of. Default: 1. */
  readonly seed?: number;
  /** The endpoint that requests go to. By default the first of those whose class comes first. */
  readonly endpoint?: string;
  /** Rows of a request. Default: 1. */
  readonly rows?: number;
  /** A load that was recorded, for the scenario `trace`. */
  readonly trace?: TraceFile;
  /** Ends all of it with an InterruptedError; nothing is left behind. */
  readonly signal?: AbortSignal;
  /** Called about four times a second. */
  readonly onProgress?: (progress: StressProgress) => void;
}
