import { Worker } from 'node:worker_threads';
import { type ClockPage, createClockPage } from '../clock/state-clock.js';
import type { LoadedModel } from '../consume/types.js';
import { watchForHangs } from '../job/hang-watch.js';
import type { StopFlag } from '../produce/stop-signal.js';
import type { SessionSpec } from '../session/types.js';
import { DeviceError, fromRecord, InternalError } from '../util/errors.js';
import { threadFlags } from '../util/exec-argv.js';
import type { BenchReply, BenchRequest, Kind, RequestOf, ResultOf } from './requests.js';

/** What a bench thread starts with. */
export interface BenchThreadData {
  /** What it loads; undefined for one that only reads. */
  readonly spec: SessionSpec | undefined;
  /** Raised where nobody waits for what it measures any longer. */
  readonly stop: StopFlag;
  /** Its clock, as that of a consumer. */
  readonly clocks: ClockPage;
}

/** The main thread's handle of a thread in which stages are measured. Whoever starts it disposes of it. */
export class BenchThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #loaded: Promise<LoadedModel | undefined>;
  readonly #stopWatch: () => void;
  #waiting: { resolve(reply: BenchReply): void; reject(error: Error): void } | undefined;
  #failure: Error | undefined;
  #gone!: () => void;

  /** @param runTimeoutMs how long a run of the model may take before the device counts as hung */
  constructor(spec: SessionSpec | undefined, stop: StopFlag, runTimeoutMs: number) {
    const data: BenchThreadData = { spec, stop, clocks: createClockPage(1) };
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), {
      workerData: data,
      ...threadFlags(),
    });
    this.#exited = new Promise((resolve) => {
      this.#gone = resolve;
    });
    this.#worker.on('message', (reply: BenchReply) => this.#receive(reply));
    this.#worker.on('error', (cause) =>
      this.#fail(new DeviceError(`the thread that measures failed: ${cause.message}`, { cause })),
    );
    this.#worker.once('exit', (code) => {
      this.#fail(new InternalError(`the thread that measures ended early, with code ${code}`));
      this.#gone();
    });
    this.#stopWatch = watchForHangs(data.clocks, runTimeoutMs, (_, error) => {
      this.#fail(error);
      // It can be ended only with the whole process: nobody need wait for it.
      this.#worker.unref();
      this.#gone();
    });
    this.#loaded = this.#reply().then((reply) => {
      if (reply.kind !== 'loaded')
        throw new InternalError(`a bench thread answered out of turn: ${reply.kind}`);
      return reply.model;
    });
    this.#loaded.catch(() => {});
  }

  /** The model, once the thread is up; undefined where it has none. */
  loaded(): Promise<LoadedModel | undefined> {
    return this.#loaded;
  }

  /** Has it measure something; one thing at a time. */
  async ask<K extends Kind>(kind: K, request: RequestOf<K>): Promise<ResultOf<K>> {
    await this.#loaded;
    this.#worker.postMessage({ kind, request } as BenchRequest);
    const reply = await this.#reply();
    if (reply.kind !== 'done') throw new InternalError(`a bench thread answered out of turn: ${reply.kind}`);
    return reply.result as ResultOf<K>;
  }

  #receive(reply: BenchReply): void {
    if (reply.kind === 'failed') {
      this.#fail(fromRecord(reply.error));
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(reply);
  }

  /** The first failure is the one that counts. */
  #fail(error: Error): void {
    this.#failure ??= error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#failure);
  }

  #reply(): Promise<BenchReply> {
    return new Promise((resolve, reject) => {
      if (this.#failure === undefined) this.#waiting = { resolve, reject };
      else reject(this.#failure);
    });
  }

  /** Ends with the thread, once what it measures is over or was stopped. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#worker.postMessage({ kind: 'stop' } satisfies BenchRequest);
    await this.#exited;
    this.#stopWatch();
  }
}
