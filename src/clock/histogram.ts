/*
 * A log-linear histogram in shared memory, after Gil Tene's HdrHistogram: every power of two is cut into 32 equal
 * steps, so a value is known to about 3 %, from 1 microsecond to 2^31 (36 minutes).
 */
const STEPS_LOG2 = 5;
const STEPS = 1 << STEPS_LOG2;
const OCTAVES = 31 - STEPS_LOG2 + 1;

export const HISTOGRAM_WORDS = STEPS * (OCTAVES + 1);

function bucketOf(value: number): number {
  const whole = Math.max(0, Math.min(0x7fffffff, Math.round(value)));
  if (whole < STEPS) return whole;
  const octave = 31 - Math.clz32(whole) - STEPS_LOG2;
  return (octave + 1) * STEPS + ((whole >>> octave) - STEPS);
}

/** The middle of a bucket's values. */
function middleOf(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const octave = Math.floor(bucket / STEPS) - 1;
  return (STEPS + (bucket % STEPS) + 0.5) * 2 ** octave;
}

/** The largest of a bucket's values. */
function endOf(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const octave = Math.floor(bucket / STEPS) - 1;
  return (STEPS + (bucket % STEPS) + 1) * 2 ** octave - 1;
}

/** Counts of microseconds, written by any thread, read by any other. */
export class Histogram {
  readonly #words: Int32Array;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  record(micros: number): void {
    Atomics.add(this.#words, bucketOf(micros), 1);
  }

  /** The value below which the share `quantile` (0 to 1) of the records lies; 0 where there is none. */
  quantile(quantile: number): number {
    const total = this.#words.reduce((sum, count) => sum + count, 0);
    if (total === 0) return 0;
    const wanted = Math.max(1, Math.ceil(quantile * total));
    let seen = 0;
    for (let bucket = 0; bucket < this.#words.length; bucket++) {
      seen += this.#words[bucket] as number;
      if (seen >= wanted) return middleOf(bucket);
    }
    return middleOf(this.#words.length - 1);
  }

  /** Upper bounds, ascending, and how many of the records are at most so large; bounds that change nothing are left out. */
  *cumulative(): Iterable<readonly [bound: number, count: number]> {
    let seen = 0;
    for (const [bucket, count] of this.#words.entries()) {
      if (count === 0) continue;
      seen += count;
      yield [endOf(bucket), seen];
    }
  }
}
