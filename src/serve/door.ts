/** What a model's speed is at the start, microseconds of a run of its smallest batch and of a full one. */
export interface Speed {
  /** Rows of a full batch. */
  readonly size: number;
  /** Sessions that run at the same time. */
  readonly instances: number;
  readonly oneMicros: number;
  readonly fullMicros: number;
}

/** What is in a model's way at a moment. */
export interface Ahead {
  /** Rows that wait and come before, those in slots too. */
  readonly rows: number;
  /** When runs that go on now began; as many as go on. */
  readonly runningSince: readonly number[];
  /** Rows of those runs. */
  readonly runningRows: readonly number[];
}

/** Over how long the rate of arrivals is a mean. */
const RATE_MICROS = 30_000;

/** How many times the mean deviation of a run is added to what is expected: about what one run in fifty takes. */
const DEVIATIONS = 2.5;

/** After so long without a run, one request is let in although it would seem to be too late: times may have changed. */
const FORGET_MICROS = 10e6;

/** How long it matters to a model that has nothing to do that others ran on its device. */
const FADE_MICROS = 1e6;

/** The weight of what was measured last in a moving average. */
const NEWEST = 0.2;

/** How fast what was at its worst is forgotten, a batch. */
const FADING = 0.05;

/**
 * What was measured counts as no more than this many times what was expected: a machine that stood still for a moment must
 * not close the door for long.
 */
const MOST_SURPRISE = 2;

/**
 * Estimates how long a request waits for its answer: from what is ahead of it and from measured times of service. Between
 * two batches that wait for nothing but the device, others may have run on it: that is measured, too, and so is in the
 * estimate.
 */
export class Door {
  readonly #size: number;
  readonly #instances: number;
  readonly #oneMicros: number;
  /** Of each further row. */
  readonly #rowMicros: number;
  /** How long runs take now, as a multiple of what they took before the first request; and the fastest of them. */
  #pace = 1;
  #fastest = 1;
  /** Mean deviation of the pace from run to run. */
  #deviation = 0;
  /** Rows that come in a microsecond, and when the last came. */
  #rate = 0;
  #arrivedAt = 0;
  /** From when a batch could have run to when it did. */
  #others = 0;
  /** From the end of a run to when the main thread has its outputs. */
  #handing = 0;
  /** From then to when its answers are on their way: at its worst, which fades. */
  #answering = 0;
  #lastEnd: number;
  #triedAt = 0;

  /** @param at the moment from which on it counts, microseconds of `now()` */
  constructor({ size, instances, oneMicros, fullMicros }: Speed, at: number) {
    this.#lastEnd = at;
    this.#size = size;
    this.#instances = instances;
    this.#oneMicros = Math.max(1, size === 1 ? fullMicros : oneMicros);
    this.#rowMicros = size === 1 ? 0 : Math.max(0, fullMicros - oneMicros) / (size - 1);
  }

  /**
   * A batch has run.
   *
   * @param readyAt when its rows had waited for company as long as they do
   * @param backAt when its outputs were taken back
   */
  ran(rows: number, readyAt: number, began: number, ended: number, backAt = ended): void {
    const pace = (ended - began) / this.#measured(rows);
    this.#fastest = Math.min(this.#fastest, pace);
    const surprise = Math.min(this.#pace, Math.abs(pace - this.#pace));
    this.#deviation += NEWEST * (surprise - this.#deviation);
    this.#pace = average(this.#pace, pace, 0);
    const couldBegin = this.#instances > 1 ? readyAt : Math.max(readyAt, this.#lastEnd);
    this.#others = average(this.#others, Math.max(0, began - couldBegin), 1000);
    this.#handing = average(this.#handing, backAt - ended, 1000);
    this.#lastEnd = Math.max(this.#lastEnd, ended);
  }

  /** The answers of a batch have been written, so long after its outputs were there. */
  answered(micros: number): void {
    const fading = this.#answering + FADING * (micros - this.#answering);
    this.#answering = Math.max(micros, fading);
  }

  /** Rows have come, whether they were let in or not. */
  arrived(at: number, rows: number): void {
    const since = Math.max(0, at - this.#arrivedAt);
    this.#rate = this.#rate * Math.exp(-since / RATE_MICROS) + rows / RATE_MICROS;
    this.#arrivedAt = at;
  }

  /** How long a run of so many rows takes. */
  runMicros(rows: number): number {
    return this.#pace * this.#measured(rows);
  }

  /** Microseconds from `at` until a request of so many rows is answered, hardly ever more. */
  waitMicros(at: number, rows: number, { rows: before, runningSince, runningRows }: Ahead): number {
    const all = before + rows;
    const batches = Math.ceil(all / this.#size);
    // A device that has nothing to do may well try, whatever it took when it had: else nobody would learn that it is faster.
    // That others take it is forgotten after a while.
    if (before === 0 && runningSince.length < this.#instances) {
      const fresh = Math.max(0, 1 - (at - this.#lastEnd) / FADE_MICROS);
      const runs =
        this.#measured(this.#size) * (batches - 1) + this.#measured(all - (batches - 1) * this.#size);
      return this.#fastest * runs + fresh * (this.#others + this.#handing + this.#answering);
    }
    const others = this.#instances > 1 ? 0 : this.#others;
    const each = (this.runMicros(this.#size) + others) / this.#instances;
    const begins = this.#untilFree(at, runningSince, runningRows) + (batches - 1) * each + others;
    // Rows that come until then are in the same batch.
    const rowsOfLast = Math.min(this.#size, all - (batches - 1) * this.#size + this.#rate * begins);
    const deviation = this.#deviation * this.#measured(this.#size) * Math.sqrt(batches);
    return begins + this.runMicros(rowsOfLast) + this.#handing + this.#answering + DEVIATIONS * deviation;
  }

  /** Whether a request that seems to be too late is to be let in, to see. */
  isForgotten(at: number): boolean {
    if (at - Math.max(this.#lastEnd, this.#triedAt) < FORGET_MICROS) return false;
    this.#triedAt = at;
    return true;
  }

  #measured(rows: number): number {
    return this.#oneMicros + this.#rowMicros * (Math.min(rows, this.#size) - 1);
  }

  #untilFree(at: number, since: readonly number[], rows: readonly number[]): number {
    if (since.length < this.#instances) return 0;
    return Math.min(
      ...since.map((began, run) => Math.max(0, began + this.runMicros(rows[run] ?? this.#size) - at)),
    );
  }
}

/** `more`: so much more may come as no surprise. */
const average = (before: number, newest: number, more: number): number =>
  before + NEWEST * (Math.min(newest, MOST_SURPRISE * before + more) - before);
