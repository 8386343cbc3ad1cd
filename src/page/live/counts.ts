import type { Quantiles } from '../../serve/types.js';
import type { LiveTimes } from '../client/live/frame.js';

/** Values by their upper bounds, ascending: what a histogram held when it was read. */
type Buckets = readonly (readonly [bound: number, count: number])[];

/**
 * What a histogram took up between two readings. It only ever grows, so the difference of two readings is a histogram too,
 * and so is the sum of several.
 */
export class Increase {
  #before = new Map<number, number>();
  #since: Buckets = [];

  /** Reads it again: from now on this is about the time since the reading before. */
  read(quantiles: Quantiles): void {
    const now = new Map<number, number>();
    const since: (readonly [number, number])[] = [];
    let below = 0;
    for (const [bound, cumulative] of quantiles.cumulative()) {
      const count = cumulative - below;
      below = cumulative;
      if (count === 0) continue;
      now.set(bound, count);
      const more = count - (this.#before.get(bound) ?? 0);
      if (more > 0) since.push([bound, more]);
    }
    this.#before = now;
    this.#since = since;
  }

  get buckets(): Buckets {
    return this.#since;
  }
}

/** Several of them as one. */
export function merge(all: readonly Buckets[]): Buckets {
  const merged = new Map<number, number>();
  for (const [bound, count] of all.flat()) merged.set(bound, (merged.get(bound) ?? 0) + count);
  return [...merged].sort(([a], [b]) => a - b);
}

/** Quantiles of microseconds, as milliseconds; null of nothing. */
export function timesOf(buckets: Buckets): LiveTimes | null {
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return null;
  const quantile = (q: number): number => {
    const wanted = Math.max(1, Math.ceil(q * total));
    let seen = 0;
    for (const [bound, count] of buckets) {
      seen += count;
      if (seen >= wanted) return bound / 1e3;
    }
    return (buckets.at(-1)?.[0] ?? 0) / 1e3;
  };
  return { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) };
}
