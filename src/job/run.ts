import { DeviceLedger, type DeviceTimes, type LedgerMemory } from '../clock/device-ledger.js';
import { now } from '../clock/now.js';
import { type ClockPage, ClockReader } from '../clock/state-clock.js';
import type { Dataset, Split } from '../dataset/types.js';
import { GpuSampler } from '../measure/gpu/sampler.js';
import type { GpuUtilization } from '../measure/gpu/types.js';
import { type Progress, ProgressSampler, type SampledDevice } from '../measure/progress.js';
import {
  adviceOn,
  bottleneckOf,
  type DeviceReport,
  producerShares,
  type Report,
  round,
  sharesOf,
  together,
} from '../measure/report.js';
import type { Producers } from '../produce/producers.js';
import type { ProducerContext } from '../produce/types.js';
import type { CollateInput } from '../produce/writer.js';
import { ControlSide } from '../ring/control-side.js';
import { MAIN_OWNER, type Ring } from '../ring/ring.js';
import type { SessionDevice } from '../session/types.js';
import type { OutputDirectory } from '../sink/output-directory.js';
import type { Sink } from '../sink/sink.js';
import type { Part } from '../sink/types.js';
import { bytesOf } from '../util/dtype.js';
import { InterruptedError } from '../util/errors.js';
import { accessOf } from './access.js';
import { DeadLetters } from './dead-letters.js';
import type { Job } from './schema.js';
import type { JobDevice } from './sessions.js';

/** How often progress is reported. */
const PROGRESS_MS = 500;

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
  readonly dataset: Dataset;
  /** Those that are not committed yet. */
  readonly splits: readonly Split[];
  readonly directory: OutputDirectory | undefined;
  readonly producers: Producers;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly fingerprint: string;
  readonly startedAt: number;
}

/** A device as the main thread sees it. */
interface WatchedDevice extends SampledDevice {
  readonly about: SessionDevice & Pick<DeviceReport, 'instances'>;
}

/** One pass over the splits of a job that are not committed yet. */
export class Run {
  readonly #context: RunContext;
  readonly #devices: readonly WatchedDevice[];
  readonly #control: ControlSide;
  readonly #resumed: readonly Part[];
  readonly #deadLetters: DeadLetters;
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
      about: { ...device, instances: consumers.length },
      ledger: new DeviceLedger(ledger, MAIN_OWNER),
    }));
    this.#resumed = [...(context.directory?.committed.values() ?? [])];
    this.#partsDone = this.#resumed.length;
    this.#deadLetters = new DeadLetters(context.job.errors.maxRows, this.#resumed, context.directory?.path);
  }

  /** The sink has committed a part. */
  committed(part: Part): void {
    this.#deadLetters.committed(part);
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
    const { signal, clocks, devices, producers } = this.#context;
    const onAbort = (): void => this.#fail(this.#interruption());
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    const stopProgress = this.#startProgress();
    const watch = (work: Promise<void>): Promise<void> => work.catch((error) => this.#fail(error));
    const reader = new ClockReader(clocks);
    await using gpus = new GpuSampler(this.#devices.map(({ id }) => id));
    try {
      await Promise.all([
        ...devices.flatMap(({ consumers }) => consumers.map((consumer) => watch(consumer.consume()))),
        watch(this.#produce(sink, inputs, transform)),
        watch(sink.finished),
      ]);
      await Promise.all(this.#recorded);
    } finally {
      stopProgress();
      signal?.removeEventListener('abort', onAbort);
    }
    if (this.#failure !== undefined) {
      await this.#deadLetters.leave();
      throw this.#failure.error;
    }
    const totals = new Float64Array(6);
    for (let lane = 0; lane < producers.count; lane++) reader.addTotals(lane, now(), totals);
    const times = this.#devices.map(({ ledger }) => ledger.read());
    const windows = times.map(({ firstStart, lastEnd }) => ({ from: firstStart, to: lastEnd }));
    const utilizations = await gpus.finish(windows);
    const reports = this.#devices.map((device, place) =>
      deviceReport(device, times[place] as DeviceTimes, utilizations[place] ?? null),
    );
    return this.#report(totals, together(times), reports);
  }

  async #produce(
    sink: Sink,
    inputs: readonly CollateInput[],
    transform: ProducerContext['transform'],
  ): Promise<void> {
    const { ring, clocks, job, dataset, splits, directory, producers } = this.#context;
    const control = this.#control;
    const context = {
      id: `${process.pid}-${this.#context.startedAt}`,
      ring: ring.memory,
      clocks,
      inputs,
      lengthColumn: job.batch.lengthColumn,
      keep: directory === undefined ? [] : job.sink.keep,
      transform,
      badRows: this.#deadLetters.rules,
      files: { format: dataset.format, storage: accessOf(job.source), filter: dataset.filter },
      splits,
    };
    await producers.produce(context, control, {
      onProduced: (produced) => {
        this.#rowsRead += produced.rowsRead;
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
  }

  #interruption(): InterruptedError {
    const { directory, dataset } = this.#context;
    const kept = `${this.#partsDone} of ${dataset.splits.length} parts written`;
    if (directory === undefined) return new InterruptedError('interrupted');
    return new InterruptedError(`interrupted: ${kept} to ${directory.path}`, {
      hint: 'Run the same command again to go on from there.',
    });
  }

  #startProgress(): () => void {
    const { onProgress, dataset } = this.#context;
    if (onProgress === undefined) return () => {};
    const sampler = new ProgressSampler(this.#devices);
    const timer = setInterval(
      () => onProgress(sampler.sample(this.#partsDone, dataset.splits.length)),
      PROGRESS_MS,
    );
    return () => {
      clearInterval(timer);
      onProgress(sampler.sample(this.#partsDone, dataset.splits.length));
    };
  }

  /** `times`: of all devices together. */
  #report(producerTotals: Float64Array, times: DeviceTimes, devices: readonly DeviceReport[]): Report {
    const { job, ring, startedAt, producers, fingerprint, directory, warnings } = this.#context;
    const shares = sharesOf(times);
    const producing = producerShares(producers.count, producerTotals);
    const bottleneck = bottleneckOf(shares, producing.blocked);
    const endedAt = now();
    const seconds = (endedAt - startedAt) / 1e6;
    const ran = times.firstStart > 0;
    const rowBytes = ring.layout.inputs.reduce(
      (sum, { rowSize, dtype }) => sum + rowSize * bytesOf(dtype),
      0,
    );
    return {
      job: job.name,
      status: 'completed',
      fingerprint,
      rows: {
        read: this.#rowsRead,
        written: directory === undefined ? 0 : this.#rowsWritten,
        deadLettered: this.#deadLetters.count,
        resumed: this.#resumed.reduce((sum, part) => sum + part.rows, 0),
      },
      batches: {
        count: times.batches,
        meanRows: times.batches > 0 ? round(times.rows / times.batches, 3) : 0,
        fill: times.capacity > 0 ? round(times.rows / times.capacity) : 0,
        paddingWaste: times.paddedTokens > 0 ? round(1 - times.tokens / times.paddedTokens) : 0,
      },
      seconds: round(seconds),
      startupSeconds: ran ? round((times.firstStart - startedAt) / 1e6) : round(seconds),
      drainSeconds: ran ? round((endedAt - times.lastEnd) / 1e6) : 0,
      throughput: {
        rowsPerSecond: round(times.rows / seconds, 1),
        inputBytesPerSecond: Math.round((times.rows * rowBytes) / seconds),
      },
      devices,
      producers: producing,
      memory: {
        ringBytes: ring.memory.arena.byteLength,
        peakRssBytes: process.resourceUsage().maxRSS * 1024,
      },
      bottleneck,
      advice: adviceOn(bottleneck, shares, devices.length),
      warnings,
    };
  }
}

function deviceReport(
  { about, ledger: { runMicros } }: WatchedDevice,
  times: DeviceTimes,
  utilization: GpuUtilization | null,
): DeviceReport {
  return {
    ...about,
    batches: times.batches,
    rows: times.rows,
    ...sharesOf(times),
    runMs: {
      p50: round(runMicros.quantile(0.5) / 1000, 3),
      p99: round(runMicros.quantile(0.99) / 1000, 3),
    },
    utilization,
  };
}
