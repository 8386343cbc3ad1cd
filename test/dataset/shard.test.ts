import { describe, expect, test } from 'vitest';
import { checkShard, splitsOf } from '../../src/dataset/shard.js';
import type { Split } from '../../src/dataset/types.js';
import { UsageError } from '../../src/util/errors.js';
import { random } from '../helpers/random.js';

const splitsWith = (sizes: readonly number[]): Split[] =>
  sizes.map((bytes, ordinal) => ({
    ordinal,
    bytes,
    object: { uri: `${ordinal}.arrow`, size: bytes },
    first: 0,
    count: 1,
  })) as unknown as Split[];

/** The ordinals of each shard. */
const dealt = (sizes: readonly number[], count: number): number[][] =>
  Array.from({ length: count }, (_, index) =>
    splitsOf({ splits: splitsWith(sizes) }, { index, count }).map(({ ordinal }) => ordinal),
  );

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

describe('shards of a data set', () => {
  test('are neighbours, as many bytes in each as the splits allow', () => {
    expect(dealt([1, 1, 1, 1, 1, 1], 3)).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(dealt([9, 1, 1, 1, 9, 1], 2)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
  });

  test('have each split exactly once, in order, whatever the sizes and the count', () => {
    for (let seed = 0; seed < 200; seed++) {
      const next = random(seed);
      const sizes = Array.from({ length: Math.floor(60 * next()) }, () =>
        next() < 0.1 ? 0 : Math.floor(2 ** (30 * next())),
      );
      const count = 1 + Math.floor(80 * next());
      const shards = dealt(sizes, count);
      expect(shards.flat(), `seed ${seed}`).toEqual(sizes.map((_, ordinal) => ordinal));
      const even = sum(sizes) / count;
      const largest = Math.max(0, ...sizes);
      for (const shard of shards) {
        const bytes = sum(shard.map((ordinal) => sizes[ordinal] as number));
        expect(Math.abs(bytes - even), `seed ${seed}`).toBeLessThanOrEqual(largest * (1 + 1e-9));
      }
    }
  });

  test('are empty where there are more of them than splits, or one split is larger than all others', () => {
    expect(dealt([5, 5], 4)).toEqual([[], [0], [], [1]]);
    expect(dealt([1, 100, 1], 3)).toEqual([[0], [1], [2]]);
    expect(dealt([1, 100], 3)).toEqual([[0], [1], []]);
    expect(dealt([], 2)).toEqual([[], []]);
    expect(dealt([0, 0], 2)).toEqual([[0, 1], []]);
  });

  test.each([
    { index: 3, count: 3 },
    { index: -1, count: 3 },
    { index: 0.5, count: 3 },
    { index: 0, count: 0 },
    { index: 0, count: Number.NaN },
  ])('that there can not be are refused: %o', (shard) => {
    expect(() => checkShard(shard)).toThrow(UsageError);
    expect(() => checkShard(shard)).toThrow(`got index ${shard.index} and count ${shard.count}`);
  });
});
