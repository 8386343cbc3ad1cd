import { RunQueue } from '../cluster/run-queue.js';
import type { RunReport } from '../cluster/run-summary.js';
import { type Submission, submitJob } from '../cluster/submit.js';
import { watchRun } from '../cluster/watch-run.js';
import type { QueueOptions } from '../cluster/worker-options.js';
import { loadJob } from '../job/load.js';
import type { Job } from '../job/schema.js';
import { messageOf, QueueError } from '../util/errors.js';
import { fail } from './fail.js';
import type { Interruption } from './interrupt.js';
import { RunDisplay } from './run-display.js';
import { runReportText } from './run-report-text.js';
import type { Terminal } from './terminal.js';
import { counted, duration, printable, whole } from './text.js';

export interface SubmitFlags extends QueueOptions {
  readonly json: boolean;
  readonly set: readonly string[];
  readonly overwrite: boolean;
  readonly wait: boolean;
  readonly label: Readonly<Record<string, string>>;
  readonly shards?: number;
  readonly priority?: number;
  readonly weight?: number;
  readonly memory?: number;
  readonly attempts?: number;
}

/** `penstock submit` */
export async function submit(
  file: string,
  flags: SubmitFlags,
  terminal: Terminal,
  { signal }: Interruption,
): Promise<number> {
  const { json, set, wait, label, memory, ...options } = flags;
  let name: string | undefined;
  try {
    const job = await loadJob(file, { set });
    name = job.name;
    const submission = await submitJob(job, {
      ...options,
      labels: label,
      ...(memory !== undefined && { memoryBytes: memory }),
      signal,
    });
    terminal.say(submissionText(submission));
    if (!wait) {
      if (json) terminal.document(submission);
      return 0;
    }
    const report = submission.report ?? (await waitFor(submission, flags, terminal, signal));
    show(report, job, json, terminal);
    return report.rows.deadLettered > 0 ? 3 : 0;
  } catch (error) {
    return fail(error, terminal, { json, job: name });
  }
}

function submissionText({ run, job, state, shards, splits, committed }: Submission): string {
  const name = printable(job);
  const kept = committed > 0 ? `; ${whole(committed)} of ${counted(splits, 'part')} were there already` : '';
  switch (state) {
    case 'queued':
      return `${name}: run ${run} is in the queue, ${counted(shards, 'shard')} of ${counted(splits, 'split')}${kept}`;
    case 'known':
      return `${name}: run ${run} is in the queue already, ${counted(shards, 'shard')} of ${counted(splits, 'split')}`;
    case 'completed':
      return `${name}: nothing left to do: all ${counted(splits, 'part')} are there`;
  }
}

/** @throws QueueError where the run fails, is cancelled, or is not known any more; InterruptedError */
async function waitFor(
  { run, job }: Submission,
  options: QueueOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<RunReport> {
  using queue = await RunQueue.open({
    ...options,
    signal,
    onLost: (error) =>
      terminal.say(`penstock: the queue is out of reach (${messageOf(error)}); waiting for it`),
    onBack: (seconds) => terminal.say(`penstock: the queue is back after ${duration(seconds)}`),
  });
  const display = new RunDisplay(terminal, job);
  const { state, error, report } = await watchRun(queue, run, { signal, onStatus: display.show });
  terminal.erase();
  if (report !== null) return report;
  if (state === 'cancelled') {
    throw new QueueError(`run ${run} was cancelled`, {
      hint: 'What is committed stays: submit it again to go on.',
    });
  }
  throw new QueueError(`run ${run} has failed: ${error ?? 'nobody has said why'}`, {
    hint: 'What is committed stays: submit it again to go on.',
  });
}

function show(report: RunReport, job: Job, json: boolean, terminal: Terminal): void {
  if (json) {
    terminal.document(report);
    return;
  }
  const output = job.sink.format === 'none' ? undefined : job.sink.uri;
  terminal.print(runReportText(report, output, terminal.style));
}
