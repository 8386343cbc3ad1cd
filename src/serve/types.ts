import type { RunOptions } from '../job/run-job.js';
import type { Job } from '../job/schema.js';
import type { Report } from '../measure/report.js';
import type { DType, TypedArray } from '../util/dtype.js';
import type { UsageError } from '../util/errors.js';
import type { Refusal } from './refusal.js';

/*
 * What lies between the wire and the devices. Whoever speaks a protocol (`http/`, `grpc/`) knows an `Engine` and nothing of
 * rings and sessions; an engine knows nothing of protocols.
 */

/** A tensor of an endpoint, as it is told to clients. */
export interface EndpointTensor {
  /** As the model calls it. */
  readonly name: string;
  /** Type of its elements. */
  readonly dtype: DType;
  /** The first dimension is the batch: −1. Others are −1 where any length will do. */
  readonly shape: readonly number[];
  /** Elements are texts: on the wire BYTES, whose rows are strings. Then `dtype` tells nothing. */
  readonly isText?: true;
}

/** What a client calls a model: a model under a name, with a class of its own. */
export interface Endpoint {
  /** The name that clients call. */
  readonly name: string;
  /** As the protocol names platforms: `onnxruntime_onnx`, `tensorflow_savedmodel`, … */
  readonly platform: string;
  /** What it takes: all of them, in each request. */
  readonly inputs: readonly EndpointTensor[];
  /** What it gives. */
  readonly outputs: readonly EndpointTensor[];
  /** Rows of one request at the most. */
  readonly maxRows: number;
  /** Of one row's inputs, bytes; undefined where a dimension is open. */
  readonly rowBytes: number | undefined;
}

/** Rows of one tensor, in a request or an answer. */
export interface WireTensor {
  /** As the model calls it. */
  readonly name: string;
  /** Type of its elements. */
  readonly dtype: DType;
  /** The first dimension is the rows. */
  readonly shape: readonly number[];
  /** Element after element; where elements are texts, those. float16 as its 16 bits, bool as a byte. */
  readonly data: TypedArray | readonly string[];
}

/** A request, as whoever speaks a protocol has made it of what came. */
export interface InferRequest {
  /** The name that the client calls. */
  readonly endpoint: string;
  /** All of the endpoint's inputs, with as many rows each, of its types and shapes: checked by whoever speaks the protocol. */
  readonly inputs: readonly WireTensor[];
  /** Names of those that are wanted; all by default. */
  readonly outputs?: readonly string[];
  /** As Triton has it: 1 is the first, larger ones come later, 0 (or none) is the endpoint's own. */
  readonly priority?: number;
  /** How long the client waits, from `arrivedAt` on, microseconds; by default the endpoint's deadline. */
  readonly timeoutMicros?: number;
  /** When it came, from when its deadline runs: microseconds of the clock of `process.hrtime`. */
  readonly arrivedAt: number;
}

/** Where the time of a request went, microseconds. */
export interface InferTimes {
  /** From arrival to the start of the run (the first, where its rows ran in several batches). */
  readonly queue: number;
  /** From there to the end of its last run. */
  readonly compute: number;
  /** Rows of the batch in which its first row ran, its own included. */
  readonly batchRows: number;
}

/** The answer to a request. */
export interface InferResult {
  /** In the order asked for. Their memory is the receiver's own. */
  readonly outputs: readonly WireTensor[];
  /** Where its time went. */
  readonly times: InferTimes;
}

/** Counts since the start, and states at this moment. */
export interface EndpointStats {
  /** The name that clients call. */
  readonly name: string;
  /** The model behind it. */
  readonly model: string;
  /** Requests that were answered. */
  readonly succeeded: number;
  /** Those that were not, by the reason: `RefusalReason`. */
  readonly refused: Readonly<Record<string, number>>;
  /** Rows that ran. */
  readonly rows: number;
  /** Batches that ran. */
  readonly batches: number;
  /** Room for rows in those batches: rows ÷ capacity is how full they were. */
  readonly capacity: number;
  /** Rows that wait now. */
  readonly queuedRows: number;
  /** Bytes of their inputs. */
  readonly queuedBytes: number;
  /** Of all requests that were answered: from arrival to the start of the run. */
  readonly queueMicros: Quantiles;
  /** From there to the end of the last run. */
  readonly computeMicros: Quantiles;
  /** From arrival to the answer. */
  readonly totalMicros: Quantiles;
}

/** A histogram that is read, to about 3 %. */
export interface Quantiles {
  /** How many values. */
  readonly count: number;
  /** Of all values. */
  readonly sum: number;
  /** What a share `q` of the values, from 0 to 1, were at most. */
  quantile(q: number): number;
  /** Upper bounds, ascending, with how many values were at most so large. */
  cumulative(): Iterable<readonly [bound: number, count: number]>;
}

/** Where a device's time went, microseconds since the start; they add up to the time that went by. */
export interface DeviceStats {
  /** `cpu`, `cuda:0`, … */
  readonly id: string;
  /** `onnx`, `tensorflow`, `simulated` or `module`. */
  readonly runtime: string;
  /** The execution provider that really runs. */
  readonly provider: string;
  /** Whether it is a device of given speed, whose times are made up. */
  readonly simulated: boolean;
  /** Sessions side by side. */
  readonly instances: number;
  /** At least one batch ran. */
  readonly busy: number;
  /** Rows were on their way: by cause. */
  readonly starved: { readonly fetch: number; readonly prep: number; readonly batching: number };
  /** Outputs held every slot. */
  readonly blocked: number;
  /** Nothing was asked of it. */
  readonly idle: number;
}

/** A batch job that runs beside the endpoints. */
export interface JobStats {
  /** As its job file calls it. */
  readonly name: string;
  /** Which part of it, where it is run part by part: `shard 3/12`. What is told of splits is of that part, rows are of all so far. */
  readonly part?: string;
  /** A job that was stopped goes on when the server is started again. */
  readonly state: 'waiting' | 'running' | 'completed' | 'failed' | 'stopped';
  /** Rows that have been through its model. */
  readonly rows: number;
  /** All splits of its source. */
  readonly splits: number;
  /** Those whose outputs are written. */
  readonly splitsDone: number;
  /** Why it failed. */
  readonly error?: string;
}

/** How a job runs beside the endpoints. */
export interface BesideOptions extends RunOptions {
  /** Its share of the device beside other jobs. Default: 1. */
  readonly weight?: number;
  /** Milliseconds that one of its batches may hold the device. Default: 20. */
  readonly quantumMs?: number;
  /** See `JobStats`. Default: its shard, where it has one. */
  readonly part?: string;
}

/** Counts since the start, and states at this moment, of all that an engine runs. */
export interface EngineStats {
  /** Microseconds since the engine was started. */
  readonly uptime: number;
  /** In the order of the configuration. */
  readonly endpoints: readonly EndpointStats[];
  /** Each device once, whichever models run on it. */
  readonly devices: readonly DeviceStats[];
  /** Batch jobs that run beside the endpoints. */
  readonly jobs: readonly JobStats[];
}

/** Runs requests. Whoever starts it closes it. */
export interface Engine extends AsyncDisposable {
  /** What clients may call. */
  readonly endpoints: readonly Endpoint[];
  /** Whether requests are taken: all models are loaded, none of them has failed, and it does not drain. */
  readonly isReady: boolean;
  /**
   * Runs a request. `signal`: the client is gone; its place is free at once.
   *
   * @throws Refusal where it is not run to its end, and why
   */
  infer(request: InferRequest, signal?: AbortSignal): Promise<InferResult>;
  /**
   * Whether a request need not even be read, since its queue is full, or its endpoint's deadline can't be met however small
   * it is: then why, and it counts as refused.
   */
  turnAway?(endpoint: string, arrivedAt: number): Refusal | undefined;
  /**
   * Why a job can't be run beside what there is, ever or at this moment; undefined where it can.
   *
   * @returns a UsageError that names it as the job
   */
  refusesBeside?(job: Job): UsageError | undefined;
  /**
   * Runs a batch job on what requests leave free of the devices, as those of the configuration do, and tells of it among
   * `stats().jobs`. Otherwise as `runJob`. What is aborted with its signal, or by the end of the engine, resumes later.
   *
   * @throws as `runJob`; UsageError where it can't run beside the models; InterruptedError where the engine drains already
   */
  runBeside?(job: Job, options?: BesideOptions): Promise<Report>;
  /** Counts and states, as they are now. */
  stats(): EngineStats;
  /**
   * Takes nothing more; resolves when all that was taken is answered, the jobs of the configuration are stopped, and those of
   * `runBeside` have ended.
   */
  drain(): Promise<void>;
}
