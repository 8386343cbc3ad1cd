import { now } from '../clock/now.js';
import { openDataset } from '../dataset/dataset.js';
import { checkShard, type Shard, splitsOf } from '../dataset/shard.js';
import type { Dataset } from '../dataset/types.js';
import type { Progress } from '../measure/progress.js';
import type { Report } from '../measure/report.js';
import type { Timeline } from '../measure/timeline.js';
import { OutputDirectory } from '../sink/output-directory.js';
import { openOutput } from '../storage/output.js';
import { InterruptedError, StuckError, UsageError } from '../util/errors.js';
import { settledWithin } from '../util/grace.js';
import { accessOf } from './access.js';
import { localized } from './artifacts.js';
import type { Digests } from './digests.js';
import { fingerprintOf } from './fingerprint.js';
import { parseJob } from './load.js';
import { Pipeline } from './pipeline.js';
import { type RunContext, STUCK_GRACE_MS } from './run.js';
import type { Job, JobInput } from './schema.js';
import { checkSink, outputLocation } from './sink.js';

/** How `runJob` runs a job. */
export interface RunOptions {
  /** Stops the run: its threads end, what is committed stays, and `runJob` rejects with an InterruptedError. */
  readonly signal?: AbortSignal;
  /** Called about twice a second while rows run. */
  readonly onProgress?: (progress: Progress) => void;
  /**
   * Called once, when all threads have stopped, with a trace of what they did, in the Trace Event Format of Chrome, as JSON;
   * also where the run fails. It is recorded only where this is given.
   */
  readonly onTrace?: (trace: string) => void;
  /**
   * Called once where a run fails or is interrupted after its first batch, before `runJob` rejects: how it went until then. A
   * run that comes to its end has that in its report.
   */
  readonly onStopped?: (timeline: Timeline) => void;
  /** Replace what another job has written to the sink. Default: false, and that is an error. */
  readonly overwrite?: boolean;
  /** What the model and the transform must be: where they are not, it is a DataError, and nothing runs. Default: whatever they are. */
  readonly expect?: Digests;
  /**
   * Run modules (a transform, a model of the runtime `module`) from copies, where nothing lies beside them that they could
   * import: then what `expect` says of them is all that runs. Default: false.
   */
  readonly alone?: boolean;
  /**
   * Run only this part of the data set. Its parts keep the names that a whole run gives them, so that runs of all shards,
   * at the same time or one after another, write together what a whole run writes; the one that completes the output
   * marks it with `_SUCCESS`. What the report and the progress count is of the shard, as is `errors.maxRows`. Meanwhile
   * no whole run of the job, nor one with another count, may write to the same sink. Not with `overwrite`. Default: all.
   */
  readonly shard?: Shard;
}

/**
 * Runs a job: reads its source, runs its model over every row, writes its outputs.
 *
 * Resumes by itself where an earlier run of the same job was stopped. All threads have ended when it settles.
 *
 * @example
 * const report = await runJob(await loadJob('job.yaml'), { onProgress: ({ rowsPerSecond }) => console.error(rowsPerSecond) });
 * console.log(report.rows.written, report.bottleneck, report.advice);
 *
 * @param input a job from `loadJob`, or an object of the same form (relative paths start at the working directory)
 * @throws UsageError where the job does not fit its data or model, and its InUseError where another run is at work on the
 *   same output; DataError, StorageError, DeviceError where those fail; InterruptedError after `signal`
 */
export async function runJob(input: Job | JobInput, options: RunOptions = {}): Promise<Report> {
  return runParsed(parseJob(input), options);
}

/** The same for a job that is parsed, and may share its devices with others. */
export async function runParsed(
  job: Job,
  options: RunOptions & Pick<RunContext, 'sharing'> = {},
): Promise<Report> {
  throwIfAborted(options.signal);
  using local = await localized(job, options);
  try {
    return await runOver(local.job, () => openSourceOf(job), options);
  } catch (error) {
    throw local.explain(error);
  }
}

/** The data set that a job reads. */
export function openSourceOf({ source }: Pick<Job, 'source'>): Promise<Dataset> {
  return openDataset({
    uri: source.uri,
    format: source.format,
    access: accessOf(source),
    ...(source.limit === undefined ? {} : { limit: source.limit }),
    ...(source.filter === undefined ? {} : { filter: source.filter }),
  });
}

/** Runs a job, whose model is on this machine, over a data set, which need not be all of its source's. */
export async function runOver(
  job: Job,
  open: () => Promise<Dataset>,
  options: RunOptions & Pick<RunContext, 'keep' | 'sharing'>,
): Promise<Report> {
  const startedAt = now();
  checkSink(job.sink);
  checkPart(options);
  throwIfAborted(options.signal);
  // Threads and model load while the source is listed.
  await using pipeline = new Pipeline(job, options.sharing);
  const dataset = await open();
  await pipeline.plan(dataset, options.signal);
  const fingerprint = await fingerprintOf(job, dataset);
  throwIfAborted(options.signal);

  const head = { job: job.name, fingerprint, splits: dataset.splits.length };
  const { shard, overwrite = false } = options;
  const part = shard === undefined ? dataset : { ...dataset, splits: splitsOf(dataset, shard) };
  const share = shard && { ...shard, ordinals: new Set(part.splits.map(({ ordinal }) => ordinal)) };
  const location = outputLocation(job.sink);
  const directory =
    location && (await OutputDirectory.claim(await openOutput(location), head, overwrite, share));
  let letGoMs = Number.POSITIVE_INFINITY;
  try {
    const report = await pipeline.run(part, directory, { ...options, fingerprint, startedAt });
    await directory?.succeed();
    return report;
  } catch (error) {
    if (error instanceof StuckError) letGoMs = STUCK_GRACE_MS;
    throw error;
  } finally {
    if (directory !== undefined) await settledWithin(directory.release(), letGoMs);
  }
}

/** @throws UsageError for a shard that there can't be, or that would replace what others write */
function checkPart({ shard, overwrite = false }: RunOptions): void {
  if (shard === undefined) return;
  checkShard(shard);
  if (!overwrite) return;
  throw new UsageError('a shard can not overwrite: it replaces no more than its own part of an output', {
    hint: 'Remove the output before the first shard is run, or overwrite it by a whole run.',
  });
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError('interrupted before the first row was read');
}
