import { Worker } from 'node:worker_threads';
import { now } from '../../clock/now.js';
import { threadFlags } from '../../util/exec-argv.js';

/*
 * Timers of an event loop are whole milliseconds, longer than many a request takes. So a thread of its own sleeps until the
 * next request is due, to some 60 microseconds, and wakes the loop that sends it.
 */

/** Words that the two threads share. */
export const TickWord = {
  /** How many requests are due by now. */
  due: 0,
  /** Raised where nobody wants to know any longer. */
  stop: 1,
  /** Raised when the time begins. */
  go: 2,
} as const;
const WORDS = 3;

export interface TickerData {
  readonly words: Int32Array;
  /** When it begins, microseconds of `now()`, once `go` is raised. */
  readonly startsAt: Float64Array;
  /** Microseconds from then on, ascending. */
  readonly times: Float64Array;
}

/** So long after the thread is ready does the time begin. */
const HEAD_START_MICROS = 20_000;

/** Tells when requests are due. Whoever starts it disposes of it. */
export class Ticker implements AsyncDisposable {
  readonly #data: TickerData;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;

  private constructor(times: Float64Array) {
    this.#data = {
      words: new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT)),
      startsAt: new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)),
      times,
    };
    this.#worker = new Worker(new URL('./ticker-thread.js', import.meta.url), {
      workerData: this.#data,
      ...threadFlags(),
    });
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
  }

  /** @param times microseconds from the start, ascending */
  static async start(times: Float64Array): Promise<Ticker> {
    const ticker = new Ticker(times);
    await new Promise<void>((resolve, reject) => {
      ticker.#worker.once('message', () => resolve());
      ticker.#worker.once('error', reject);
    });
    return ticker;
  }

  /** Lets the time begin; returns when that is, microseconds of `now()`. */
  go(): number {
    const { words, startsAt } = this.#data;
    startsAt[0] = now() + HEAD_START_MICROS;
    Atomics.store(words, TickWord.go, 1);
    Atomics.notify(words, TickWord.go);
    return startsAt[0];
  }

  /** Resolves once more are due than `seen`, or it is stopped, with how many are. The event loop has had a turn. */
  async more(seen: number): Promise<number> {
    const { words } = this.#data;
    const wait = Atomics.waitAsync(words, TickWord.due, seen);
    if (wait.async) await wait.value;
    // Who is behind must not forget to listen to answers.
    else await new Promise((resolve) => setImmediate(resolve));
    return Atomics.load(words, TickWord.due);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { words } = this.#data;
    Atomics.store(words, TickWord.stop, 1);
    Atomics.store(words, TickWord.go, 1);
    Atomics.notify(words, TickWord.stop);
    Atomics.notify(words, TickWord.go);
    // Whoever waits for more has waited enough.
    Atomics.notify(words, TickWord.due);
    await this.#exited;
  }
}
