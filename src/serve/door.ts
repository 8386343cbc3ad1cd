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

/** After so long without a run, one request is let in although it would seem to be too late: times may have changed. */
const FORGET_MICROS = 10e6;

/** The weight of what was measured last in a moving average. */
const NEWEST = 0.2;

/**
 * Estimates how long a request waits for its answer: from what is ahead of it and from measured times of service. Between
 * two batches that wait for nothing but the device, others may have run on it: that is measured, too, and so is in the
 * estimate.
 */
export class Door {
  readonly #size: number;
  readonly #instances: number;
  /** Microseconds of runs, by the power of two that holds their rows. */
  readonly #runs: Float64Array;
  /** From when a batch could have run to when it did. */
  #others = 0;
  #lastEnd: number;

  /** @param at the moment from which on it counts, microseconds of `now()` */
  constructor({ size, instances, oneMicros, fullMicros }: Speed, at: number) {
    this.#lastEnd = at;
    this.#size = size;
    this.#instances = instances;
    this.#runs = Float64Array.from({ length: powerOf(size) + 1 }, (_, power) => {
      const rows = Math.min(size, 2 ** power);
      return size === 1 ? fullMicros : oneMicros + ((fullMicros - oneMicros) * (rows - 1)) / (size - 1);
    });
  }

  /**
   * A batch has run.
   *
   * @param readyAt when its rows had waited for company as long as they do
   */
  ran(rows: number, readyAt: number, began: number, ended: number): void {
    const power = powerOf(rows);
    this.#runs[power] = average(this.#runs[power] as number, ended - began);
    const couldBegin = this.#instances > 1 ? readyAt : Math.max(readyAt, this.#lastEnd);
    this.#others = average(this.#others, Math.max(0, began - couldBegin));
    this.#lastEnd = Math.max(this.#lastEnd, ended);
  }

  /** How long a run of so many rows takes. */
  runMicros(rows: number): number {
    return this.#runs[powerOf(Math.min(rows, this.#size))] as number;
  }

  /** Microseconds from `at` until a request of so many rows is answered. */
  waitMicros(at: number, rows: number, { rows: before, runningSince, runningRows }: Ahead): number {
    const all = before + rows;
    const batches = Math.ceil(all / this.#size);
    const last = this.runMicros(all - (batches - 1) * this.#size);
    const others = this.#instances > 1 ? 0 : this.#others;
    const each = (this.runMicros(this.#size) + others) / this.#instances;
    return this.#untilFree(at, runningSince, runningRows) + (batches - 1) * each + others + last;
  }

  /** Whether a request that seems to be too late is to be let in, to see. */
  isForgotten(at: number): boolean {
    if (at - this.#lastEnd < FORGET_MICROS) return false;
    this.#lastEnd = at;
    return true;
  }

  #untilFree(at: number, since: readonly number[], rows: readonly number[]): number {
    if (since.length < this.#instances) return 0;
    return Math.min(
      ...since.map((began, run) => Math.max(0, began + this.runMicros(rows[run] ?? this.#size) - at)),
    );
  }
}

const average = (before: number, newest: number): number => before + NEWEST * (newest - before);

const powerOf = (rows: number): number => (rows <= 1 ? 0 : 32 - Math.clz32(rows - 1));
