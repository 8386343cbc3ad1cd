import { now } from '../clock/now.js';
import { openDataset } from '../dataset/dataset.js';
import type { Progress } from '../measure/progress.js';
import type { Report } from '../measure/report.js';
import { checkCodec } from '../sink/codecs.js';
import { OutputDirectory } from '../sink/output-directory.js';
import { openOutput } from '../storage/output.js';
import { InterruptedError } from '../util/errors.js';
import { accessOf } from './access.js';
import { fingerprintOf } from './fingerprint.js';
import { parseJob } from './load.js';
import { Pipeline } from './pipeline.js';

import type { Job, JobInput } from './schema.js';
import { encoderSettings, outputLocation } from './sink.js';

export interface RunOptions {
  /** Stops the run: its threads end, what is committed stays, and `runJob` rejects with an InterruptedError. */
  readonly signal?: AbortSignal;
  /** Called about twice a second while rows run. */
  readonly onProgress?: (progress: Progress) => void;
  /** Replace what another job has written to the sink. Default: false, and that is an error. */
  readonly overwrite?: boolean;
}

/**
 * Runs a job: reads its source, runs its model over every row, writes its outputs.
 *
 *     const report = await runJob(await loadJob('job.yaml'), { onProgress: (p) => console.error(p.rowsPerSecond) });
 *
 * Resumes by itself where an earlier run of the same job was stopped. All threads have ended when it settles.
 *
 * @param input a job from `loadJob`, or an object of the same form (relative paths start at the working directory)
 * @throws UsageError where the job does not fit its data or model; DataError, StorageError, DeviceError where those
 *   fail; InterruptedError after `signal`
 */
export async function runJob(input: Job | JobInput, options: RunOptions = {}): Promise<Report> {
  const startedAt = now();
  const job = parseJob(input);
  checkCodec(job.sink.format, encoderSettings(job.sink).compression);
  throwIfAborted(options.signal);
  // Threads and model load while the source is listed.
  await using pipeline = new Pipeline(job);
  const dataset = await openDataset({
    uri: job.source.uri,
    format: job.source.format,
    access: accessOf(job.source),
    ...(job.source.limit === undefined ? {} : { limit: job.source.limit }),
    ...(job.source.filter === undefined ? {} : { filter: job.source.filter }),
  });
  await pipeline.plan(dataset, options.signal);
  const fingerprint = await fingerprintOf(job, dataset);
  throwIfAborted(options.signal);

  const head = { job: job.name, fingerprint, splits: dataset.splits.length };
  const location = outputLocation(job.sink);
  const directory =
    location && (await OutputDirectory.claim(await openOutput(location), head, options.overwrite ?? false));
  try {
    const report = await pipeline.run(dataset, directory, { ...options, fingerprint, startedAt });
    await directory?.succeed();
    return report;
  } finally {
    await directory?.release();
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError('interrupted before the first row was read');
}
