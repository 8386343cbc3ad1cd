import * as arrow from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { rowLengths } from '../../src/produce/lengths.js';
import { batchOf, faultOf, listOf, vectorsOf } from './ring.js';

const { Binary, Float32, Int32, Int64, LargeList, Uint8 } = arrow;

const lengthsOf = (type: arrow.DataType, values: unknown[]): number[] =>
  Array.from(rowLengths(batchOf({ c: [type, values] }), 'c'));

describe('the length of a row', () => {
  test.each([
    ['a whole number', new Int32(), [3, 0, 7], [3, 0, 7]],
    ['a 64-bit whole number', new Int64(), [3n, 0n, 2n ** 31n - 1n], [3, 0, 2 ** 31 - 1]],
    ['a small one', new Uint8(), [255, 1], [255, 1]],
    ['the length of a list', listOf(new Float32()), [[1, 2], [], [3]], [2, 0, 1]],
    ['the length of a large list', new LargeList(new arrow.Field('item', new Int32())), [[1, 2], []], [2, 0]],
    [
      'the number of vectors in a list',
      listOf(vectorsOf(3, new Int32())),
      [
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        [],
      ],
      [2, 0],
    ],
    ['the number of bytes', new Binary(), [Uint8Array.of(1, 2), Uint8Array.of()], [2, 0]],
  ] as [string, arrow.DataType, unknown[], number[]][])('is %s', (_, type, values, lengths) => {
    expect(lengthsOf(type, values)).toEqual(lengths);
  });

  test('is that of the outer list where lists lie in it', () => {
    const rows = [
      [
        [1, 2, 3],
        [4, 5],
      ],
      [],
      [[6]],
    ];
    expect(lengthsOf(listOf(listOf(new Int32())), rows)).toEqual([2, 0, 1]);
  });

  test('is told for a piece of a record batch', () => {
    const batch = batchOf({ c: [listOf(new Int32()), [[1], [1, 2], [1, 2, 3]]] });
    expect(Array.from(rowLengths(batch.slice(1, 3), 'c'))).toEqual([2, 3]);
  });
});

describe('a row without a length is named', () => {
  test.each([
    ['null', new Int32(), [1, null], 'is null, and tells the length of the row'],
    ['a null list', listOf(new Int32()), [[1], null], 'is null, and tells the length of the row'],
    ['negative', new Int32(), [1, -1], 'is -1, which is no length'],
    ['too large', new Int64(), [1n, 2n ** 31n], 'is 2147483648, which is no length'],
    ['not whole', new Float32(), [1, 1.5], 'is 1.5, which is no length'],
  ] as [string, arrow.DataType, unknown[], string][])('%s', (_, type, values, message) => {
    expect(faultOf(() => lengthsOf(type, values))).toEqual({ row: 1, column: 'c', message });
  });

  test('a list whose offsets run backwards, or beyond its elements, as they do where a file is damaged', () => {
    const child = arrow.vectorFromArray([1, 2, 3, 4, 5], new Int32()).data[0] as arrow.Data;
    for (const offsets of [
      [0, 5, 2],
      [0, 2, 9],
    ]) {
      const type = listOf(new Int32()) as arrow.List;
      const valueOffsets = Int32Array.from(offsets);
      const data = arrow.makeData({ type, length: 2, nullCount: 0, valueOffsets, child });
      const fault = faultOf(() => rowLengths(new arrow.RecordBatch({ c: data }), 'c'));
      expect(fault, String(offsets)).toMatchObject({ row: 1, column: 'c' });
    }
  });

  test('a column that is not there', () => {
    expect(faultOf(() => rowLengths(batchOf({ d: [new Int32(), [1]] }), 'c'))).toEqual({
      row: 0,
      column: 'c',
      message: 'the record batch has no such column',
    });
  });
});
