import { cpus } from 'node:os';
import { localized } from '../job/artifacts.js';
import { parseJob } from '../job/load.js';
import type { Job, JobInput } from '../job/schema.js';
import { checkSink, outputLocation } from '../job/sink.js';
import { createStopFlag, raise } from '../produce/stop-signal.js';
import { InterruptedError, PenstockError, UsageError } from '../util/errors.js';
import { expectedAfter } from './expected.js';
import { machine } from './machine.js';
import { busyCores, isNoisy } from './noise.js';
import { type BenchProgress, ProgressTracker } from './progress.js';
import { reportOf } from './report.js';
import { nothingToMeasure, Rounds } from './rounds.js';
import { chooseSample } from './sample.js';
import { scheduleFor, sumOf } from './schedule.js';
import { Scratch } from './scratch.js';
import { Stages } from './stages.js';
import { warmUpOf } from './steady.js';
import { planSubject, type Subject, specOfLoop } from './subject.js';
import { type Combination, combinationsOf, type SweepAxis } from './sweep.js';
import { runSweep } from './sweep-runs.js';
import type { BenchReport } from './types.js';

/** How long `benchJob` may take, and what else it tries. */
export interface BenchOptions {
  /** Stops the bench: its threads end, what it has written is deleted, and it rejects with an InterruptedError. */
  readonly signal?: AbortSignal;
  /** Called a few times a second. */
  readonly onProgress?: (progress: BenchProgress) => void;
  /** About how long it may take, 5 or more. Default: 60; 10 with `quick`. A slow model makes it longer. */
  readonly seconds?: number;
  /** A first look: each stage is measured so briefly that how threads come up to speed counts. Default: false. */
  readonly quick?: boolean;
  /** Keys of the job and values to try: each combination, 64 at the most, is run by itself. Takes time of its own. */
  readonly sweep?: readonly SweepAxis[];
  /** Where relative paths in swept values start. Default: the current directory. */
  readonly baseDir?: string;
  /** Told of the temporary directory, for those who may end the process before the bench can delete it. */
  readonly onScratch?: (path: string) => void;
}

const SECONDS = 60;
const QUICK_SECONDS = 10;
const LEAST_SECONDS = 5;
/** Of the first pass, by which all others are planned. */
const FIRST_PASS_SECONDS = 1.5;
const QUICK_FIRST_PASS_SECONDS = 0.5;
/** Splits of the first pass at most. */
const FIRST_PASS_SPLITS = 2000;
/** A stage within so much of the lowest may be what limits: what one more of it would bring is worth its time. */
const MAY_LIMIT = 1.5;
/** Rounds over the combinations of a sweep, and seconds of a run. */
const SWEEP_ROUNDS = 3;
const SWEEP_SECONDS = 1.5;
const QUICK_SWEEP_SECONDS = 0.5;

/**
 * Measures what each stage of a job can do alone, on the job's own data and model, what the whole pipeline does, and what
 * the same steps do one after another; and says what limits and what a change would bring. Its own output is deleted:
 * the job's is neither read nor written.
 *
 * @example
 * const { efficiency, limitedBy, whatIf, advice } = await benchJob(await loadJob('job.yaml'), { quick: true });
 * console.log(limitedBy, efficiency, whatIf[0], advice);
 *
 * @param input a job from `loadJob`, or an object of the same form (relative paths start at the working directory)
 * @throws UsageError where the job does not fit its data or model, or there are no rows; DataError, StorageError,
 *   DeviceError where those fail; InterruptedError after `signal`
 */
export async function benchJob(input: Job | JobInput, options: BenchOptions = {}): Promise<BenchReport> {
  const { signal, quick = false, seconds = quick ? QUICK_SECONDS : SECONDS, sweep = [] } = options;
  if (!(seconds >= LEAST_SECONDS)) {
    throw new UsageError(`seconds: ${seconds} are too few: ${LEAST_SECONDS} at the least`);
  }
  const written = parseJob(input);
  checkSink(written.sink);
  using local = await localized(written, { signal });
  const { job } = local;
  const combinations = sweep.length > 0 ? combinationsOf(job, sweep, options.baseDir ?? '.') : [];
  for (const combination of combinations) checkSink(combination.job.sink);
  const stop = createStopFlag();
  const onAbort = (): void => raise(stop);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  using progress = new ProgressTracker(options.onProgress);
  try {
    return await new Bench(job, { ...options, seconds, quick, combinations, progress, stop }).run();
  } catch (error) {
    // What a run says about going on is of no use here.
    if (signal?.aborted && (error instanceof InterruptedError || !(error instanceof PenstockError)))
      throw new InterruptedError('the bench was interrupted; what it had written is deleted');
    throw local.explain(error);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

interface Settings extends BenchOptions {
  readonly seconds: number;
  readonly quick: boolean;
  readonly combinations: readonly Combination[];
  readonly progress: ProgressTracker;
  readonly stop: ReturnType<typeof createStopFlag>;
}

class Bench {
  readonly #job: Job;
  readonly #settings: Settings;

  constructor(job: Job, settings: Settings) {
    this.#job = job;
    this.#settings = settings;
  }

  async run(): Promise<BenchReport> {
    const { signal, stop, progress, onScratch } = this.#settings;
    const warnings: string[] = [];
    const busy = await busyCores();
    if (isNoisy(busy)) {
      const cores = `${busy.toFixed(1)} of ${cpus().length} cores`;
      warnings.push(
        `the machine was busy before the bench began (${cores}): all that follows is less than it could be`,
      );
    }
    this.#throwIfAborted();
    const subject = await planSubject(this.#job, signal);
    this.#throwIfAborted();
    const location = outputLocation(this.#job.sink);
    await using scratch = location && (await Scratch.beside(location));
    if (scratch?.path !== undefined) onScratch?.(scratch.path);
    await using stages = new Stages(subject, scratch, { signal, stop });
    return await this.#measure(subject, stages, scratch, warnings, progress);
  }

  async #measure(
    subject: Subject,
    stages: Stages,
    scratch: Scratch | undefined,
    warnings: string[],
    progress: ProgressTracker,
  ): Promise<BenchReport> {
    const { quick, seconds, combinations } = this.#settings;
    const { dataset, producers, specs } = subject;
    const writes = scratch !== undefined;
    progress.begin('first pass', 0, 0);
    const firstPass = await this.#firstPass(subject, stages);
    const expected = expectedAfter(firstPass.result, producers, specs.length, writes);
    const sample = chooseSample(dataset, firstPass.result, expected);
    const room = (await scratch?.room()) ?? Number.POSITIVE_INFINITY;
    const rounds = new Rounds(subject, stages, {
      sample,
      expected,
      mayLimit: quick ? 1 : MAY_LIMIT,
      firstPass: firstPass.result,
      room,
    });
    const { extras } = rounds;
    const sessionLoads = (specOfLoop(subject) === specs[0] ? 1 : 2) + (extras.instance ? 1 : 0);
    const overhead =
      subject.planSeconds * (extras.producer ? 2.5 : 2) + firstPass.loadSeconds * (sessionLoads + 0.5);
    const schedule = scheduleFor({ seconds: seconds - progress.elapsedSeconds, overhead, extras, writes });
    const sweepSeconds = quick ? QUICK_SWEEP_SECONDS : SWEEP_SECONDS;
    const roundSeconds = sumOf(rounds.expectedSeconds(schedule.seconds));
    const stretch = overhead / roundSeconds;
    const sweepTotal = combinations.length * SWEEP_ROUNDS * sweepSeconds * (1 + stretch);
    const total = schedule.rounds * (roundSeconds + overhead) + sweepTotal;
    progress.plan(total, schedule.rounds, stretch);
    for (let round = 1; round <= schedule.rounds; round++) {
      await rounds.round(round, schedule.seconds, progress);
      this.#throwIfAborted();
    }
    await rounds.finish(schedule.seconds, progress);
    const sweep =
      combinations.length === 0
        ? undefined
        : await runSweep(
            subject,
            stages,
            {
              combinations,
              sample,
              passSeconds: rounds.passSeconds,
              rounds: SWEEP_ROUNDS,
              seconds: sweepSeconds,
            },
            progress,
          );
    return reportOf({
      subject,
      rounds,
      sample,
      sweep,
      quick,
      warnings,
      seconds: progress.elapsedSeconds,
      machine: machine(),
    });
  }

  /** One thing after another in one thread: how long each step takes, and how far it comes. */
  async #firstPass(subject: Subject, stages: Stages) {
    const startedAt = performance.now();
    await using threads = await stages.sessions([specOfLoop(subject)]);
    const loadSeconds = (performance.now() - startedAt) / 1000;
    const { splits } = subject.dataset;
    const passes = Math.max(1, Math.floor(FIRST_PASS_SPLITS / splits.length));
    const seconds = this.#settings.quick ? QUICK_FIRST_PASS_SECONDS : FIRST_PASS_SECONDS;
    const load = { splits: splits.slice(0, FIRST_PASS_SPLITS), passes };
    const result = await threads.loop(load, { seconds, warmUp: warmUpOf(seconds) });
    if (result.rows === 0) throw nothingToMeasure(subject);
    return { loadSeconds, result };
  }

  #throwIfAborted(): void {
    if (this.#settings.signal?.aborted) throw new InterruptedError('interrupted');
  }
}
