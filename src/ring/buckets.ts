import type { Bucket } from './layout.js';

/** What a job says about batches, as far as it decides their size. */
export interface BatchLimits {
  /** Rows at most. */
  readonly size: number;
  /** Lengths that rows are padded to, ascending; undefined where rows are all of one length. */
  readonly lengths: readonly number[] | undefined;
  /** Elements of padded length at most, in all rows together. */
  readonly maxTokens: number | undefined;
}

/** Lengths to pad to where a job does not say: each at most twice as long as a row that goes there. */
export const DEFAULT_LENGTHS: readonly number[] = [32, 64, 128, 256, 512, 1024, 2048, 4096];

/** One bucket a length, with as many rows as size and token budget allow, but one at least. */
export function planBuckets({ size, lengths, maxTokens = Number.POSITIVE_INFINITY }: BatchLimits): Bucket[] {
  return (lengths ?? [1]).map((length) => ({
    length,
    capacity: Math.max(1, Math.min(size, Math.floor(maxTokens / length))),
  }));
}

/** The first bucket that holds a row of this length; −1 where none does. */
export function bucketFor(length: number, buckets: readonly Bucket[]): number {
  // Hot: looked up for every row.
  for (let b = 0; b < buckets.length; b++) if (length <= (buckets[b] as Bucket).length) return b;
  return -1;
}

/**
 * The rows that a batch of `rows` runs with: the smallest preferred size that holds them, else just as many.
 * The rows between are left over from batches before; their outputs are dropped.
 */
export function sizeToRun(rows: number, preferred: readonly number[]): number {
  return preferred.find((size) => size >= rows) ?? rows;
}
