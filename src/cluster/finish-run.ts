import { parseJob } from '../job/load.js';
import { finishOutput } from '../job/output.js';
import { DataError, InUseError, messageOf, PenstockError, UsageError } from '../util/errors.js';
import { isGone, type RunJob } from './bull.js';
import { Holding } from './holding.js';
import { type RunPayload, readResult, readRun } from './payload.js';
import type { RunQueue, Taken } from './run-queue.js';
import { type RunReport, summaryOf } from './run-summary.js';
import type { WorkerEvent } from './worker-options.js';

/** How soon an output that another process still holds is looked at again. */
const IN_USE_MS = 5000;

/**
 * Ends a run whose shards are all done, or one of which has failed: completes its output, and puts the reports of its shards
 * together. Rejects only for a fault of ours.
 */
export async function finishRun(
  queue: RunQueue,
  { job, token }: Taken,
  onEvent: (event: WorkerEvent) => void,
): Promise<void> {
  const run = job.id ?? '';
  const holding = new Holding(job, token, queue.bull.lockMs);
  let payload: RunPayload | undefined;
  try {
    payload = readRun(job.data);
    const failure = await failureOf(queue, job, run);
    if (failure !== undefined) return await fail(queue, job, token, payload.shards, failure, onEvent);
    const report = await completed(job, payload);
    holding.stop();
    await job.moveToCompleted(report, token, false);
    await queue.closeShards(job, run, payload.shards);
    await queue.wake(`ended ${run}`);
    onEvent({
      kind: 'run-ended',
      run,
      job: payload.job.name,
      rows: report.rows.written + report.rows.resumed,
    });
  } catch (error) {
    // Another worker has it: it does the same.
    if (isGone(error)) return;
    if (error instanceof InUseError) {
      // A worker that lost its shard while the queue was away may still be at work on it: it will not be for long.
      await job.moveToDelayed(Date.now() + IN_USE_MS, token).catch(ignoreGone);
      return;
    }
    await failOrRetry(queue, job, token, payload?.shards ?? 0, error, onEvent);
  } finally {
    holding.stop();
  }
}

async function completed(job: RunJob, payload: RunPayload): Promise<RunReport> {
  const results = Object.values((await job.getChildrenValues()) ?? {}).map(readResult);
  const parsed = parseJob(payload.job);
  const output = parsed.sink.format === 'none' ? undefined : await finishOutput(parsed, payload);
  return summaryOf(payload, results, output);
}

/** Why a run has failed; undefined where it has not. */
async function failureOf(queue: RunQueue, job: RunJob, run: string): Promise<string | undefined> {
  const record = await queue.record(run);
  if (record?.cancelled !== undefined) return `cancelled at ${record.cancelled}`;
  if (job.deferredFailure === undefined) return undefined;
  // BullMQ names the shard, and the shard knows why.
  const shard = /:([^:\s]+) failed$/.exec(job.deferredFailure)?.[1];
  const failed =
    shard === undefined ? undefined : await queue.bull.queue(queue.names.shards(run)).getJob(shard);
  return failed?.failedReason ?? job.deferredFailure;
}

async function failOrRetry(
  queue: RunQueue,
  job: RunJob,
  token: string,
  shards: number,
  error: unknown,
  onEvent: (event: WorkerEvent) => void,
): Promise<void> {
  const message = error instanceof PenstockError ? error.explain() : messageOf(error);
  const isHopeless = error instanceof UsageError || error instanceof DataError;
  const again = !isHopeless && job.attemptsMade + 1 < (job.opts.attempts ?? 1);
  if (!again) return fail(queue, job, token, shards, message, onEvent);
  await job.moveToFailed(new Error(message), token, false).catch(ignoreGone);
  onEvent({
    kind: 'warning',
    message: `run ${job.id}: its output can't be completed, which is tried again: ${message}`,
  });
}

async function fail(
  queue: RunQueue,
  job: RunJob,
  token: string,
  shards: number,
  message: string,
  onEvent: (event: WorkerEvent) => void,
): Promise<void> {
  const run = job.id ?? '';
  await queue.bull.fail(job, message, token).catch(ignoreGone);
  await queue.closeShards(job, run, shards);
  await queue.wake(`ended ${run}`);
  onEvent({ kind: 'run-failed', run, error: new Error(message) });
}

function ignoreGone(error: unknown): void {
  if (!isGone(error)) throw error;
}
