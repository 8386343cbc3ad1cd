import { now } from '../clock/now.js';
import { createClockPage } from '../clock/state-clock.js';
import type { Dataset, Split } from '../dataset/types.js';
import { runOver } from '../job/run-job.js';
import type { Job } from '../job/schema.js';
import { sinkTarget } from '../job/sink.js';
import type { Report } from '../measure/report.js';
import { raise, type StopFlag } from '../produce/stop-signal.js';
import { ControlSide } from '../ring/control-side.js';
import { createRingMemory, MAIN_OWNER, Ring } from '../ring/ring.js';
import type { SessionSpec } from '../session/types.js';
import type { SinkTarget } from '../sink/types.js';
import { BenchThread } from './bench-thread.js';
import type { DeviceResult, FillResult, LoopRequest, LoopResult, WriteResult } from './requests.js';
import type { Scratch } from './scratch.js';
import { steadyPart } from './steady.js';
import { repeated, type Subject, withNullModel } from './subject.js';

/** Slots of real batches that a device's ceiling is measured with, for each bucket. */
const HOT_SLOTS = 8;

/** How much longer threads that begin together are given to do so, microseconds. */
const TOGETHER_MICROS = 20_000;

/** Splits that a stage works through, and how often. */
export interface Load {
  readonly splits: readonly Split[];
  readonly passes: number;
}

/** A stage whose run was that of a job. */
export interface Reported {
  /** In steady state. */
  readonly rowsPerSecond: number;
  /** Of all the run, from its first batch on. */
  readonly rows: number;
  readonly seconds: number;
  readonly report: Report;
}

/** Measures the stages of a subject alone, one at a time. Owns the threads that read. */
export class Stages implements AsyncDisposable {
  readonly #subject: Subject;
  readonly #scratch: Scratch | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #stop: StopFlag;
  readonly #dataset: Subject['dataset'];
  readonly #readers: BenchThread[] = [];

  constructor(
    subject: Subject,
    scratch: Scratch | undefined,
    { signal, stop }: { readonly signal: AbortSignal | undefined; readonly stop: StopFlag },
  ) {
    this.#subject = subject;
    this.#scratch = scratch;
    this.#signal = signal;
    this.#stop = stop;
    this.#dataset = subject.dataset;
  }

  /** Reads as so many producers do, and decodes nothing. */
  async storage(
    { splits, passes }: Load,
    producers: number,
  ): Promise<{ readonly bytes: number; readonly seconds: number }> {
    const { work, job } = this.#subject;
    const dataset = repeated(this.#dataset, splits, passes);
    const memory = createRingMemory(work.layout, {
      slots: 2,
      lanes: producers,
      splits: dataset.splits.length,
      maxDelayMicros: Number.POSITIVE_INFINITY,
      fixedOrder: false,
    });
    const control = new ControlSide(new Ring(memory, MAIN_OWNER));
    const onAbort = (): void => control.abort();
    this.#signal?.addEventListener('abort', onAbort, { once: true });
    if (this.#signal?.aborted) onAbort();
    const context = {
      ...work.reading,
      id: `storage-${now()}`,
      ring: memory,
      clocks: createClockPage(producers),
      splits: dataset.splits,
    };
    const { runTimeoutMs } = job.model;
    while (this.#readers.length < producers) {
      this.#readers.push(new BenchThread(undefined, this.#stop, runTimeoutMs));
    }
    const threads = new Threads(this.#readers.slice(0, producers));
    try {
      await threads.loaded();
      const read = await threads.all((thread, lane) => thread.ask('read', { context, lane }));
      const startedAt = Math.min(...read.map((lane) => lane.startedAt));
      const endedAt = Math.max(...read.map((lane) => lane.endedAt));
      return { bytes: read.reduce((sum, { bytes }) => sum + bytes, 0), seconds: (endedAt - startedAt) / 1e6 };
    } finally {
      this.#signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Reads, decodes, transforms and collates into the ring, out of which a model takes batches that does nothing. */
  async loader(load: Load, producers = this.#subject.job.producers): Promise<Reported> {
    const job = withNullModel(this.#subject, producers);
    // What is kept is carried over, though it is not written: it costs the producers as much.
    const report = await this.#run(job, load, { keep: this.#subject.work.reading.keep });
    return reported(report, 'lastBatch');
  }

  /** All of it, into a directory of its own. The time is from the first batch on until all is written. */
  async pipeline(load: Load, job = this.#subject.job): Promise<Reported> {
    const directory = job.sink.format === 'none' ? undefined : this.#scratch?.directory();
    try {
      const uri = directory === undefined ? {} : { uri: directory };
      const report = await this.#run({ ...job, sink: { ...job.sink, ...uri } }, load);
      return reported(report, 'written');
    } finally {
      if (directory !== undefined) await this.#scratch?.remove(directory);
    }
  }

  #run(
    job: Job,
    { splits, passes }: Load,
    options: { readonly keep?: readonly string[] } = {},
  ): Promise<Report> {
    const signal = this.#signal;
    const open = async (): Promise<Dataset> => repeated(this.#dataset, splits, passes);
    return runOver(job, open, { ...options, ...(signal && { signal }) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    raise(this.#stop);
    await new Threads(this.#readers)[Symbol.asyncDispose]();
  }

  /** Threads with a session each. */
  async sessions(specs: readonly SessionSpec[]): Promise<SessionThreads> {
    const { runTimeoutMs } = this.#subject.job.model;
    const threads = new SessionThreads(
      this.#subject,
      specs.map((spec) => new BenchThread(spec, this.#stop, runTimeoutMs)),
      this.#scratch,
    );
    try {
      await threads.loaded();
      return threads;
    } catch (error) {
      raise(this.#stop);
      await threads[Symbol.asyncDispose]();
      throw error;
    }
  }
}

/** Threads that work at the same time. */
class Threads implements AsyncDisposable {
  protected readonly threads: readonly BenchThread[];

  constructor(threads: readonly BenchThread[]) {
    this.threads = threads;
  }

  async loaded(): Promise<void> {
    await this.all((thread) => thread.loaded());
  }

  /** Has all of them do something; rejects with the first error once all are done. */
  async all<T>(work: (thread: BenchThread, index: number) => Promise<T>): Promise<T[]> {
    const results = await Promise.allSettled(this.threads.map(work));
    return results.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread[Symbol.asyncDispose]()));
  }
}

/** Threads with sessions, as those of the consumers, and what is measured in them. */
export class SessionThreads extends Threads {
  readonly #subject: Subject;
  readonly #scratch: Scratch | undefined;

  constructor(subject: Subject, threads: readonly BenchThread[], scratch: Scratch | undefined) {
    super(threads);
    this.#subject = subject;
    this.#scratch = scratch;
  }

  get #first(): BenchThread {
    const [first] = this.threads;
    if (first === undefined) throw new RangeError('no thread');
    return first;
  }

  /** Slots of real batches, in each thread. */
  async fill(splits: readonly Split[]): Promise<FillResult> {
    const { work, plan } = this.#subject;
    const { buckets } = work.layout;
    // How many there are of each bucket is what the ceiling of all goes by.
    const most = buckets.length > 1 ? plan.slots.most : plan.slots.begin;
    const slots = Math.min(HOT_SLOTS * buckets.length, most);
    const [filled] = await this.all((thread) => thread.ask('fill', { work, splits, slots }));
    return filled as FillResult;
  }

  /** The filled slots, in all threads at the same time: rows a second of all together, and each run. */
  async replay(
    seconds: number,
  ): Promise<{ readonly rowsPerSecond: number; readonly runMs: readonly number[] }> {
    const startAt = now() + TOGETHER_MICROS;
    const results = await this.all((thread) => thread.ask('replay', { seconds, startAt }));
    return {
      rowsPerSecond: results.reduce((sum, result) => sum + result.rows / result.seconds, 0),
      runMs: results.flatMap(({ runMs }) => runMs),
    };
  }

  /** Batches of `rows` rows, in one thread. */
  point(rows: number, seconds: number): Promise<DeviceResult> {
    return this.#first.ask('point', { rows, seconds });
  }

  /** One thing after another, in one thread. */
  async loop({ splits, passes }: Load, limits: Pick<LoopRequest, 'seconds' | 'warmUp'>): Promise<LoopResult> {
    const { work, dataset } = this.#subject;
    const all = repeated(dataset, splits, passes).splits;
    return this.#writing((target) => this.#first.ask('loop', { work, target, splits: all, ...limits }));
  }

  /** The sink alone, with the outputs of the loop before. Undefined where nothing is written. */
  async write(seconds: number, rowsOfPart: number): Promise<WriteResult | undefined> {
    return this.#writing(async (target) =>
      target === undefined ? undefined : this.#first.ask('write', { target, seconds, rowsOfPart }),
    );
  }

  async #writing<T>(work: (target: SinkTarget | undefined) => Promise<T>): Promise<T> {
    const { sink } = this.#subject.job;
    const scratch = this.#scratch;
    if (scratch === undefined || sink.format === 'none') return work(undefined);
    const uri = scratch.directory();
    try {
      return await work(sinkTarget({ ...sink, uri }));
    } finally {
      await scratch.remove(uri);
    }
  }
}

function reported(report: Report, until: Parameters<typeof steadyPart>[1]): Reported {
  const { seconds, startupSeconds, drainSeconds, batches } = report;
  const steady = steadyPart(report, until);
  return {
    report,
    rowsPerSecond: steady.rows / steady.seconds,
    rows: Math.round(batches.count * batches.meanRows),
    seconds: seconds - startupSeconds - (until === 'written' ? 0 : drainSeconds),
  };
}
