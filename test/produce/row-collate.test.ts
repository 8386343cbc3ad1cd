import * as arrow from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Collator } from '../../src/produce/collate.js';
import { type Row, RowCollator } from '../../src/produce/row-collate.js';
import type { CollateInput } from '../../src/produce/writer.js';
import type { RowTensor } from '../../src/ring/layout.js';
import { DTYPES, type DType } from '../../src/util/dtype.js';
import { batchOf, claimOf, faultOf, input, listOf, ringOf, tensor, valuesOf } from './ring.js';

/** What a row becomes in a tensor of one row. */
function written(row: Row, shape: RowTensor, changes: Partial<CollateInput> = {}): number[] {
  const ring = ringOf(1, 1, [shape]);
  const collator = new RowCollator(ring, [input(0, 'x', 'float32', changes)], undefined);
  collator.begin(row);
  collator.write(claimOf(0, 0, 1));
  return valuesOf(ring, 0, 0);
}

const refused = (row: Row, shape: RowTensor) => faultOf(() => written(row, shape))?.message;

describe('a row that is a plain object', () => {
  test.each([
    ['a number', 7, [], [7]],
    ['a boolean', true, [], [1]],
    ['a bigint', 7n, [], [7]],
    ['an array', [1, 2, 3], [3], [1, 2, 3]],
    [
      'nested arrays',
      [
        [1, 2],
        [3, 4],
      ],
      [2, 2],
      [1, 2, 3, 4],
    ],
    ['a typed array', Int16Array.of(-1, 5), [2], [-1, 5]],
    ['typed arrays in an array', [Float64Array.of(1, 2), Float64Array.of(3, 4)], [2, 2], [1, 2, 3, 4]],
    ['both mixed', [[1, 2], Uint8Array.of(3, 4)], [4], [1, 2, 3, 4]],
    ['64-bit integers', BigInt64Array.of(1n, -2n), [2], [1, -2]],
    ['nothing but an empty list', [], [0], []],
  ] as [string, unknown, number[], number[]][])('may hold %s', (_, x, dims, values) => {
    expect(written({ x }, tensor('x', 'float32', dims))).toEqual(values);
  });

  test('is scaled and shifted, and halved to float16', () => {
    const affine = { factor: 0.5, term: -1 };
    expect(written({ x: [4, 6] }, tensor('x', 'float32', [2]), affine)).toEqual([1, 2]);
    expect(written({ x: [4, 6n] }, tensor('x', 'float16', [2]), affine)).toEqual([1, 2]);
  });

  test('is written at its place and nowhere else', () => {
    const ring = ringOf(3, 2, [tensor('a', 'int8', [2]), tensor('b', 'float64', [])]);
    const collator = new RowCollator(ring, [input(1, 'y', 'float64'), input(0, 'x', 'int8')], undefined);
    collator.begin({ x: [1, 2], y: 3, more: 'of no interest' });
    collator.write(claimOf(1, 1, 1));
    expect([valuesOf(ring, 1, 0), valuesOf(ring, 1, 1)]).toEqual([
      [0, 0, 1, 2, 0, 0],
      [0, 3, 0],
    ]);
    expect([valuesOf(ring, 0, 0), valuesOf(ring, 0, 1)]).toEqual([Array(6).fill(0), Array(3).fill(0)]);
    expect([collator.tokens, collator.bucket]).toEqual([1, 0]);
  });
});

describe('a value that a tensor can not hold is refused', () => {
  test.each([
    ['int8', [-128, 127, 5n, true], [-129, 128, 1.5, 2n ** 40n, Number.NaN, Number.POSITIVE_INFINITY]],
    ['uint8', [0, 255], [-1, 256, 0.5]],
    ['int16', [-32768, 32767], [32768]],
    ['uint16', [65535], [65536, -1]],
    ['int32', [-(2 ** 31), 2 ** 31 - 1], [2 ** 31]],
    ['uint32', [2 ** 32 - 1], [2 ** 32, -1]],
    ['int64', [-(2n ** 63n), 2n ** 63n - 1n, 12], [2n ** 63n, 1.5, Number.NaN, Number.POSITIVE_INFINITY]],
    ['uint64', [2n ** 64n - 1n, 0], [-1, 2n ** 64n]],
    ['bool', [0, 1, true, false, 1n], [2, -1, 0.5]],
    ['float32', [1.5, -1, 2n], []],
    ['float64', [1e300, Number.NaN], []],
  ] as [DType, unknown[], unknown[]][])('%s', (dtype, fitting, others) => {
    for (const x of fitting) expect(refused({ x }, tensor('x', dtype, [])), String(x)).toBeUndefined();
    for (const x of others) {
      expect(refused({ x }, tensor('x', dtype, []))).toBe(`holds ${x}, which does not fit ${dtype}`);
    }
  });

  test('what is no number is named', () => {
    const vector = tensor('x', 'float32', [2]);
    expect(refused({}, vector)).toBe('is missing');
    expect(refused({ x: 'text' }, vector)).toBe('is text, which is no number');
    expect(refused({ x: null }, vector)).toBe('is null, which is no number');
    expect(refused({ x: [1, 'two'] }, vector)).toBe('holds two, which is no number');
    expect(refused({ x: [1, null] }, vector)).toBe('holds null, which is no number');
    expect(refused({ x: [[1], [{}]] }, vector)).toBe('holds [object Object], which is no number');
    expect(refused({ x: [1, undefined] }, vector)).toBe('holds undefined, which is no number');
  });

  test('so are too many numbers and too few', () => {
    const vector = tensor('x', 'float32', [2, 2]);
    expect(refused({ x: [1, 2, 3] }, vector)).toBe('has 3 values; the tensor takes 4');
    expect(refused({ x: Float32Array.of(1, 2, 3, 4, 5) }, vector)).toBe('has 5 values; the tensor takes 4');
    expect(refused({ x: 1 }, vector)).toBe('has 1 values; the tensor takes 4');
  });

  test('what is no row at all is no accident either', () => {
    for (const row of [null, undefined]) {
      expect(faultOf(() => written(row as never, tensor('x', 'float32', [])))).toMatchObject({ row: 0 });
    }
  });
});

describe('rows of variable length', () => {
  const buckets = [
    { length: 2, capacity: 2 },
    { length: 4, capacity: 1 },
  ];
  const tensors = [tensor('v', 'float32', [], true), tensor('m', 'bool', [], true), tensor('n', 'int64', [])];
  const inputs = [
    input(0, 'x', 'float32', { pad: -1 }),
    input(1, 'x', 'float32', { from: 'mask' }),
    input(2, 'x', 'float32', { from: 'length' }),
  ];

  test('go to the first bucket that holds them, and are padded to it', () => {
    const ring = ringOf(buckets, 1, tensors);
    new Uint8Array(ring.memory.arena).fill(77);
    const collator = new RowCollator(ring, inputs, 'x');
    collator.begin({ x: [5, 6, 7] });
    expect([collator.bucket, collator.tokens]).toEqual([1, 3]);
    collator.write(claimOf(0, 0, 1, 1));
    expect([0, 1, 2].map((index) => valuesOf(ring, 0, index, 1))).toEqual([[5, 6, 7, -1], [1, 1, 1, 0], [3]]);
    collator.begin({ x: [] });
    expect([collator.bucket, collator.tokens]).toEqual([0, 0]);
  });

  test('are refused where no bucket holds them, or nothing tells their length', () => {
    const collator = new RowCollator(ringOf(buckets, 1, tensors), inputs, 'x');
    const begin = (x: unknown) => faultOf(() => collator.begin({ x }))?.message;
    expect(begin([1, 2, 3, 4, 5])).toBe('is 5 long; the longest of batch.buckets holds 4');
    expect(begin(-1)).toBe('is -1, which is no length');
    expect(begin(1.5)).toBe('is 1.5, which is no length');
    expect(begin(undefined)).toBe('is undefined, which is no length');
  });

  test('must be as long as their length column says', () => {
    const ring = ringOf(buckets, 1, [tensor('v', 'float32', [2], true)]);
    const collator = new RowCollator(ring, [input(0, 'x', 'float32')], 'n');
    expect(faultOf(() => collator.begin({ n: 2, x: [1, 2, 3, 4] }))).toBeUndefined();
    expect(faultOf(() => collator.begin({ n: 2, x: [1, 2] }))).toEqual({
      row: 0,
      column: 'x',
      message: 'has 2 values; the tensor takes 4',
    });
  });
});

test('plain rows come to what a record batch of them comes to, in every dtype', () => {
  const values = fc.array(fc.array(fc.constantFrom(0, 1), { minLength: 3, maxLength: 3 }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(values, fc.constantFrom(...DTYPES), (rows, dtype) => {
      const ring = ringOf(rows.length, 2, [tensor('x', dtype, [3])]);
      const inputs = [input(0, 'x', 'uint8')];
      const plain = new RowCollator(ring, inputs, undefined);
      rows.forEach((x, row) => {
        plain.begin({ x });
        plain.write(claimOf(0, row, 1));
      });
      const batches = new Collator(ring, inputs);
      batches.begin(batchOf({ x: [listOf(new arrow.Uint8()), rows] }));
      batches.write(claimOf(1, 0, rows.length), 0);
      expect(valuesOf(ring, 0, 0)).toEqual(valuesOf(ring, 1, 0));
    }),
  );
});
