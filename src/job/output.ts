import { completeParts, type Head } from '../sink/output-content.js';
import { OutputDirectory } from '../sink/output-directory.js';
import { partFile } from '../sink/output-files.js';
import type { Part } from '../sink/types.js';
import { openOutput } from '../storage/output.js';
import { InterruptedError, StorageError } from '../util/errors.js';
import { fingerprintOf } from './fingerprint.js';
import { openSourceOf } from './run-job.js';
import type { Job } from './schema.js';
import { checkSink, outputLocation } from './sink.js';

/*
 * The output of a job whose rows others run, shard by shard: what is before the first of them, and behind the last.
 */

export interface PrepareOptions {
  /** Replace what another job has written to the sink. Default: false, and that is an error. */
  readonly overwrite?: boolean | undefined;
  /** Stops it between two of its steps; it then rejects with an InterruptedError. */
  readonly signal?: AbortSignal | undefined;
}

/** What a job comes to over its data set, and how much of it is done. */
export interface PreparedOutput {
  /** Of the whole job; that of each of its shards is the same. */
  readonly fingerprint: string;
  /** Splits of the data set, and so parts of the output. */
  readonly splits: number;
  /** Of all files of the data set. */
  readonly bytes: number;
  /** Parts that earlier runs of the job have committed, by ordinal; none where nothing is written (`sink.format: none`). */
  readonly committed: readonly Part[];
}

/** What was written, all shards together; zeros where nothing is. */
export interface FinishedOutput {
  readonly parts: number;
  readonly rows: number;
  readonly deadLettered: number;
}

/**
 * Makes the output of a job ready for its shards, as a whole run does before its first row: lists the source, checks that
 * the output is this job's (or with `overwrite` makes it so), clears away what killed runs have left, and takes back
 * `_SUCCESS` where parts are missing. Keeps nothing open. The model is only digested, not loaded.
 *
 * @throws InUseError where a run or a shard is at work on the output; UsageError where it is another job's, or can't be
 *   written so; StorageError, DataError where the source can't be listed
 */
export async function prepareOutput(job: Job, options: PrepareOptions = {}): Promise<PreparedOutput> {
  const { overwrite = false, signal } = options;
  checkSink(job.sink);
  throwIfAborted(signal);
  const dataset = await openSourceOf(job);
  throwIfAborted(signal);
  const fingerprint = await fingerprintOf(job, dataset);
  throwIfAborted(signal);
  const { bytes } = dataset;
  const head = { job: job.name, fingerprint, splits: dataset.splits.length };
  const location = outputLocation(job.sink);
  if (location === undefined) return { fingerprint, splits: head.splits, bytes, committed: [] };
  const directory = await OutputDirectory.claim(await openOutput(location), head, overwrite);
  try {
    const committed = [...directory.committed.values()].sort((a, b) => a.ordinal - b.ordinal);
    return { fingerprint, splits: head.splits, bytes, committed };
  } finally {
    await directory.release();
  }
}

/**
 * Completes the output of a job whose shards are all done: checks that all parts are there, and marks it with `_SUCCESS`,
 * which the shard that came last may have done already. It may be called again.
 *
 * @param prepared what `prepareOutput` has found: the source is not listed again
 * @throws StorageError where a part is missing, with its name; InUseError where a run or a shard is at work on the output;
 *   UsageError where it has become another job's
 */
export async function finishOutput(
  job: Job,
  prepared: Pick<PreparedOutput, 'fingerprint' | 'splits'>,
): Promise<FinishedOutput> {
  const location = outputLocation(job.sink);
  if (location === undefined) return { parts: 0, rows: 0, deadLettered: 0 };
  const { fingerprint, splits } = prepared;
  const head = { job: job.name, fingerprint, splits };
  const store = await openOutput(location);
  const parts = await completeParts(store, head);
  if (parts !== undefined) return summaryOf(parts);
  const directory = await OutputDirectory.claim(store, head, false);
  try {
    checkComplete(directory, head, job.sink.format);
    await directory.succeed();
    return summaryOf([...directory.committed.values()]);
  } finally {
    await directory.release();
  }
}

function checkComplete({ uri, committed }: OutputDirectory, { splits }: Head, extension: string): void {
  if (committed.size === splits) return;
  let ordinal = 0;
  while (committed.has(ordinal)) ordinal++;
  const file = `${uri}/${partFile(ordinal, extension)}`;
  throw new StorageError(
    `${file}: is missing, or is not what its entry in the manifest says; ${committed.size} of ${splits} parts are there`,
    { file, hint: 'Run the job again, or the shards that it belongs to: they make what is missing.' },
  );
}

function summaryOf(parts: readonly Part[]): FinishedOutput {
  return {
    parts: parts.length,
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    deadLettered: parts.reduce((sum, { deadLettered = 0 }) => sum + deadLettered, 0),
  };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError('interrupted before the output was prepared');
}
