import { DeviceLedger, type DeviceTimes, type LedgerMemory } from '../clock/device-ledger.js';
import { now } from '../clock/now.js';
import type { StallMemory } from '../clock/stall-clock.js';
import { type ClockPage, ClockReader } from '../clock/state-clock.js';
import type { Consumer } from '../consume/consumer.js';
import type { RejectedRow } from '../consume/types.js';
import type { FileAccess } from '../dataset/dataset.js';
import type { Shard } from '../dataset/shard.js';
import type { Dataset, Split } from '../dataset/types.js';
import { GpuSampler } from '../measure/gpu/sampler.js';
import { type Progress, ProgressSampler } from '../measure/progress.js';
import { type Choice, type DeviceReport, producerShares, type Report } from '../measure/report.js';
import type { SampledDevice } from '../measure/sampled-device.js';
import { type Timeline, TimelineRecorder } from '../measure/timeline.js';
import type { Producers } from '../produce/producers.js';
import type { ProducerContext } from '../produce/types.js';
import type { CollateInput } from '../produce/writer.js';
import { ControlSide } from '../ring/control-side.js';
import { MAIN_OWNER, type Ring } from '../ring/ring.js';
import type { SessionDevice } from '../session/types.js';
import type { OutputDirectory } from '../sink/output-directory.js';
import type { Sink } from '../sink/sink.js';
import type { Part } from '../sink/types.js';
import { InterruptedError, type StuckError } from '../util/errors.js';
import { settledWithin } from '../util/grace.js';
import { accessOf } from './access.js';
import { DeadLetters } from './dead-letters.js';
import { watchForHangs } from './hang-watch.js';
import { MoreInstances } from './more-instances.js';
import type { PinnedRing } from './pinned-ring.js';
import { Rejections, rejectionError } from './rejections.js';
import { reportOf } from './run-report.js';
import type { Job } from './schema.js';
import type { JobDevice } from './sessions.js';
import type { Sharing } from './sharing.js';
import { fixedInstances, type InstancesRule } from './tune/instances.js';
import { tune } from './tune/tune.js';
import { type WatchedRun, watchForStandstill } from './watchdog.js';

/** How often progress is reported. */
const PROGRESS_MS = 500;
/** How long the threads of a run that is stuck may take to end. */
export const STUCK_GRACE_MS = 2000;

/** A device, and where its time is booked. */
export interface RunDevice extends JobDevice {
  readonly ledger: LedgerMemory;
}

/** What a run works with; its threads are started, and ended, by the pipeline. */
export interface RunContext {
  readonly job: Job;
  readonly devices: readonly RunDevice[];
  /** For the report. */
  readonly warnings: readonly string[];
  readonly ring: Ring;
  readonly clocks: ClockPage;
  readonly consumerClocks: ClockPage;
  /** What is to be run of it: of a shard its part. */
  readonly dataset: Dataset;
  /** Of these splits, those that are not committed yet. */
  readonly splits: readonly Split[];
  readonly directory: OutputDirectory | undefined;
  readonly producers: Producers;
  readonly stalls: StallMemory;
  /** Undefined where no memory is to be pinned. */
  readonly pinned: PinnedRing | undefined;
  /** What was chosen beforehand. */
  readonly chosen: readonly Choice[];
  /** Where how many sessions there are is left to us. */
  readonly instances: InstancesRule | undefined;
  /** Starts one session more, as the consumer of that number; resolves when it is warm. */
  readonly another: (number: number) => Promise<Consumer>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Takes what there is of the timeline where the run does not come to its end. */
  readonly onStopped?: (timeline: Timeline) => void;
  /** Columns that producers carry over; by default the sink's where something is written. */
  readonly keep?: readonly string[];
  /** Which part of the source `dataset` is; all where left out. */
  readonly shard?: Shard;
  readonly fingerprint: string;
  readonly startedAt: number;
  /** Where others run on its devices. */
  readonly sharing?: Sharing;
}

/** A device as the main thread sees it. */
interface WatchedDevice extends SampledDevice {
  readonly about: SessionDevice & Pick<DeviceReport, 'instances' | 'isolation'>;
}

/** One pass over the splits of a job that are not committed yet. */
export class Run {
  readonly #context: RunContext;
  readonly #devices: readonly WatchedDevice[];
  readonly #control: ControlSide;
  readonly #resumed: readonly Part[];
  readonly #deadLetters: DeadLetters;
  readonly #rejections: Rejections;
  readonly #files: FileAccess;
  readonly #warnings: Set<string>;
  readonly #recorded: Promise<void>[] = [];
  #rowsRead = 0;
  #rowsWritten = 0;
  #partsDone: number;
  #failure: { readonly error: unknown } | undefined;

  constructor(context: RunContext) {
    this.#context = context;
    this.#control = new ControlSide(context.ring);
    this.#devices = context.devices.map(({ model: { device }, consumers, ledger }) => ({
      id: device.id,
      about: { ...device, instances: consumers.length, isolation: context.job.model.isolation },
      ledger: new DeviceLedger(ledger, MAIN_OWNER),
    }));
    this.#resumed = [...(context.directory?.committed.values() ?? [])];
    this.#partsDone = this.#resumed.length;
    this.#deadLetters = new DeadLetters(context.job.errors.maxRows, this.#resumed, context.directory?.store);
    const { dataset, job, splits } = context;
    this.#files = { format: dataset.format, storage: accessOf(job.source), filter: dataset.filter };
    const isPlain = job.transform === undefined && this.#deadLetters.rules === undefined;
    this.#rejections = new Rejections(splits, this.#files, isPlain);
    this.#warnings = new Set(context.warnings);
  }

  /** The sink has committed a part. */
  committed(part: Part): void {
    this.#deadLetters.committed(part);
    this.#rejections.forget(part.ordinal);
    this.#rowsWritten += part.rows;
    this.#partsDone++;
    const recorded = this.#context.directory?.record(part);
    if (recorded) this.#recorded.push(recorded.catch((error) => this.#fail(error)));
  }

  /** Drives producers, consumers and sink until all is written; rejects with the first error of any of them. */
  async complete(
    sink: Sink,
    inputs: readonly CollateInput[],
    transform: ProducerContext['transform'],
  ): Promise<Report> {
    const { signal, clocks, devices, producers, consumerClocks, job } = this.#context;
    const onAbort = (): void => this.#fail(this.#interruption());
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    this.#context.directory?.onLost((error) => this.#fail(error));
    const stopProgress = this.#startProgress();
    const { isolation, runTimeoutMs } = job.model;
    // A process that hangs is ended by the thread that uses it, which does not hang.
    const limitMs = isolation === 'process' ? Number.POSITIVE_INFINITY : runTimeoutMs;
    const stopWatch = watchForHangs(consumerClocks, limitMs, (consumer, error) =>
      instances.consumers[consumer]?.abandon(error),
    );
    let giveUp: () => void = () => {};
    const givenUp = new Promise<void>((resolve) => {
      giveUp = resolve;
    });
    const onStuck = (error: StuckError): void => {
      this.#fail(error);
      void settledWithin(working, STUCK_GRACE_MS).then(giveUp);
    };
    const stopWatchdog = watchForStandstill(this.#watched(), job.errors.stuckAfterMs, onStuck);
    const watch = (work: Promise<void>): Promise<void> => work.catch((error) => this.#fail(error));
    const reader = new ClockReader(clocks);
    await using gpus = new GpuSampler(this.#devices.map(({ id }) => id));
    this.#context.sharing?.started(this.#devices);
    const recorder = new TimelineRecorder(this.#devices, this.#context.startedAt);
    let recorded: Timeline;
    const consumers = devices.flatMap((device) => device.consumers);
    const instances = new MoreInstances(consumers, this.#control, {
      start: this.#context.another,
      consume: (consumer) => watch(this.#consume(consumer, sink)),
    });
    const tuner = tune(this.#context, this.#devices, this.#control, instances);
    const working = Promise.all([
      instances.ended(),
      watch(this.#produce(sink, inputs, transform)),
      watch(sink.finished),
    ]).then(() => Promise.all(this.#recorded));
    try {
      await Promise.race([working, givenUp]);
    } finally {
      stopWatchdog();
      recorded = recorder.stop();
      tuner?.stop();
      stopWatch();
      stopProgress();
      signal?.removeEventListener('abort', onAbort);
    }
    if (this.#failure !== undefined) {
      await this.#deadLetters.leave();
      if (this.#devices.some(({ ledger }) => ledger.read().batches > 0)) this.#context.onStopped?.(recorded);
      throw this.#failure.error;
    }
    const totals = new Float64Array(6);
    for (let lane = 0; lane < producers.most; lane++) reader.addTotals(lane, now(), totals);
    const times = this.#devices.map(({ ledger }) => ledger.read());
    const windows = times.map(({ firstStart, lastEnd }) => ({ from: firstStart, to: lastEnd }));
    const utilizations = await gpus.finish(windows);
    const { ring, startedAt, fingerprint, directory, chosen, shard, pinned } = this.#context;
    return reportOf({
      job,
      fingerprint,
      shard,
      ring,
      startedAt,
      endedAt: now(),
      rows: {
        read: this.#rowsRead,
        written: directory === undefined ? 0 : this.#rowsWritten,
        deadLettered: this.#deadLetters.count,
        resumed: this.#resumed.reduce((sum, part) => sum + part.rows, 0),
      },
      devices: this.#devices.map(({ about, ledger }, place) => ({
        about: { ...about, ...(tuner?.tunesInstances && { instances: tuner.setting.instances }) },
        times: times[place] as DeviceTimes,
        runMicros: ledger.runMicros,
        utilization: utilizations[place] ?? null,
      })),
      producers: producerShares(tuner?.setting.producers ?? producers.count, totals),
      timeline: recorded,
      chosen: [...chosen, ...(tuner?.choices ?? []), ...fixedInstances(this.#context.instances)],
      pinned: pinned?.told,
      warnings: [...this.#warnings, ...(pinned?.warnings ?? [])],
    });
  }

  async #consume(consumer: Consumer, sink: Sink): Promise<void> {
    const letters: Promise<void>[] = [];
    const warnings = await consumer.consume((rows) => {
      letters.push(this.#reject(rows, sink).catch((error) => this.#fail(error)));
    });
    for (const warning of warnings) this.#warnings.add(warning);
    await Promise.all(letters);
  }

  /** The model rejects rows: they become dead letters, or where there may be none, an error. */
  async #reject(rows: readonly RejectedRow[], sink: Sink): Promise<void> {
    const { splits } = this.#context;
    for (const rejected of rows) {
      const { split, row } = rejected;
      const letter = await this.#rejections.letter(rejected);
      if (this.#deadLetters.rules === undefined) throw rejectionError(letter);
      const ordinal = splits[split]?.ordinal ?? 0;
      const excess = this.#deadLetters.add({ ordinal, letters: [letter] });
      if (excess !== undefined) throw excess;
      sink.rejected(split, [{ row, letter }]);
    }
  }

  async #produce(
    sink: Sink,
    inputs: readonly CollateInput[],
    transform: ProducerContext['transform'],
  ): Promise<void> {
    const { ring, clocks, job, splits, directory, producers } = this.#context;
    const control = this.#control;
    const context = {
      id: `${process.pid}-${this.#context.startedAt}`,
      ring: ring.memory,
      clocks,
      inputs,
      lengthColumn: job.batch.lengthColumn,
      keep: this.#context.keep ?? (directory === undefined ? [] : job.sink.keep),
      transform,
      badRows: this.#deadLetters.rules,
      files: this.#files,
      splits,
    };
    await producers.produce(context, control, {
      onProduced: (produced) => {
        this.#rowsRead += produced.rowsRead;
        this.#rejections.produced(produced);
        const { ordinal, deadLetters: letters } = produced;
        const excess = this.#deadLetters.add({ ordinal, letters });
        if (excess === undefined) sink.produced(produced);
        else this.#fail(excess);
      },
      onLetters: (letters) => void this.#deadLetters.add(letters),
    });
    if (this.#failure !== undefined) return;
    await control.end();
    sink.end(splits.length);
  }

  /** The first failure counts; everything else in the ring stops because of it. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#control.abort();
    this.#context.sharing?.wake();
    this.#rejections.stop();
  }

  #watched(): WatchedRun {
    const { ring, clocks, consumerClocks, splits, directory } = this.#context;
    return {
      ring,
      producers: clocks,
      consumers: consumerClocks,
      splits,
      output: directory?.uri,
      parts: () => this.#partsDone,
    };
  }

  #interruption(): InterruptedError {
    const { directory, dataset } = this.#context;
    const kept = `${this.#partsDone} of ${dataset.splits.length} parts written`;
    if (directory === undefined) return new InterruptedError('interrupted');
    return new InterruptedError(`interrupted: ${kept} to ${directory.uri}`, {
      hint: 'Run the same command again to go on from there.',
    });
  }

  #startProgress(): () => void {
    const { onProgress, dataset, clocks } = this.#context;
    if (onProgress === undefined) return () => {};
    const sampler = new ProgressSampler(this.#devices, clocks);
    const timer = setInterval(
      () => onProgress(sampler.sample(this.#partsDone, dataset.splits.length)),
      PROGRESS_MS,
    );
    return () => {
      clearInterval(timer);
      onProgress(sampler.sample(this.#partsDone, dataset.splits.length));
    };
  }
}
