import type { RunOptions } from '../job/run-job.js';
import type { Job } from '../job/schema.js';
import type { Report } from '../measure/report.js';
import type { UsageError } from '../util/errors.js';

/** Which queue. */
export interface QueueOptions {
  /**
   * Where the queue is: `redis[s]://[user[:password]@]host[:port][/db]`. Default: `PENSTOCK_QUEUE` of the environment. User and
   * password may come from `PENSTOCK_QUEUE_USERNAME` and `PENSTOCK_QUEUE_PASSWORD`.
   */
  readonly queue?: string;
  /** Tells queues on one Redis apart. Default: `penstock`. */
  readonly name?: string;
}

/** What a worker may do, and how. */
export interface WorkerOptions extends QueueOptions {
  /** Drains the worker: it takes nothing new, finishes its shard within `drainSeconds`, and ends. */
  readonly signal?: AbortSignal;
  /** Stops it at once: its shard is interrupted, and goes back into the queue. */
  readonly stopSignal?: AbortSignal;
  /** What this worker has, for jobs that ask for it: `{ gpu: 'a100' }`. */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * Providers that it offers; they are not tried. Default: those of `penstock doctor` that work here, each tried in a process of
   * its own once a run asks for one, or there is nothing else to do.
   */
  readonly providers?: readonly string[];
  /** Memory that a job may ask for, in bytes. Default: the machine's, or what its cgroup grants. */
  readonly memoryBytes?: number;
  /** Runs transforms and model modules of jobs, whatever they are. Default: false. */
  readonly allowCode?: boolean;
  /** Those that it runs without `allowCode`: `sha256:` and 64 hex digits of the module's bytes. */
  readonly allowDigests?: readonly string[];
  /** Seconds that the shard at work may take to end once the worker drains. Default: 20. */
  readonly drainSeconds?: number;
  /** Without a sign of life for so long, a worker's shard goes to another. Default: 30. */
  readonly lockSeconds?: number;
  /** Ends once there is nothing left in the queue that it could run. Default: false. */
  readonly exitWhenIdle?: boolean;
  /** Its place among the processes that one command has started, for `status`: which device it is for, and so on. */
  readonly process?: { readonly index: number; readonly count: number };
  /** Runs its shards, beside what it does besides. Default: `runJob`. */
  readonly runner?: ShardRunner;
  /** Called with what happens, as it happens. */
  readonly onEvent?: (event: WorkerEvent) => void;
}

/** Runs shards in place of `runJob`, beside online requests for instance. */
export interface ShardRunner {
  /** Why it can't run a job; undefined where it can. */
  refuses(job: Job): UsageError | undefined;
  /** Runs it as `runJob` does. */
  run(job: Job, options: RunOptions): Promise<Report>;
}

/** One shard of one run. `index` is 0-based. */
export interface ShardId {
  /** 16 hex digits. */
  readonly run: string;
  /** The job's name. */
  readonly job: string;
  /** Which one of its run, from 0. */
  readonly index: number;
  /** Of how many. */
  readonly count: number;
}

/** What a worker does, for logs. */
export type WorkerEvent =
  /** It is registered, and takes shards. */
  | { readonly kind: 'ready'; readonly worker: string }
  /** What it can run is known: it was tried, or given. */
  | { readonly kind: 'proven'; readonly providers: readonly string[] }
  | { readonly kind: 'shard-started'; readonly shard: ShardId; readonly attempt: number }
  | {
      readonly kind: 'shard-ended';
      readonly shard: ShardId;
      readonly rows: number;
      readonly seconds: number;
    }
  | {
      readonly kind: 'shard-failed';
      readonly shard: ShardId;
      readonly error: Error;
      /** Whether it will be attempted again. */
      readonly again: boolean;
    }
  /** It is left before it is done: interrupted, held by another process, gone from the queue. */
  | { readonly kind: 'shard-returned'; readonly shard: ShardId; readonly because: string }
  | { readonly kind: 'run-ended'; readonly run: string; readonly job: string; readonly rows: number }
  | { readonly kind: 'run-failed'; readonly run: string; readonly error: Error }
  | { readonly kind: 'queue-lost'; readonly error: Error }
  | { readonly kind: 'queue-back'; readonly seconds: number }
  /** Something is not as it should be, and work goes on. */
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'draining'; readonly seconds: number };

/** What a worker has done. */
export interface WorkerSummary {
  /** Its id. */
  readonly worker: string;
  /** Shards that it has completed. */
  readonly shards: number;
  /** Rows of those. */
  readonly rows: number;
  /** Attempts that failed. */
  readonly failed: number;
  /** From its start to its end. */
  readonly seconds: number;
}

/** A worker at work. `startWorker(options): Promise<QueueWorker>` resolves once it is registered with the queue. */
export interface QueueWorker extends AsyncDisposable {
  /** As `queueStatus` calls it. */
  readonly id: string;
  /** Resolves once it has ended, drained or idle; rejects only where nothing can go on. */
  readonly closed: Promise<WorkerSummary>;
  /** As `signal` does. Resolves with `closed`. */
  drain(): Promise<WorkerSummary>;
}
