import { glanceAtRun } from './payload.js';
import { RunQueue } from './run-queue.js';
import { findRun } from './status.js';
import type { QueueOptions } from './worker-options.js';

/** What became of it. */
export interface Cancellation {
  /** 16 hex digits. */
  readonly run: string;
  /** The job's name. */
  readonly job: string;
  /** `ended`: it was over already, and nothing has changed. */
  readonly state: 'cancelled' | 'ended';
}

/**
 * Cancels a run: shards that wait are taken back, and workers leave theirs within seconds. What is committed stays, and
 * submitting the job again goes on from there.
 *
 * @param run its id, or the first letters of it
 * @throws UsageError; QueueError where the queue can't be reached, or knows no such run
 */
export async function cancelRun(
  run: string,
  options: QueueOptions & { readonly signal?: AbortSignal } = {},
): Promise<Cancellation> {
  using queue = await RunQueue.open(options);
  const job = await findRun(queue, run);
  const id = job.id ?? run;
  if (job.finishedOn !== undefined) return { run: id, job: job.name, state: 'ended' };
  await queue.cancel(job, id, glanceAtRun(job.data)?.shards ?? 0);
  return { run: id, job: job.name, state: 'cancelled' };
}
