import type { ServeConfig } from '../../serve/schema.js';
import type { RequestShape } from '../load/request.js';
import type { OpenStream } from '../load/types.js';
import type { TraceFile } from '../trace-file.js';

/** An endpoint that is asked. */
export interface Subject {
  readonly endpoint: string;
  /** The name of its model in the configuration. */
  readonly model: string;
  readonly request: RequestShape;
  readonly deadlineMs: number | null;
  /** Requests a second that Penstock can answer. */
  readonly capacity: number;
}

/** What scenarios are made of. */
export interface ScenarioContext {
  readonly config: ServeConfig;
  readonly main: Subject;
  /** Another endpoint, of another class where there is one. */
  readonly rival: Subject | undefined;
  /** A load that was recorded. */
  readonly trace: TraceFile | undefined;
  readonly traced: readonly Subject[];
  readonly seconds: number;
  /** Rows of a request. */
  readonly rows: number;
  readonly seed: number;
}

/** A batch job over made up data that runs beside the requests. */
export interface JobPlan {
  /** How long its storage takes to answer, milliseconds; null for files. */
  readonly storageDelayMs: number | null;
}

/** What happens to a model's process while it is asked. */
export interface FaultPlan {
  readonly kind: 'crash' | 'hang';
  readonly model: string;
  readonly atSeconds: number;
}

/** Requests to an endpoint of ours. */
export interface ScenarioStream extends OpenStream {
  readonly request: RequestShape;
}

export interface ScenarioPlan {
  readonly streams: readonly ScenarioStream[];
  readonly seconds: number;
  /** Offered ÷ capacity, where that is the same all the time. */
  readonly load: number | null;
  /** With which configuration; by default the one that was given. */
  readonly config?: ServeConfig;
  readonly job?: JobPlan;
  readonly fault?: FaultPlan;
}

/** What is known before anything was measured. */
export interface ScenarioSetting {
  readonly config: ServeConfig;
  readonly main: Omit<Subject, 'capacity'>;
  readonly hasRival: boolean;
  readonly hasTrace: boolean;
  /** Why objects can't be read from a storage; undefined where they can. */
  readonly noStorage: string | undefined;
}

/** A way to use a server. A new one is a file, and a line in `scenarios.ts`. */
export interface Scenario {
  /** By which it is chosen. */
  readonly name: string;
  readonly title: string;
  /** What happens, in a sentence. */
  readonly what: string;
  /** Why it can't be had; undefined where it can. */
  impossible?(setting: ScenarioSetting): string | undefined;
  plan(context: ScenarioContext): ScenarioPlan;
}
