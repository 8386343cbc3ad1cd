import { parseJob } from '../job/load.js';
import type { Candidate } from './choose.js';
import { lacks, needsProof, type Offer } from './needs.js';
import { glanceAtRun, type RunPayload } from './payload.js';
import type { RunQueue } from './run-queue.js';
import type { ShardRunner } from './worker-options.js';

/** A run with shards that are not done, which a worker can run. */
export interface OpenRun extends Candidate {
  /** What the queue holds of it. */
  readonly data: unknown;
  /** Shards that could be taken now. */
  readonly due: number;
}

interface Found {
  readonly run: string;
  readonly data: unknown;
  /** Undefined where it can't be read. */
  readonly payload: RunPayload | undefined;
}

/** Runs that a worker could help; and whether there are others that it knows nothing of before it has tried its providers. */
export async function openRuns(
  queue: RunQueue,
  offer: Offer,
  runner: ShardRunner | undefined,
): Promise<{ readonly fitting: readonly OpenRun[]; readonly isToProve: boolean }> {
  const jobs = await Promise.all((await queue.openRuns()).map((run) => queue.find(run)));
  const runs = jobs
    .filter((job) => job !== undefined)
    .map(({ id = '', data }): Found => ({ run: id, data, payload: glanceAtRun(data) }));
  const fitting = runs.filter(({ payload }) => payload === undefined || fits(payload, offer, runner));
  return {
    fitting: await Promise.all(fitting.map((run) => candidate(queue, run))),
    isToProve: runs.some(({ payload }) => payload !== undefined && needsProof(payload.needs, offer)),
  };
}

function fits({ needs, job }: RunPayload, offer: Offer, runner: ShardRunner | undefined): boolean {
  if (lacks(needs, offer).length > 0) return false;
  if (runner === undefined) return true;
  try {
    return runner.refuses(parseJob(job)) === undefined;
  } catch {
    // One that can't be read here: its shard tells why.
    return true;
  }
}

async function candidate(queue: RunQueue, { run, data, payload }: Found): Promise<OpenRun> {
  const [counts, record] = await Promise.all([queue.counts(run), queue.record(run)]);
  return {
    run,
    data,
    // One that can't be read is taken at once, to be failed with the reason.
    priority: payload?.priority ?? 0,
    weight: payload?.weight ?? 1,
    used: record?.used ?? 0,
    active: counts.active,
    submittedAt: payload === undefined ? 0 : Date.parse(payload.submittedAt),
    due: counts.waiting + counts.due,
  };
}
