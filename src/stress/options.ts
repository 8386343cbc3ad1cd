import type { StressProgress } from './progress.js';
import type { TraceFile } from './trace-file.js';

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
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StressProgress) => void;
}
