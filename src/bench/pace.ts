/** Splits of one run at most: each costs memory on the main thread. */
const MOST_SPLITS = 20_000;

/** How long a stage takes for a pass over its sample, as far as it is known: it gets better with every run. */
export class Pace {
  readonly #splits: number;
  readonly #least: number;
  /** Seconds of a pass; undefined where it never ran. */
  seconds: number | undefined;

  /**
   * @param splits in the sample
   * @param leastSplits that a run works through, however long it takes
   */
  constructor(splits: number, leastSplits: number, seconds?: number) {
    this.#splits = splits;
    this.#least = Math.ceil(leastSplits / splits);
    this.seconds = seconds;
  }

  /** Seconds that the shortest run takes; 0 where it is not known. */
  get leastSeconds(): number {
    return this.#least * (this.seconds ?? 0);
  }

  /** Passes that take about so many seconds. */
  passesIn(seconds: number, most = Number.POSITIVE_INFINITY): number {
    const wanted = Math.round(seconds / Math.max(1e-6, this.seconds ?? seconds));
    return Math.max(this.#least, Math.min(wanted, Math.floor(MOST_SPLITS / this.#splits), Math.floor(most)));
  }

  ran(passes: number, seconds: number): void {
    if (seconds > 0) this.seconds = seconds / passes;
  }
}
