import { DeviceLedger, type LedgerMemory } from '../clock/device-ledger.js';
import { now } from '../clock/now.js';
import { type ClockPage, ClockReader } from '../clock/state-clock.js';
import type { Consumer } from '../consume/consumer.js';
import type { LoadedModel } from '../consume/types.js';
import type { Dataset, Split } from '../dataset/types.js';
import { GpuSampler } from '../measure/gpu/sampler.js';
import type { GpuUtilization } from '../measure/gpu/types.js';
import { type Progress, ProgressSampler } from '../measure/progress.js';
import {
  adviceOn,
  bottleneckOf,
  type DeviceReport,
  producerShares,
  type Report,
  round,
  sharesOf,
} from '../measure/report.js';
import type { Producers } from '../produce/producers.js';
import type { ProducerContext } from '../produce/types.js';
import type { CollateInput } from '../produce/writer.js';
import { ControlSide } from '../ring/control-side.js';
import { MAIN_OWNER, type Ring } from '../ring/ring.js';
import type { OutputDirectory } from '../sink/output-directory.js';
import type { Sink } from '../sink/sink.js';
import type { Part } from '../sink/types.js';
import { bytesOf } from '../util/dtype.js';
import { InterruptedError } from '../util/errors.js';
import { accessOf } from './access.js';
import { DeadLetters } from './dead-letters.js';
import type { Job } from './schema.js';

/** How often progress is reported. */
const PROGRESS_MS = 500;

/** What a run works with; its threads are started, and ended, by the pipeline. */
export interface RunContext {
  readonly job: Job;
  readonly model: LoadedModel;
  readonly ring: Ring;
  readonly clocks: ClockPage;
  readonly ledger: LedgerMemory;
  readonly dataset: Dataset;
  /** Those that are not committed yet. */
  readonly splits: readonly Split[];
  readonly directory: OutputDirectory | undefined;
  readonly producers: Producers;
  readonly consumers: readonly Consumer[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly fingerprint: string;
  readonly startedAt: number;
}

/** One pass over the splits of a job that are not committed yet. */
export class Run {
  readonly #context: RunContext;
  readonly #ledger: DeviceLedger;
  readonly #control: ControlSide;
  readonly #resumed: readonly Part[];
  readonly #deadLetters: DeadLetters;
  readonly #recorded: Promise<void>[] = [];
  readonly #warnings: string[] = [];
  #rowsRead = 0;
  #rowsWritten = 0;
  #partsDone: number;
  #failure: { readonly error: unknown } | undefined;

  constructor(context: RunContext) {
    this.#context = context;
    this.#control = new ControlSide(context.ring);
    this.#ledger = new DeviceLedger(context.ledger, MAIN_OWNER);
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
    const { signal, clocks, consumers, producers } = this.#context;
    const onAbort = (): void => this.#fail(this.#interruption());
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    const stopProgress = this.#startProgress();
    const watch = (work: Promise<void>): Promise<void> => work.catch((error) => this.#fail(error));
    const reader = new ClockReader(clocks);
    await using gpus = new GpuSampler([this.#context.model.device.id]);
    try {
      await Promise.all([
        ...consumers.map((consumer) => watch(this.#consume(consumer))),
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
    const { firstStart, lastEnd } = this.#ledger.read();
    const [utilization = null] = await gpus.finish({ from: firstStart, to: lastEnd });
    return this.#report(totals, utilization);
  }

  async #consume(consumer: Consumer): Promise<void> {
    this.#warnings.push(...(await consumer.consume()));
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
    const sampler = new ProgressSampler(this.#ledger);
    const timer = setInterval(
      () => onProgress(sampler.sample(this.#partsDone, dataset.splits.length)),
      PROGRESS_MS,
    );
    return () => {
      clearInterval(timer);
      onProgress(sampler.sample(this.#partsDone, dataset.splits.length));
    };
  }

  #report(producerTotals: Float64Array, utilization: GpuUtilization | null): Report {
    const { job, ring, startedAt, producers, fingerprint, model, directory } = this.#context;
    const times = this.#ledger.read();
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
      devices: [{ ...this.#deviceReport(model, shares), utilization }],
      producers: producing,
      memory: {
        ringBytes: ring.memory.arena.byteLength,
        peakRssBytes: process.resourceUsage().maxRSS * 1024,
      },
      bottleneck,
      advice: adviceOn(bottleneck, shares),
      warnings: [...model.warnings, ...this.#warnings],
    };
  }

  #deviceReport(
    { device }: LoadedModel,
    shares: ReturnType<typeof sharesOf>,
  ): Omit<DeviceReport, 'utilization'> {
    const { runMicros } = this.#ledger;
    return {
      ...device,
      instances: this.#context.consumers.length,
      isolation: this.#context.job.model.isolation,
      ...shares,
      runMs: {
        p50: round(runMicros.quantile(0.5) / 1000, 3),
        p99: round(runMicros.quantile(0.99) / 1000, 3),
      },
    };
  }
}
