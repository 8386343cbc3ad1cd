import { GPU_METRICS, type GpuMetric, type GpuSample, type Spread } from './types.js';

/** Columns of a row: the time, then every metric; NaN stands for what was not told. */
const COLUMNS = 1 + GPU_METRICS.length;

/**
 * Samples of one GPU over time, in memory of a fixed size: when it is full, every second sample is dropped, and from
 * then on only every second one is kept. So what is there is always spread evenly over all of the time, an hour or a
 * week.
 */
export class GpuSeries {
  readonly #rows: Float64Array;
  readonly #capacity: number;
  #count = 0;
  /** One of so many samples is kept. */
  #stride = 1;
  #seen = 0;

  /** The default is 7 minutes at 10 Hz before anything is dropped, and half a megabyte. */
  constructor(capacity = 4096) {
    this.#capacity = capacity;
    this.#rows = new Float64Array(capacity * COLUMNS);
  }

  get count(): number {
    return this.#count;
  }

  /** `at`: microseconds of `now()`. */
  add(at: number, sample: GpuSample): void {
    if (this.#seen++ % this.#stride !== 0) return;
    if (this.#count === this.#capacity) {
      this.#halve();
      // The sample that found it full is an odd one in the new stride.
      if ((this.#seen - 1) % this.#stride !== 0) return;
    }
    const start = this.#count * COLUMNS;
    this.#rows[start] = at;
    GPU_METRICS.forEach((metric, i) => {
      this.#rows[start + 1 + i] = sample[metric] ?? Number.NaN;
    });
    this.#count++;
  }

  #halve(): void {
    for (let row = 0; row * 2 < this.#count; row++) {
      this.#rows.copyWithin(row * COLUMNS, row * 2 * COLUMNS, (row * 2 + 1) * COLUMNS);
    }
    this.#count = Math.ceil(this.#count / 2);
    this.#stride *= 2;
  }

  /** Samples kept between two moments, and how each metric was spread over them; null where it was never told. */
  summary(from: number, to: number): { samples: number; spreads: Record<GpuMetric, Spread | null> } {
    const rows: number[] = [];
    for (let row = 0; row < this.#count; row++) {
      const at = this.#rows[row * COLUMNS] as number;
      if (at >= from && at <= to) rows.push(row * COLUMNS);
    }
    const spreads = Object.fromEntries(
      GPU_METRICS.map((metric, i) => [
        metric,
        spreadOf(rows.map((row) => this.#rows[row + 1 + i] as number)),
      ]),
    ) as Record<GpuMetric, Spread | null>;
    return { samples: rows.length, spreads };
  }
}

function spreadOf(values: readonly number[]): Spread | null {
  const told = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (told.length === 0) return null;
  const quantile = (share: number): number => told[Math.max(0, Math.ceil(share * told.length) - 1)] as number;
  return {
    mean: significant(told.reduce((sum, value) => sum + value, 0) / told.length),
    p50: significant(quantile(0.5)),
    p95: significant(quantile(0.95)),
  };
}

/** Six digits are more than any of these sensors is good for, and keep the JSON readable. */
function significant(value: number): number {
  return Number(value.toPrecision(6));
}
