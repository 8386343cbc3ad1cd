import * as arrow from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Collator } from '../../src/produce/collate.js';
import { batchOf, claimOf, faultOf, input, listOf, ringOf, tensor, valuesOf, vectorsOf } from './ring.js';

const { Float32, Float64, Int32, Uint8 } = arrow;

describe('a claim of rows is written', () => {
  test('into its slot, at its place, from its row on, and nowhere else', () => {
    const ring = ringOf(4, 2, [tensor('x', 'float32', [2])]);
    const collator = new Collator(ring, [input(0, 'v', 'float32')]);
    const rows = [
      [1, 2],
      [3, 4],
      [5, 6],
    ];
    collator.begin(batchOf({ v: [vectorsOf(2, new Float32()), rows] }));
    collator.write(claimOf(1, 2, 2), 1);
    expect(valuesOf(ring, 1, 0)).toEqual([0, 0, 0, 0, 3, 4, 5, 6]);
    expect(valuesOf(ring, 0, 0)).toEqual(Array(8).fill(0));
  });

  test('for each input from its own column, cast, scaled and shifted', () => {
    const ring = ringOf(2, 1, [
      tensor('image', 'float32', [2]),
      tensor('id', 'int64', []),
      tensor('half', 'float16', []),
    ]);
    const collator = new Collator(ring, [
      input(2, 'gray', 'uint8', { factor: 1 / 256, term: -0.5 }),
      input(0, 'pixels', 'uint8', { factor: 2, term: 1 }),
      input(1, 'n', 'int32'),
    ]);
    const pixels = [
      [0, 255],
      [7, 8],
    ];
    collator.begin(
      batchOf({
        n: [new Int32(), [-1, 2]],
        gray: [new Uint8(), [0, 192]],
        pixels: [vectorsOf(2, new Uint8()), pixels],
      }),
    );
    collator.write(claimOf(0, 0, 2), 0);
    expect(valuesOf(ring, 0, 0)).toEqual([1, 511, 15, 17]);
    expect(valuesOf(ring, 0, 1)).toEqual([-1, 2]);
    expect(valuesOf(ring, 0, 2)).toEqual([-0.5, 0.25]);
  });

  test('from lists that are all as long as a row of the tensor', () => {
    const ring = ringOf(3, 1, [tensor('x', 'int32', [3])]);
    const collator = new Collator(ring, [input(0, 'l', 'int32')]);
    const rows = [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ];
    const batch = batchOf({ l: [listOf(new Int32()), rows] });
    collator.begin(batch.slice(1, 3));
    collator.write(claimOf(0, 0, 2), 0);
    expect(valuesOf(ring, 0, 0)).toEqual([4, 5, 6, 7, 8, 9, 0, 0, 0]);
  });

  test('wherever rows are cut into claims, record batches and slots', () => {
    const scenario = fc.record({
      batches: fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 6 }),
      cuts: fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
      capacity: fc.integer({ min: 1, max: 7 }),
    });
    fc.assert(
      fc.property(scenario, ({ batches, cuts, capacity }) => {
        const total = batches.reduce((sum, rows) => sum + rows, 0);
        const slots = Math.max(1, Math.ceil(total / capacity));
        const ring = ringOf(capacity, slots, [
          tensor('v', 'float32', [3]),
          tensor('l', 'float64', [2]),
          tensor('s', 'int64', []),
        ]);
        const collator = new Collator(ring, [
          input(0, 'v', 'float32'),
          input(1, 'l', 'uint8', { factor: 0.5, term: 3 }),
          input(2, 's', 'int32'),
        ]);
        let done = 0;
        for (const rows of batches) {
          const numbers = Array.from({ length: rows }, (_, i) => done + i);
          collator.begin(
            batchOf({
              v: [vectorsOf(3, new Float32()), numbers.map((n) => [n, n + 0.25, n + 0.5])],
              l: [listOf(new Uint8()), numbers.map((n) => [n % 256, 255 - (n % 256)])],
              s: [new Int32(), numbers.map((n) => -n)],
            }),
          );
          for (let row = 0; row < rows; ) {
            const first = (done + row) % capacity;
            const count = Math.min(cuts.next().value as number, rows - row, capacity - first);
            collator.write(claimOf(Math.floor((done + row) / capacity), first, count), row);
            row += count;
          }
          done += rows;
        }
        const numbers = Array.from({ length: total }, (_, n) => n);
        const all = (index: number, width: number): number[] =>
          Array.from({ length: slots }, (_, slot) => valuesOf(ring, slot, index))
            .flat()
            .slice(0, total * width);
        expect(all(0, 3)).toEqual(numbers.flatMap((n) => [n, n + 0.25, n + 0.5]));
        expect(all(1, 2)).toEqual(numbers.flatMap((n) => [(n % 256) / 2 + 3, (255 - (n % 256)) / 2 + 3]));
        expect(all(2, 1)).toEqual(numbers.map((n) => 0 - n));
      }),
      { numRuns: 100 },
    );
  });
});

describe('rows of variable length', () => {
  const buckets = [
    { length: 2, capacity: 4 },
    { length: 5, capacity: 2 },
  ];
  const tensors = [
    tensor('tokens', 'int64', [], true),
    tensor('mask', 'int64', [], true),
    tensor('length', 'int32', []),
    tensor('points', 'float32', [2], true),
  ];
  const inputs = [
    input(0, 'words', 'int32', { pad: -1 }),
    input(1, 'words', 'int32', { from: 'mask' }),
    input(2, 'words', 'int32', { from: 'length' }),
    input(3, 'xy', 'float32', { pad: 9, factor: 2 }),
  ];
  const words = [[1], [2, 3], [4, 5, 6], [], [7, 8, 9, 10, 11]];
  const points = words.map((row) => row.map((word) => [word, -word]));
  const batch = batchOf({
    words: [listOf(new Int32()), words],
    xy: [listOf(vectorsOf(2, new Float32())), points],
  });

  function begun() {
    const ring = ringOf(buckets, 2, tensors);
    // What a batch before has left.
    new Uint8Array(ring.memory.arena).fill(77);
    const collator = new Collator(ring, inputs, 'words');
    collator.begin(batch);
    return { ring, collator };
  }

  test('go to the first bucket that holds them', () => {
    const { collator } = begun();
    expect(words.map((_, row) => collator.bucketOf(row))).toEqual([0, 0, 1, 0, 1]);
    expect(collator.endOfBucket(0, 5, 0)).toBe(2);
    expect(collator.endOfBucket(0, 1, 0)).toBe(1);
    expect(collator.endOfBucket(2, 5, 1)).toBe(3);
    expect(collator.tokens(0, 5)).toBe(11);
    expect(collator.tokens(3, 4)).toBe(0);
  });

  test('are padded to their bucket, with what the input says; mask and length tell what is padding', () => {
    const { ring, collator } = begun();
    collator.write(claimOf(0, 0, 2, 0), 0);
    collator.write(claimOf(0, 2, 1, 0), 3);
    collator.write(claimOf(1, 0, 1, 1), 2);
    collator.write(claimOf(1, 1, 1, 1), 4);
    const rowsOf = (slot: number, index: number, size: number, count: number): number[][] =>
      Array.from({ length: count }, (_, row) =>
        valuesOf(ring, slot, index, slot).slice(row * size, (row + 1) * size),
      );
    expect(rowsOf(0, 0, 2, 3)).toEqual([
      [1, -1],
      [2, 3],
      [-1, -1],
    ]);
    expect(rowsOf(0, 1, 2, 3)).toEqual([
      [1, 0],
      [1, 1],
      [0, 0],
    ]);
    expect(rowsOf(0, 2, 1, 3)).toEqual([[1], [2], [0]]);
    expect(rowsOf(0, 3, 4, 3)).toEqual([
      [2, -2, 9, 9],
      [4, -4, 6, -6],
      [9, 9, 9, 9],
    ]);
    expect(rowsOf(1, 0, 5, 2)).toEqual([
      [4, 5, 6, -1, -1],
      [7, 8, 9, 10, 11],
    ]);
    expect(rowsOf(1, 1, 5, 2)).toEqual([
      [1, 1, 1, 0, 0],
      [1, 1, 1, 1, 1],
    ]);
    expect(rowsOf(1, 2, 1, 2)).toEqual([[3], [5]]);
    expect(rowsOf(1, 3, 10, 2)).toEqual([
      [8, -8, 10, -10, 12, -12, 9, 9, 9, 9],
      [14, -14, 16, -16, 18, -18, 20, -20, 22, -22],
    ]);
  });

  test('take their length from a column of numbers too', () => {
    const ring = ringOf(buckets, 1, [tensor('tokens', 'int64', [], true)]);
    const collator = new Collator(ring, [input(0, 'words', 'int32', { pad: 0 })], 'n');
    collator.begin(
      batchOf({
        n: [new arrow.Int64(), [2n, 1n]],
        words: [listOf(new Int32()), [[5, 6], [7]]],
      }),
    );
    collator.write(claimOf(0, 0, 2, 0), 0);
    expect(valuesOf(ring, 0, 0).slice(0, 4)).toEqual([5, 6, 7, 0]);
  });

  test('that are longer than the longest bucket are named', () => {
    const { collator } = begun();
    collator.begin(
      batchOf({
        words: [listOf(new Int32()), [[1], [1, 2, 3, 4, 5, 6]]],
        xy: [listOf(vectorsOf(2, new Float32())), [[[1, 2]], Array(6).fill([1, 2])]],
      }),
    );
    expect(collator.bucketOf(0)).toBe(0);
    expect(faultOf(() => collator.bucketOf(1))).toEqual({
      row: 1,
      column: 'words',
      message: 'is 6 long; the longest of batch.buckets holds 5',
    });
  });

  test('that are of another length than the row are named', () => {
    const { collator } = begun();
    const fault = faultOf(() =>
      collator.begin(
        batchOf({
          words: [listOf(new Int32()), [[1], [1, 2]]],
          xy: [listOf(vectorsOf(2, new Float32())), [[[1, 2]], [[1, 2]]]],
        }),
      ),
    );
    expect(fault).toEqual({ row: 1, column: 'xy', message: "has 2 values, and the row's length is 2" });
  });

  test('that hold a value out of range are named', () => {
    const ring = ringOf(buckets, 1, [tensor('tokens', 'uint8', [], true)]);
    const collator = new Collator(ring, [input(0, 'words', 'int32')], 'words');
    collator.begin(
      batchOf({
        words: [
          listOf(new Int32()),
          [
            [1, 2],
            [3, 256],
          ],
        ],
      }),
    );
    expect(faultOf(() => collator.write(claimOf(0, 0, 2, 0), 0))).toEqual({
      row: 1,
      column: 'words',
      message: 'holds 256, which does not fit uint8',
    });
  });
});

test('a column that changes its type from one record batch to the next is named', () => {
  const collator = new Collator(ringOf(2, 1, [tensor('x', 'float32', [])]), [input(0, 'c', 'float32')]);
  expect(faultOf(() => collator.begin(batchOf({ c: [new Float64(), [1]] })))).toEqual({
    row: 0,
    column: 'c',
    message: 'is Float64 here, and float32 in the record batches before',
  });
});

describe('a row that has no place in the tensor is named', () => {
  const ring = ringOf(4, 1, [tensor('x', 'uint8', [2])]);
  const collator = new Collator(ring, [input(0, 'c', 'int32')]);
  const begin = (type: arrow.DataType, values: unknown[]) =>
    faultOf(() => collator.begin(batchOf({ c: [type, values] })));

  test('a null', () => {
    const fault = { row: 1, column: 'c', message: 'is null, and a tensor has no place for nulls' };
    expect(begin(vectorsOf(2, new Int32()), [[1, 2], null])).toEqual(fault);
    expect(
      begin(vectorsOf(2, new Int32()), [
        [1, 2],
        [3, null],
        [5, 6],
      ]),
    ).toEqual(fault);
    expect(
      begin(listOf(new Int32()), [
        [1, 2],
        [null, 4],
      ]),
    ).toEqual(fault);
  });

  test('another length', () => {
    expect(begin(listOf(new Int32()), [[1, 2], [3, 4], [5]])).toEqual({
      row: 2,
      column: 'c',
      message: 'has 1 values; the tensor takes 2',
    });
    expect(begin(listOf(new Int32()), [[1, 2, 3]])).toMatchObject({
      row: 0,
      message: 'has 3 values; the tensor takes 2',
    });
    expect(begin(listOf(new Int32()), [[1, 2], []])).toMatchObject({
      row: 1,
      message: 'has 0 values; the tensor takes 2',
    });
  });

  test('a value out of range: the row counts from the start of the record batch', () => {
    const rows = [
      [0, 1],
      [2, 255],
      [256, 0],
      [-1, 0],
    ];
    expect(begin(vectorsOf(2, new Int32()), rows)).toBeUndefined();
    expect(faultOf(() => collator.write(claimOf(0, 0, 2), 0))).toBeUndefined();
    expect(faultOf(() => collator.write(claimOf(0, 2, 2), 2))).toEqual({
      row: 2,
      column: 'c',
      message: 'holds 256, which does not fit uint8',
    });
    expect(faultOf(() => collator.write(claimOf(0, 3, 1), 3))).toMatchObject({
      row: 3,
      message: expect.stringContaining('holds -1'),
    });
    const lists = batchOf({ c: [listOf(new Int32()), rows] });
    collator.begin(lists.slice(1, 4));
    expect(faultOf(() => collator.write(claimOf(0, 0, 3), 0))).toMatchObject({ row: 1 });
  });

  test('a column that the record batch does not have', () => {
    expect(faultOf(() => collator.begin(batchOf({ d: [new Float64(), [1]] })))).toEqual({
      row: 0,
      column: 'c',
      message: 'the record batch has no such column',
    });
  });

  test('lists whose offsets are damaged', () => {
    const child = arrow.vectorFromArray([1, 2, 3, 4], new Int32()).data[0] as arrow.Data;
    for (const [row, offsets] of [
      [0, [0, 2_000_000_002, 4]],
      [0, [-2, 2, 4]],
      [1, [0, 2, 1]],
      [0, [0, 6, 4]],
    ] as const) {
      const data = arrow.makeData({
        type: listOf(new Int32()) as arrow.List,
        length: 2,
        nullCount: 0,
        valueOffsets: Int32Array.from(offsets),
        child,
      });
      expect(faultOf(() => collator.begin(new arrow.RecordBatch({ c: data })))).toMatchObject({
        row,
        column: 'c',
      });
    }
  });
});

test('a fault does not keep the next record batch from being written', () => {
  const ring = ringOf(2, 1, [tensor('x', 'float32', [])]);
  const collator = new Collator(ring, [input(0, 'c', 'float32')]);
  expect(faultOf(() => collator.begin(batchOf({ c: [new Float32(), [1, null]] })))).toMatchObject({ row: 1 });
  collator.begin(batchOf({ c: [new Float32(), [5, 6]] }));
  collator.write(claimOf(0, 0, 2), 0);
  expect(valuesOf(ring, 0, 0)).toEqual([5, 6]);
});

test('a record batch without rows is none to complain about', () => {
  const ring = ringOf(2, 1, [tensor('x', 'float32', [2])]);
  const collator = new Collator(ring, [input(0, 'c', 'float32')]);
  expect(faultOf(() => collator.begin(batchOf({ c: [listOf(new Float32()), []] })))).toBeUndefined();
});

test('a ring may have more than 4 GiB', () => {
  // Only addresses: nothing is written but two rows.
  const [rows, slots] = [2 ** 18, 5];
  const ring = ringOf(rows, slots, [tensor('x', 'float32', [1024])]);
  expect(ring.memory.arena.byteLength).toBeGreaterThan(4 * 2 ** 30);
  const collator = new Collator(ring, [input(0, 'c', 'float32')]);
  const values = Array.from({ length: 1024 }, (_, i) => i);
  collator.begin(batchOf({ c: [vectorsOf(1024, new Float32()), [values, values]] }));
  collator.write(claimOf(slots - 1, rows - 2, 2), 0);
  const [region] = ring.layout.inputs;
  const written = ring.regionView(slots - 1, region as never);
  expect([written.at(-1), written.at(-1025), written.at(-2049)]).toEqual([1023, 1023, 0]);
});

test('an input that the layout does not have is refused', () => {
  expect(() => new Collator(ringOf(2, 1, []), [input(0, 'c', 'float32')])).toThrow('no input tensor 0');
});
