import { openSourceOf } from '../job/run-job.js';
import { InterruptedError, messageOf, StuckError } from '../util/errors.js';
import { Pace } from './pace.js';
import type { ProgressTracker } from './progress.js';
import { rateOf } from './rate.js';
import type { Sample } from './sample.js';
import type { Reported, Stages } from './stages.js';
import type { Subject } from './subject.js';
import type { Combination } from './sweep.js';
import type { Sweep, SweepPoint } from './types.js';

/** A combination while it is being measured. */
interface Runs {
  readonly combination: Combination;
  readonly pace: Pace;
  readonly measured: Reported[];
  error: string | undefined;
}

export interface SweepOptions {
  readonly combinations: readonly Combination[];
  readonly sample: Sample;
  /** Seconds that a pass over the sample takes, by what the pipeline did. */
  readonly passSeconds: number;
  readonly rounds: number;
  /** Of each run. */
  readonly seconds: number;
}

/** Runs the whole pipeline with each combination, once in each round. */
export async function runSweep(
  subject: Subject,
  stages: Stages,
  { combinations, sample, passSeconds, rounds, seconds }: SweepOptions,
  progress: ProgressTracker,
): Promise<Sweep> {
  const { splits } = sample.slow;
  const all = combinations.map((combination): Runs => {
    const pace = new Pace(splits.length, 1, passSeconds);
    return { combination, pace, measured: [], error: undefined };
  });
  for (let round = 1; round <= rounds; round++) {
    for (const runs of all) {
      if (runs.error !== undefined) continue;
      progress.begin('sweep', seconds, round, namesOf(runs.combination));
      try {
        await runOnce(subject, stages, runs, sample, seconds);
      } catch (error) {
        // What a combination can't do is a result; that somebody wants to stop, or that all must, is not.
        if (error instanceof InterruptedError || error instanceof StuckError) throw error;
        runs.error = messageOf(error);
      }
    }
  }
  const points = all.map(pointOf);
  const rates = points.map(({ rowsPerSecond }) => rowsPerSecond?.median ?? 0);
  const best = Math.max(...rates) > 0 ? rates.indexOf(Math.max(...rates)) : -1;
  return { keys: Object.keys(combinations[0]?.values ?? {}), points, best };
}

async function runOnce(
  subject: Subject,
  stages: Stages,
  { combination: { job }, pace, measured }: Runs,
  sample: Sample,
  seconds: number,
): Promise<void> {
  const sameSource = JSON.stringify(job.source) === JSON.stringify(subject.job.source);
  const splits = sameSource ? sample.slow.splits : (await openSourceOf(job)).splits;
  const passes = pace.passesIn(seconds);
  const run = await stages.pipeline({ splits, passes }, job);
  pace.ran(passes, run.seconds);
  measured.push(run);
}

function namesOf({ values }: Pick<Combination, 'values'>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}

function pointOf({ combination: { values }, measured, error }: Runs): SweepPoint {
  if (error !== undefined) {
    return { values, error, rowsPerSecond: null, device: null, fill: null, bottleneck: null };
  }
  const rates = measured.map(({ rowsPerSecond }) => rowsPerSecond);
  const { report } = medianRun(measured);
  const [device] = report.devices;
  return {
    values,
    error: null,
    rowsPerSecond: rateOf(rates),
    device: device
      ? { runMs: device.runMs, busy: device.busy, starved: device.starved, blocked: device.blocked }
      : null,
    fill: report.batches.fill,
    bottleneck: report.bottleneck,
  };
}

/** The run whose rate is in the middle; of two in the middle, the slower. */
export function medianRun(runs: readonly Reported[]): Reported {
  const sorted = [...runs].sort((a, b) => a.rowsPerSecond - b.rowsPerSecond);
  return sorted[Math.ceil(sorted.length / 2) - 1] as Reported;
}
