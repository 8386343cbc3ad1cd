import { UsageError } from '../util/errors.js';
import type { Dataset, Split } from './types.js';

/** One of several parts of a data set, each of which is a run of its own: on another machine, or later. */
export interface Shard {
  /** Which one, from 0. */
  readonly index: number;
  /** Of how many. */
  readonly count: number;
}

/** As it is written on the command line and in messages: `2/8`. The first may have been written either way: `0/8 = 8/8`. */
export const shardText = ({ index, count }: Shard): string =>
  index === 0 ? `0/${count} = ${count}/${count}` : `${index}/${count}`;

/** @throws UsageError where there can be no such shard */
export function checkShard({ index, count }: Shard): void {
  if (Number.isInteger(count) && count >= 1 && Number.isInteger(index) && index >= 0 && index < count) return;
  throw new UsageError(
    `shard: index must be a whole number from 0 on and below count, and count 1 or more; got index ${index} and count ${count}`,
  );
}

/**
 * The splits of a shard: those whose bytes have their middle in it, where all bytes of the data set are cut into `count`
 * equal parts. Every split is in exactly one of the shards of a count. They follow one another, keep their ordinals, and
 * depend on the listing alone. There may be none: where there are more shards than splits, or one split is very large.
 */
export function splitsOf({ splits }: Pick<Dataset, 'splits'>, { index, count }: Shard): readonly Split[] {
  const total = splits.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  return splits.filter(({ bytes }) => {
    const middle = before + bytes / 2;
    before += bytes;
    return Math.min(count - 1, Math.floor((middle / Math.max(1, total)) * count)) === index;
  });
}
