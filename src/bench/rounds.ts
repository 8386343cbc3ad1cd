import { UsageError } from '../util/errors.js';
import { DeviceStage } from './device-stage.js';
import { type Expected, lowestRate, type StageRates } from './expected.js';
import { OneMore } from './one-more.js';
import { Pace } from './pace.js';
import type { ProgressTracker } from './progress.js';
import { median } from './rate.js';
import type { LoopResult } from './requests.js';
import type { Sample } from './sample.js';
import type { Extras, StageSeconds } from './schedule.js';
import type { Reported, SessionThreads, Stages } from './stages.js';
import { warmUpOf } from './steady.js';
import { type Subject, specOfLoop } from './subject.js';

/** How often it is measured what one more would bring, where that was not done in the rounds. */
const PAIRS = 3;

/** Splits that each producer, and one more, goes through at the least. */
const SPLITS_PER_PRODUCER = 3;

/** Of a stage that moves bytes. */
interface Throughput {
  readonly rowsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** What the rounds have measured: one entry a round in each list. */
export interface Results {
  readonly storage: Throughput[];
  readonly loader: Reported[];
  readonly loop: LoopResult[];
  readonly sink: Throughput[];
  readonly pipeline: Reported[];
}

export interface RoundsOptions {
  readonly sample: Sample;
  readonly expected: Expected;
  /** A stage within so much of the lowest may be what limits: what one more of it would bring is measured. */
  readonly mayLimit: number;
  readonly firstPass: LoopResult;
  /** Bytes that one run may write. */
  readonly room: number;
}

/** Measures every stage once in each round, so that what disturbs the machine for a while disturbs them all. */
export class Rounds {
  readonly #subject: Subject;
  readonly #stages: Stages;
  readonly #options: RoundsOptions;
  readonly #sample: Sample;
  /** Passes over the slow sample that one run may write. */
  readonly #mostPasses: number;
  readonly #pace: Readonly<Record<'storage' | 'loader' | 'loop' | 'pipeline', Pace>>;
  /** Rows of a pass over the fast sample that reach the model: known once the loader has run. */
  #fastRows = 0;
  readonly device: DeviceStage;
  readonly oneMore: OneMore;
  readonly results: Results = { storage: [], loader: [], loop: [], sink: [], pipeline: [] };

  constructor(subject: Subject, stages: Stages, options: RoundsOptions) {
    const { sample, expected, firstPass, room } = options;
    const { slow, fast } = sample;
    this.#subject = subject;
    this.#stages = stages;
    this.#options = options;
    this.#sample = sample;
    const bytesOfRow = firstPass.bytesWritten / Math.max(1, firstPass.rows);
    this.#mostPasses = room / Math.max(1, bytesOfRow * slow.rows);
    const fastRows = (slow.rows * fast.splits.length) / slow.splits.length;
    // Of fewer, what producers finish at the beginning or begin at the end would be most of what is measured.
    const many = SPLITS_PER_PRODUCER * (subject.producers + 1);
    const some = expected.loader < expected.device ? many : 1;
    this.#pace = {
      storage: new Pace(fast.splits.length, 1),
      loader: new Pace(fast.splits.length, many, sample.isCut ? undefined : fastRows / expected.loader),
      loop: new Pace(slow.splits.length, 1, slow.rows / firstPass.rowsPerSecond),
      pipeline: new Pace(slow.splits.length, some, slow.rows / expected.pipeline),
    };
    this.device = new DeviceStage(subject);
    this.oneMore = new OneMore(subject, stages, sample);
  }

  /** Of the loader: where that is left to Penstock, those that it came to. */
  get producers(): number {
    return this.results.loader.at(-1)?.report.producers.count ?? this.#subject.producers;
  }

  /** Seconds that the pipeline takes for a pass over the slow sample. */
  get passSeconds(): number {
    return this.#pace.pipeline.seconds ?? 1;
  }

  /** What is worth to be measured too. */
  get extras(): Extras {
    return this.oneMore.worth(this.#rates, this.#options.mayLimit);
  }

  /** By the rounds so far, and before the first as expected. */
  get #rates(): StageRates {
    const { loader, sink } = this.results;
    if (loader.length === 0) return this.#options.expected;
    return {
      loader: median(loader.map((run) => run.rowsPerSecond)),
      device: median(this.device.ceilings),
      sink: sink.length === 0 ? Number.POSITIVE_INFINITY : median(sink.map((run) => run.rowsPerSecond)),
    };
  }

  /** How long the stages take that can't be as short as wanted: by a pass over their sample, and by runs of the model. */
  expectedSeconds(wanted: StageSeconds): StageSeconds {
    const { loader, loop, pipeline } = this.#pace;
    const { specs, plan } = this.#subject;
    const run = (specs.length * plan.batch.size) / this.#options.expected.device;
    const { oneMoreInstance: instance } = wanted;
    return {
      ...wanted,
      loader: Math.max(wanted.loader, loader.leastSeconds),
      oneMoreProducer: wanted.oneMoreProducer > 0 ? Math.max(wanted.oneMoreProducer, loader.leastSeconds) : 0,
      loop: Math.max(wanted.loop, loop.leastSeconds),
      pipeline: Math.max(wanted.pipeline, pipeline.leastSeconds),
      device: Math.max(wanted.device, 2 * run),
      // Without and with one more, each after a run that does not count.
      oneMoreInstance: instance > 0 ? 2 * Math.max(instance, 2 * run) : 0,
    };
  }

  /** @param wanted how long each stage should be measured; progress goes by how long it is expected to take */
  async round(number: number, wanted: StageSeconds, progress: ProgressTracker): Promise<void> {
    const expected = this.expectedSeconds(wanted);
    const begin = (stage: Parameters<ProgressTracker['begin']>[0], seconds: number, detail?: string): void =>
      progress.begin(stage, seconds, number, detail);
    const extras = this.extras;
    begin('loader', expected.loader);
    const loader = await this.#loader(wanted.loader);
    if (extras.producer) {
      begin('loader', expected.oneMoreProducer, 'with one producer more');
      await this.oneMore.producer(this.#pace.loader.passesIn(wanted.oneMoreProducer), loader);
    }
    begin('storage', expected.storage);
    await this.#storage(wanted.storage);
    begin('device', expected.device);
    const loopAndSink = async (threads: SessionThreads): Promise<void> => {
      begin('point to point', expected.loop);
      await this.#loop(threads, wanted.loop);
      begin('sink', expected.sink);
      await this.#sink(threads, wanted.sink);
    };
    const loopSpec = specOfLoop(this.#subject);
    const isShared = loopSpec === this.#subject.specs[0];
    let instances = 0;
    {
      await using threads = await this.#stages.sessions(this.#subject.specs);
      await this.device.measure(threads, this.#sample.fast.splits, wanted.device, (rows) =>
        progress.detail(`batches of ${rows}`),
      );
      if (extras.instance) instances = (await threads.replay(wanted.oneMoreInstance)).rowsPerSecond;
      if (isShared) await loopAndSink(threads);
    }
    if (extras.instance) {
      begin('device', expected.oneMoreInstance, 'with one instance more');
      await this.oneMore.instance(wanted.oneMoreInstance, instances);
    }
    if (!isShared) {
      await using threads = await this.#stages.sessions([loopSpec]);
      await loopAndSink(threads);
    }
    begin('pipeline', expected.pipeline);
    await this.#pipeline(wanted.pipeline);
  }

  /** After the rounds: what limits may be another stage than was expected, and what one more would bring not yet measured. */
  async finish(wanted: StageSeconds, progress: ProgressTracker): Promise<void> {
    const { loader, device } = this.#rates;
    const lowest = lowestRate(this.#rates);
    const { producer, instance } = this.oneMore.worth(this.#rates, 1);
    if (loader === lowest && producer && this.oneMore.producers.length === 0) {
      for (let pair = 0; pair < PAIRS; pair++) {
        progress.begin('loader', 2 * wanted.loader, undefined, 'with one producer more');
        const before = await this.#loader(wanted.loader);
        await this.oneMore.producer(this.#pace.loader.passesIn(wanted.loader), before);
      }
    }
    if (device === lowest && instance && this.oneMore.instances.length === 0) {
      const seconds = wanted.device / 4;
      for (let pair = 0; pair < PAIRS; pair++) {
        progress.begin('device', 2 * seconds, undefined, 'with one instance more');
        await this.oneMore.instance(seconds);
      }
    }
  }

  /** @throws UsageError where no row comes through to the model */
  async #loader(seconds: number): Promise<Reported> {
    const { splits } = this.#sample.fast;
    const pace = this.#pace.loader;
    const passes = pace.passesIn(seconds);
    const measured = await this.#stages.loader({ splits, passes });
    if (measured.rows === 0) throw nothingToMeasure(this.#subject);
    pace.ran(passes, measured.seconds);
    this.#fastRows = measured.rows / passes;
    this.results.loader.push(measured);
    return measured;
  }

  /** Its rows are those that the loader got out of the same splits: only decoded can they be counted. */
  async #storage(seconds: number): Promise<void> {
    const { splits } = this.#sample.fast;
    const { producers } = this;
    const pace = this.#pace.storage;
    // How long a pass takes is not known before there was one.
    if (pace.seconds === undefined)
      pace.ran(1, (await this.#stages.storage({ splits, passes: 1 }, producers)).seconds);
    const passes = pace.passesIn(seconds);
    const measured = await this.#stages.storage({ splits, passes }, producers);
    pace.ran(passes, measured.seconds);
    this.results.storage.push({
      rowsPerSecond: (passes * this.#fastRows) / measured.seconds,
      bytesPerSecond: measured.bytes / measured.seconds,
    });
  }

  async #loop(threads: SessionThreads, seconds: number): Promise<void> {
    const { splits } = this.#sample.slow;
    const pace = this.#pace.loop;
    const passes = pace.passesIn(seconds, this.#mostPasses);
    const warmUp = warmUpOf(passes * (pace.seconds ?? 0));
    const measured = await threads.loop({ splits, passes }, { warmUp });
    pace.ran(passes, measured.seconds);
    this.results.loop.push(measured);
  }

  /** Writes what the loop made. */
  async #sink(threads: SessionThreads, seconds: number): Promise<void> {
    const { isCut, fast } = this.#sample;
    // Parts of splits that are cut short are made as large as those of whole ones.
    const rowsOfPart = isCut ? this.#fastRows / fast.splits.length : 0;
    const written = await threads.write(seconds, rowsOfPart);
    if (written === undefined || written.rows === 0) return;
    this.results.sink.push({
      rowsPerSecond: written.rows / written.seconds,
      bytesPerSecond: written.bytes / written.seconds,
    });
  }

  async #pipeline(seconds: number): Promise<void> {
    const { splits } = this.#sample.slow;
    const pace = this.#pace.pipeline;
    const passes = pace.passesIn(seconds, this.#mostPasses);
    const measured = await this.#stages.pipeline({ splits, passes });
    pace.ran(passes, measured.seconds);
    this.results.pipeline.push(measured);
  }
}

/** The error where not one of the rows that were tried reaches the model. */
export function nothingToMeasure({ job }: Subject): UsageError {
  return new UsageError(
    `${job.source.uri}: none of its rows reaches the model: there is nothing to measure`,
    {
      key: 'source',
      hint: 'Filter and transform leave nothing of them: widen the filter, or name other data in source.uri.',
    },
  );
}
