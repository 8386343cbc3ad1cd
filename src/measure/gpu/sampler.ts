import { Worker } from 'node:worker_threads';
import { threadFlags } from '../../util/exec-argv.js';
import { isGpu } from './match.js';
import type { SummaryReply, SummaryRequest } from './thread.js';
import type { GpuUtilization } from './types.js';

/** A driver that hangs must not hold up the report. */
const ANSWER_MS = 3000;

/**
 * The main thread's handle of the thread that asks the GPUs while a job runs. What goes wrong in it costs the numbers,
 * never the job.
 */
export class GpuSampler {
  readonly #deviceIds: readonly string[];
  readonly #worker: Worker | undefined;
  readonly #exited: Promise<void>;

  /** `deviceIds`: as sessions name their devices; where none is a GPU, no thread is started. */
  constructor(deviceIds: readonly string[]) {
    this.#deviceIds = deviceIds;
    if (!deviceIds.some(isGpu)) {
      this.#exited = Promise.resolve();
      return;
    }
    const worker = new Worker(new URL('./thread.js', import.meta.url), {
      workerData: deviceIds,
      ...threadFlags(),
    });
    this.#worker = worker;
    worker.on('error', () => {});
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve()));
    // A driver that hangs does not keep the process alive.
    worker.unref();
  }

  /**
   * What each device's GPU said of itself in its window, in microseconds of `now()`, and null where it said nothing:
   * windows and answers in the order of `deviceIds`. Ends the thread.
   */
  async finish(windows: SummaryRequest): Promise<SummaryReply> {
    const nothing = this.#deviceIds.map(() => null);
    const worker = this.#worker;
    if (worker === undefined) return nothing;
    let timer: NodeJS.Timeout | undefined;
    const reply = await Promise.race([
      new Promise<readonly (GpuUtilization | null)[]>((resolve) => worker.once('message', resolve)),
      this.#exited.then(() => nothing),
      new Promise<typeof nothing>((resolve) => {
        timer = setTimeout(resolve, ANSWER_MS, nothing);
        worker.postMessage(windows);
      }),
    ]);
    clearTimeout(timer);
    return reply;
  }

  /** Ends the thread, if it has not ended, and waits for it as long as for an answer. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#worker === undefined) return;
    // Asked a second time, it does not mind.
    this.#worker.postMessage([] satisfies SummaryRequest);
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      this.#exited,
      new Promise((resolve) => {
        timer = setTimeout(resolve, ANSWER_MS);
      }),
    ]);
    clearTimeout(timer);
  }
}
