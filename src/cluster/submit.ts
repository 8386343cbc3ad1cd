import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { localized } from '../job/artifacts.js';
import { type Digests, digestsOf } from '../job/digests.js';
import { fingerprintOf } from '../job/fingerprint.js';
import { parseJob } from '../job/load.js';
import { finishOutput, prepareOutput } from '../job/output.js';
import { isSecret } from '../job/rules.js';
import { openSourceOf } from '../job/run-job.js';
import type { Job, JobInput } from '../job/schema.js';
import { checkSink } from '../job/sink.js';
import { InterruptedError, InUseError, UsageError } from '../util/errors.js';
import { isCompleted } from './bull.js';
import { initialUse } from './choose.js';
import { codeOf } from './code-policy.js';
import { FORM, glanceAtRun, type RunPayload, readRun } from './payload.js';
import { RunQueue } from './run-queue.js';
import { type RunReport, summaryOf } from './run-summary.js';
import type { QueueOptions } from './worker-options.js';

/** Shards of a run where nobody says how many: enough that workers end at about the same time, each long enough to load a model for. */
const SHARDS = 64;
const MOST_SHARDS = 10_000;
const ATTEMPTS = 3;
/** Workers of a run that was cancelled, or has failed, let go of its output within this time. */
const LET_GO_MS = 15_000;

/** How a run is put into the queue. */
export interface SubmitOptions extends QueueOptions {
  /** Into how many shards the data set is cut, at most one a split. Default: 64, or as many as there are splits. */
  readonly shards?: number;
  /** 1 comes first, strictly, before 2 and so on. Default: 5. */
  readonly priority?: number;
  /** Its share of the workers among runs of its priority. Default: 1. */
  readonly weight?: number;
  /** What a worker must have, by `--label`, to take its shards. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Memory that a worker must have, in bytes. Default: what `ring.maxBytes` says, or any. */
  readonly memoryBytes?: number;
  /** How often a shard is tried before the run has failed, where another attempt may help. Default: 3. */
  readonly attempts?: number;
  /** Replace what another job has written to the sink. Default: false, and that is an error. */
  readonly overwrite?: boolean;
  /** Stops it before the run is in the queue; it then rejects with an InterruptedError. */
  readonly signal?: AbortSignal;
}

/** What became of a submission. */
export interface Submission {
  /** 16 hex digits: the same for the same job, data and sink. */
  readonly run: string;
  /** The job's name. */
  readonly job: string;
  /**
   * `queued`: its shards are in the queue now; `known`: they were there already, and nothing has changed; `completed`: nothing is
   * left to do.
   */
  readonly state: 'queued' | 'known' | 'completed';
  /** Into how many it is cut. */
  readonly shards: number;
  /** Splits of the data set, and so parts of the output. */
  readonly splits: number;
  /** Parts of its output that earlier runs have committed. */
  readonly committed: number;
  /** Where nothing was left to do. */
  readonly report?: RunReport;
}

/**
 * Puts a job into the queue, cut into shards that workers take. Submitting it twice is submitting it once; a run that has
 * ended is taken up again from what is committed.
 *
 * @example
 * const { run } = await submitJob(await loadJob('job.yaml'), { queue: 'redis://localhost:6379', shards: 200 });
 *
 * @throws UsageError where the job or an option is wrong, or its output is another job's; InUseError where a run that is not
 *   of the queue is at work on it; QueueError; StorageError and DataError where the source can't be listed; InterruptedError
 */
export async function submitJob(input: Job | JobInput, options: SubmitOptions = {}): Promise<Submission> {
  const job = parseJob(input);
  check(job, options);
  const { signal } = options;
  using queue = await RunQueue.open(options);
  // What is elsewhere is fetched once, to know what it is.
  using local = await localized(job, { signal });
  const fingerprint = await fingerprintNow(local.job, signal);
  const run = runIdOf(job, fingerprint);

  const known = await knownRun(queue, run);
  if (known !== undefined) return { run, job: job.name, ...known };
  const prepared = await letGo(() => prepareOutput(local.job, options), signal);
  const { splits, bytes } = prepared;
  const { parts, rows } = { parts: prepared.committed.length, rows: sumOf(prepared.committed) };
  const digests = await digestsOf(local.job);
  const payload: RunPayload = {
    v: FORM,
    run,
    job: plain(job),
    fingerprint: prepared.fingerprint,
    splits,
    bytes,
    shards: Math.min(options.shards ?? SHARDS, Math.max(1, splits)),
    committed: { parts, rows },
    digests,
    needs: needsOf(job, digests, options),
    priority: options.priority ?? 5,
    weight: options.weight ?? 1,
    submittedAt: new Date().toISOString(),
  };
  const told = { run, job: job.name, splits, committed: parts };
  if (parts === splits && job.sink.format !== 'none') {
    const report = summaryOf(payload, [], await finishOutput(job, prepared));
    // What an earlier run has come to is no longer so; its report, where it has one, is the better one.
    const before = await queue.find(run);
    if (before !== undefined && !isCompleted(before)) await queue.remove(before, run);
    return { ...told, state: 'completed', shards: 0, report };
  }
  return await queue.whileSubmitting(run, signal, async () => {
    // Somebody else may have submitted it while the output was prepared.
    const meanwhile = await knownRun(queue, run);
    if (meanwhile !== undefined) return { run, job: job.name, ...meanwhile };
    const before = await queue.find(run);
    if (before !== undefined) await queue.remove(before, run);
    await queue.add(readRun(payload), options.attempts ?? ATTEMPTS, await useOf(queue, payload.weight));
    await queue.wake(`submitted ${run}`);
    return { ...told, state: 'queued', shards: payload.shards };
  });
}

/** A run that is in the queue, and has not ended. */
async function knownRun(queue: RunQueue, run: string): Promise<Omit<Submission, 'run' | 'job'> | undefined> {
  const job = await queue.find(run);
  if (job === undefined || job.finishedOn !== undefined || job.deferredFailure !== undefined)
    return undefined;
  const record = await queue.record(run);
  const payload = glanceAtRun(job.data);
  if (record?.cancelled !== undefined || payload === undefined) return undefined;
  const { shards, splits, committed } = payload;
  return { state: 'known', shards, splits, committed: committed.parts };
}

function check(job: Job, { shards, priority, weight, attempts }: SubmitOptions): void {
  checkSink(job.sink);
  const wholeNumbers = { shards, priority, attempts };
  for (const [name, value] of Object.entries(wholeNumbers)) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 1 && value <= MOST_SHARDS)) {
      throw new UsageError(`${name}: must be a whole number from 1 to ${MOST_SHARDS}, and is ${value}`);
    }
  }
  if (weight !== undefined && !(weight > 0 && Number.isFinite(weight))) {
    throw new UsageError(`weight: must be a number above 0, and is ${weight}`);
  }
  const secret = secretIn(job);
  if (secret !== undefined) {
    throw new UsageError(`${secret}: is a secret, and everybody who reaches the queue can read it there`, {
      key: secret,
      hint: 'Give workers their own credentials, in their environment. A URL that is signed is one, too.',
    });
  }
}

/** The key of something that must not stand in the queue. The job file has been checked; options and queries of URLs have not. */
function secretIn(value: unknown, at: readonly string[] = []): string | undefined {
  if (typeof value === 'string') {
    const query = /^[a-z][a-z0-9+.-]*:\/\/[^?#]*\?([^#]*)/i.exec(value)?.[1];
    if (query === undefined) return undefined;
    const isSigned = [...new URLSearchParams(query).keys()].some((key) => isSecret(key) || key === 'sig');
    return isSigned ? at.join('.') : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const place = [...at, key];
    // Names of columns and tensors are the user's own.
    const isOption = at.includes('options') || at.includes('storage');
    if (isOption && isSecret(key)) return place.join('.');
    const found = secretIn(inner, place);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function fingerprintNow(job: Job, signal: AbortSignal | undefined): Promise<string> {
  const dataset = await openSourceOf(job);
  if (signal?.aborted) throw new InterruptedError('interrupted before the job was submitted');
  return fingerprintOf(job, dataset);
}

/** The same job over the same data, written to the same place, is the same run, whoever submits it. */
function runIdOf({ sink }: Pick<Job, 'sink'>, fingerprint: string): string {
  return createHash('sha256')
    .update(`${fingerprint}\n${sink.uri ?? ''}`)
    .digest('hex')
    .slice(0, 16);
}

function needsOf(
  job: Job,
  digests: Digests,
  { labels = {}, memoryBytes }: SubmitOptions,
): RunPayload['needs'] {
  const code = codeOf(job, digests).map(({ digest }) => digest);
  const memory = memoryBytes ?? job.ring.maxBytes;
  return {
    runtime: job.model.runtime,
    providers: [...job.model.providers],
    ...(code.length > 0 && { code: code.filter((digest) => digest !== undefined) }),
    ...(memory !== undefined && { memoryBytes: memory }),
    labels: { ...labels },
  };
}

async function useOf(queue: RunQueue, weight: number): Promise<number> {
  const open = await queue.openRuns();
  const others = await Promise.all(
    open.map(async (run) => {
      const [job, record] = await Promise.all([queue.find(run), queue.record(run)]);
      const weight = glanceAtRun(job?.data)?.weight;
      return record === undefined || weight === undefined ? undefined : { used: record.used, weight };
    }),
  );
  return initialUse(
    weight,
    others.filter((other) => other !== undefined),
  );
}

/** Workers may still be about to leave an earlier run's shards. */
async function letGo<T>(claim: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const until = performance.now() + LET_GO_MS;
  for (;;) {
    try {
      return await claim();
    } catch (error) {
      if (!(error instanceof InUseError) || performance.now() > until) throw error;
      await sleep(500, undefined, signal === undefined ? {} : { signal }).catch(() => {});
      if (signal?.aborted) throw new InterruptedError('interrupted while others were at work on the output');
    }
  }
}

/** As JSON has it: what is undefined is left out. */
function plain(job: Job): RunPayload['job'] {
  return JSON.parse(JSON.stringify(job)) as RunPayload['job'];
}

function sumOf(parts: readonly { readonly rows: number }[]): number {
  return parts.reduce((sum, { rows }) => sum + rows, 0);
}
