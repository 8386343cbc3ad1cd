import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { ControlSide, UnfinishedSplit } from '../ring/control-side.js';
import { DeviceError, fromRecord, messageOf } from '../util/errors.js';
import { threadFlags } from '../util/exec-argv.js';
import { settledWithin } from '../util/grace.js';
import { threadFile } from '../util/thread-file.js';
import type { SplitLetters } from './bad-rows.js';
import { areRemote } from './read-ahead.js';
import type { Sample, SampleResult, SampleTask } from './sample-types.js';
import { createStopFlag, raise } from './stop-signal.js';
import { loadsModules } from './transform-imports.js';
import type { ProducedSplit, ProduceResult, ProducerContext, ProduceTask } from './types.js';

/** How often a split is tried before its producers' deaths are taken for its fault. */
const MAX_ATTEMPTS = 3;

/** How long threads that were told to stop may take to let go of remote storage. */
const GRACE_MS = 30_000;
type Pool = Piscina<ProduceTask, ProduceResult>;

/** What is told of splits while they are produced. */
export interface ProduceListener {
  /** Called once for each split, in the order of completion. */
  onProduced(produced: ProducedSplit): void;
  /** Of a split that is not completed since it has too many bad rows: those that were found. */
  onLetters?(letters: SplitLetters): void;
}

/** The pool of producer threads. Whoever starts it closes it. */
export class Producers {
  readonly #pool: Pool;
  /** Whether the threads share modules with a transform. */
  readonly #isShared: boolean;
  /** Those that it begins with; … */
  readonly count: number;
  /** … and that it may have. */
  readonly most: number;
  /** What must be over before the threads may end. */
  #reading: Promise<unknown> = Promise.resolve();
  /** A thread that is ended while it loads its modules takes the process with it, on Node 20. */
  readonly #up = new Map<Worker, Promise<void>>();

  /** Starts lanes of the stream that is being produced, up to this many. */
  #startUpTo: (lanes: number) => void = () => {};
  /** Lanes that there should be, while they are started a few at a time. */
  #wanted = 0;
  #isGrowing = false;

  /**
   * Starts the threads at once, so that they are up when the ring is.
   *
   * @param most threads that there may be later on: see `grow`
   * @param transform the module that runs in them, if any: where it may load apache-arrow, that must be one copy for it and us
   */
  constructor(count: number, most: number, transform: string | undefined) {
    this.count = count;
    this.most = Math.max(count, most);
    this.#isShared = transform !== undefined && loadsModules(transform);
    this.#pool = new Piscina({
      filename: this.#fileOf('task').href,
      minThreads: count,
      maxThreads: this.most,
      ...threadFlags(),
    });
    this.#watchNewThreads();
  }

  /**
   * Produces all splits of a stream, in about their order, `count` at a time; resolves when all rows are in the ring.
   *
   * @throws the first error of any producer; the others stop at the ring's abort, which is the caller's to call
   */
  async produce(context: ProducerContext, control: ControlSide, listener: ProduceListener): Promise<void> {
    const seen = new Set<number>();
    // A producer that died right after it had told of a split is followed by one that tells of it again.
    const receive: ProduceListener['onProduced'] = (produced) => {
      if (seen.has(produced.split)) return;
      seen.add(produced.split);
      listener.onProduced(produced);
    };
    const once = { ...listener, onProduced: receive };
    const lanes = new Map<number, Promise<void>>();
    let failure: { readonly error: unknown } | undefined;
    this.#startUpTo = (count) => {
      for (let lane = 0; lane < count; lane++) {
        if (lanes.has(lane)) continue;
        const ended = new Lane(this.#pool, context, lane, control, once)
          .run()
          .catch((error: unknown) => {
            failure ??= { error };
          })
          .finally(() => lanes.delete(lane));
        lanes.set(lane, ended);
      }
      this.#watchNewThreads();
      // A thread that ends while it reads remote storage takes the process with it.
      if (areRemote(context.splits)) this.#reading = Promise.all(lanes.values());
    };
    this.#startUpTo(this.count);
    // More may be started meanwhile.
    while (lanes.size > 0 && failure === undefined) await Promise.race(lanes.values());
    this.#startUpTo = () => {};
    if (failure !== undefined) throw failure.error;
  }

  #fileOf(name: 'task' | 'sample'): URL {
    const module = new URL(`./${name}.js`, import.meta.url);
    return this.#isShared ? module : threadFile(name, module);
  }

  #watchNewThreads(): void {
    for (const thread of this.#pool.threads) {
      if (!this.#up.has(thread)) this.#up.set(thread, isUp(thread));
    }
  }

  /**
   * Starts those lanes of the stream below `lanes` that are not at work, as many at a time as there are cores: starting is
   * all computing, so that all at once would all be late. The ring has to let them take splits.
   */
  grow(lanes: number): void {
    this.#wanted = Math.min(lanes, this.most);
    if (!this.#isGrowing) void this.#growAFewAtATime();
  }

  async #growAFewAtATime(): Promise<void> {
    this.#isGrowing = true;
    // Those that ended while they had a thread take up their work without another.
    for (let up = this.#pool.threads.length; up < this.#wanted; ) {
      up = Math.min(up + availableParallelism(), this.#wanted);
      this.#startUpTo(up);
      await Promise.all(this.#up.values());
    }
    this.#startUpTo(this.#wanted);
    this.#isGrowing = false;
  }

  /**
   * Tries a transform on the first rows of a source, to learn what its columns are.
   *
   * @throws what the transform, or reading, fails with; InterruptedError after `signal`, which ends the thread
   */
  async sample(task: Omit<SampleTask, 'stop'>, signal: AbortSignal | undefined): Promise<Sample> {
    const { href: filename } = this.#fileOf('sample');
    const pool = this.#pool as unknown as Piscina<SampleTask, SampleResult>;
    const stop = createStopFlag();
    const onAbort = (): void => raise(stop);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    const running = pool.run({ ...task, stop }, { filename }).catch((cause: unknown) => {
      throw new DeviceError(`the thread that tried the transform ended: ${messageOf(cause)}`, { cause });
    });
    try {
      const result = await running;
      if ('error' in result) throw fromRecord(result.error);
      return result;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the threads. They must have been told to stop: a thread that waits in the ring would be cut off. */
  async close(): Promise<void> {
    await settledWithin(this.#reading, GRACE_MS);
    for (const thread of this.#pool.threads) thread.ref();
    await Promise.all(this.#up.values());
    await this.#pool.destroy();
  }
}

/** Resolves when a thread has come up, or is gone. */
function isUp(thread: Worker): Promise<void> {
  return new Promise((resolve) => {
    for (const news of ['message', 'error', 'exit']) thread.once(news, () => resolve());
  });
}

/** One of the concurrent producers of a stream: a task, and another one wherever its thread dies. */
class Lane {
  readonly #pool: Pool;
  readonly #context: ProducerContext;
  readonly #lane: number;
  readonly #control: ControlSide;
  readonly #listener: ProduceListener;
  /** Deaths by the split that was at work; −1 where none was. */
  readonly #deaths = new Map<number, number>();

  constructor(
    pool: Pool,
    context: ProducerContext,
    lane: number,
    control: ControlSide,
    listener: ProduceListener,
  ) {
    this.#pool = pool;
    this.#context = context;
    this.#lane = lane;
    this.#control = control;
    this.#listener = listener;
  }

  async run(): Promise<void> {
    let unfinished: readonly UnfinishedSplit[] = [];
    for (;;) {
      const result = await this.#attempt(unfinished);
      if (result === undefined) return;
      // What is wrong with the data, or with the world, would be wrong again.
      if ('error' in result && result.error.code !== 'INTERNAL') {
        if (result.letters !== undefined) this.#listener.onLetters?.(result.letters);
        throw fromRecord(result.error);
      }
      // The thread is gone, or gave up in the middle. What it had committed stays; the rest is produced again.
      unfinished = await this.#control.recover(this.#lane);
      this.#count(unfinished[0]?.split ?? -1, 'error' in result ? fromRecord(result.error) : result.death);
    }
  }

  async #attempt(
    unfinished: readonly UnfinishedSplit[],
  ): Promise<ProduceResult | { readonly death: unknown }> {
    const { port1, port2 } = new MessageChannel();
    const receive = (produced: ProducedSplit): void => this.#listener.onProduced(produced);
    port1.on('message', receive);
    const task: ProduceTask = { context: this.#context, lane: this.#lane, unfinished, port: port2 };
    const result = await this.#pool
      .run(task, { transferList: [port2] })
      .catch((death: unknown) => ({ death }));
    drain(port1, receive);
    port1.close();
    return result;
  }

  #count(split: number, cause: unknown): void {
    const deaths = (this.#deaths.get(split) ?? 0) + 1;
    this.#deaths.set(split, deaths);
    if (deaths < MAX_ATTEMPTS) return;
    const { object, first, count } = this.#context.splits[split] ?? {};
    if (object === undefined) {
      throw new DeviceError(`a producer's thread failed ${deaths} times: ${messageOf(cause)}`, { cause });
    }
    throw new DeviceError(
      `${object.uri}: the thread that reads record batches ${first} to ${Number(first) + Number(count) - 1} ` +
        `failed ${deaths} times: ${messageOf(cause)}`,
      { file: object.uri, cause },
    );
  }
}

/** Messages that were sent and not delivered yet. */
function drain(port: MessagePort, receive: (produced: ProducedSplit) => void): void {
  for (let news = receiveMessageOnPort(port); news !== undefined; news = receiveMessageOnPort(port)) {
    receive(news.message as ProducedSplit);
  }
}
