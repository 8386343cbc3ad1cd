import type { Job } from 'bullmq';
import { QueueError } from '../util/errors.js';
import { isCompleted, type RunJob } from './bull.js';
import { unmet } from './needs.js';
import { glance, glanceAtRun, type Registration, type ShardProgress } from './payload.js';
import { registeredWorkers } from './registration.js';
import { RunQueue } from './run-queue.js';
import type { RunReport } from './run-summary.js';
import type { QueueOptions } from './worker-options.js';

/** Runs that have ended, of which the latest are told of. */
const ENDED_SHOWN = 20;

/** Where a run stands. */
export type RunState =
  /** No worker has begun. */
  | 'waiting'
  | 'running'
  /** All shards are done; its output is being completed. */
  | 'finishing'
  | 'completed'
  | 'failed'
  | 'cancelled';

/** A shard at work. */
export interface ShardStatus {
  /** 0-based. */
  readonly index: number;
  /** The id of the worker that has it; null where that is not known yet. */
  readonly worker: string | null;
  /** From 1 on. */
  readonly attempt: number;
  /** How far it is; null before its first row. */
  readonly progress: ShardProgress | null;
}

/** A run as it stands. */
export interface RunStatus {
  /** 16 hex digits. */
  readonly run: string;
  /** The job's name. */
  readonly job: string;
  /** Where it stands. */
  readonly state: RunState;
  /** 1 comes first. */
  readonly priority: number;
  /** Its share of the workers among runs of its priority. */
  readonly weight: number;
  /** ISO 8601; null where what stands in the queue can't be read. */
  readonly submittedAt: string | null;
  /** ISO 8601; null where it has not ended. */
  readonly endedAt: string | null;
  /** Its shards by what becomes of them. */
  readonly shards: {
    readonly total: number;
    readonly done: number;
    readonly active: number;
    readonly waiting: number;
    /** Of those that failed, or were held by another process, and wait to be tried again. */
    readonly delayed: number;
  };
  /** Written so far, by earlier runs too. */
  readonly rows: number;
  /** Of all workers together, now. */
  readonly rowsPerSecond: number;
  /** Until its end, if it goes on like this; null where that can't be told yet. */
  readonly secondsLeft: number | null;
  /** Shards at work. */
  readonly working: readonly ShardStatus[];
  /** Why no worker takes its shards: what each of them lacks. Empty where one can. */
  readonly unmet: readonly string[];
  /** Why it has failed. */
  readonly error: string | null;
  /** Of a run that is completed. */
  readonly report: RunReport | null;
}

/** What a worker says of itself. */
export interface WorkerStatus extends Registration {}

/** What is in a queue. */
export interface QueueStatus {
  /** Where the queue is, without user and password. */
  readonly queue: string;
  /** Of the queue, among those on one Redis. */
  readonly name: string;
  /** Those that have shown signs of life. */
  readonly workers: readonly WorkerStatus[];
  /** Those that are not done, in the order of their urgency; then the latest that are. */
  readonly runs: readonly RunStatus[];
}

/**
 * What is in a queue, and who works on it.
 *
 * @example
 * const { runs, workers } = await queueStatus({ queue: 'redis://localhost:6379' });
 *
 * @throws UsageError, QueueError where the queue can't be reached
 */
export async function queueStatus(
  options: QueueOptions & { readonly signal?: AbortSignal } = {},
): Promise<QueueStatus> {
  using queue = await RunQueue.open(options);
  return await statusOf(queue);
}

/** The same, over a connection that is open. */
export async function statusOf(queue: RunQueue): Promise<QueueStatus> {
  const runs = queue.bull.queue(queue.names.runs);
  const [workers, open, ended] = await Promise.all([
    registeredWorkers(queue),
    runs.getJobs(['waiting-children', 'waiting', 'active', 'delayed'], 0, -1),
    runs.getJobs(['completed', 'failed'], 0, ENDED_SHOWN - 1),
  ]);
  const all = await Promise.all([...open, ...ended].map((job) => runStatus(queue, job, workers)));
  return { queue: queue.address.shown, name: queue.names.runs, workers, runs: all.sort(byUrgency) };
}

function byUrgency(a: RunStatus, b: RunStatus): number {
  if ((a.endedAt === null) !== (b.endedAt === null)) return a.endedAt === null ? -1 : 1;
  if (a.endedAt !== null && b.endedAt !== null) return a.endedAt < b.endedAt ? 1 : -1;
  return a.priority - b.priority || ((a.submittedAt ?? '') < (b.submittedAt ?? '') ? -1 : 1);
}

/**
 * A run by its id, or by the first letters of it.
 *
 * @throws QueueError where there is none, or more than one
 */
export async function findRun(queue: RunQueue, wanted: string): Promise<RunJob> {
  const exact = await queue.find(wanted);
  if (exact !== undefined) return exact;
  const jobs = await queue.bull
    .queue(queue.names.runs)
    .getJobs(['waiting-children', 'waiting', 'active', 'delayed', 'completed', 'failed'], 0, -1);
  const matching = jobs.filter(({ id }) => wanted !== '' && id?.startsWith(wanted));
  if (matching.length === 1) return matching[0] as RunJob;
  if (matching.length > 1) {
    throw new QueueError(`${wanted}: several runs begin so: ${matching.map(({ id }) => id).join(', ')}`);
  }
  throw new QueueError(`${queue.address.shown}: the queue knows no run ${wanted}`, {
    hint: 'See penstock status for those that it knows. If it was flushed, submit the job again: what is committed stays.',
  });
}

export async function runStatus(
  queue: RunQueue,
  job: Job,
  workers: readonly Registration[],
): Promise<RunStatus> {
  const run = job.id ?? '';
  const payload = glanceAtRun(job.data);
  const [counts, record, active] = await Promise.all([
    queue.counts(run),
    queue.record(run),
    job.finishedOn === undefined ? queue.bull.queue(queue.names.shards(run)).getActive() : [],
  ]);
  const total = payload?.shards ?? 0;
  const working = active.map(shardStatus);
  const isCancelled = record?.cancelled !== undefined;
  const done = isCompleted(job) && !isCancelled ? total : counts.completed;
  const state = stateOf(job, isCancelled, counts.active + counts.completed > 0, done === total);
  const sum = (of: (progress: ShardProgress) => number): number =>
    working.reduce((all, { progress }) => all + (progress === null ? 0 : of(progress)), 0);
  const isOpen = state === 'waiting' || state === 'running';
  return {
    run,
    job: payload?.job.name ?? job.name,
    state,
    priority: payload?.priority ?? 0,
    weight: payload?.weight ?? 1,
    submittedAt: payload?.submittedAt ?? null,
    endedAt: job.finishedOn === undefined ? null : new Date(job.finishedOn).toISOString(),
    shards: {
      total,
      done,
      active: counts.active,
      waiting: counts.waiting,
      delayed: counts.delayed,
    },
    rows: (record?.rows ?? 0) + sum(({ rows }) => rows),
    rowsPerSecond: sum(({ rowsPerSecond }) => rowsPerSecond),
    secondsLeft: isOpen ? secondsLeft(total - done, record, counts.active) : null,
    working,
    unmet: isOpen && payload !== undefined && counts.active === 0 ? unmet(payload.needs, workers) : [],
    error: state === 'failed' ? (job.failedReason ?? null) : null,
    report: state === 'completed' ? reportIn(job) : null,
  };
}

function stateOf(job: Job, isCancelled: boolean, isBegun: boolean, isDone: boolean): RunState {
  if (isCancelled) return 'cancelled';
  if (job.finishedOn !== undefined) return isCompleted(job) ? 'completed' : 'failed';
  if (job.deferredFailure !== undefined || isDone) return 'finishing';
  return isBegun ? 'running' : 'waiting';
}

/** What is left takes as long as what is done has taken, on the workers that are at it now. */
function secondsLeft(
  left: number,
  record: Awaited<ReturnType<RunQueue['record']>>,
  workers: number,
): number | null {
  if (record === undefined || record.ended === 0 || workers === 0) return null;
  return ((record.seconds / record.ended) * left) / Math.min(workers, left);
}

function shardStatus(job: Job): ShardStatus {
  return {
    index: Number(/^s(\d+)$/.exec(job.id ?? '')?.[1] ?? 0),
    worker: job.processedBy ?? null,
    attempt: job.attemptsMade + 1,
    progress: glance.progress(job.progress) ?? null,
  };
}

/** Written by a worker of our own version, or one that may say other things: it is shown, not reckoned with. */
function reportIn(job: Job): RunReport | null {
  return (job.returnvalue as RunReport | null) ?? null;
}
