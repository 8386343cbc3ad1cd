import * as arrow from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { checkValues } from '../../src/dataset/arrow-check.js';
import { random } from '../helpers/random.js';
import { everyType } from './columns.js';

const { Data, Field, Int32, Utf8 } = arrow;
const item = (type: arrow.DataType): arrow.Field => new Field('item', type, true);
const int32s = (...values: number[]): arrow.Data =>
  new Data(new Int32(), 0, values.length, 0, [undefined, Int32Array.from(values)] as never);
const made = (type: arrow.DataType, length: number, buffers: unknown[], children: arrow.Data[] = []) =>
  new Data(type, 0, length, 0, buffers as never, children);

test.each(everyType(40, random(2)).map((column) => [column.name, column] as const))(
  'a column that is whole passes: %s',
  (_, column) => {
    expect(() => checkValues(column.piece(0, 40))).not.toThrow();
  },
);

const union = (mode: arrow.UnionMode) =>
  new arrow.Union(mode, [0, 5], [new Field('a', new Int32()), new Field('b', new Int32())]);
const view = (...words: number[]): Uint8Array => new Uint8Array(Int32Array.from(words).buffer);

describe('what refers to nothing is told', () => {
  test.each<[string, arrow.Data, string]>([
    [
      'text that ends before it begins',
      made(new Utf8(), 3, [Int32Array.of(0, 4, 2, 6), new Uint8Array(6)]),
      'element 1 begins at 4 and ends at 2',
    ],
    ['text behind its values', made(new Utf8(), 1, [Int32Array.of(0, 7), new Uint8Array(6)]), '0 to 7 of 6'],
    [
      'text before its values',
      made(new Utf8(), 1, [Int32Array.of(-1, 3), new Uint8Array(6)]),
      '-1 to 3 of 6',
    ],
    [
      'large text',
      made(new arrow.LargeUtf8(), 2, [BigInt64Array.of(0n, 2n ** 40n, 2n), new Uint8Array(6)]),
      'element 1 begins at 1099511627776',
    ],
    [
      'large text far away',
      made(new arrow.LargeBinary(), 1, [BigInt64Array.of(0n, 2n ** 33n), new Uint8Array(6)]),
      'elements lie at 0 to 8589934592 of 6',
    ],
    [
      'a list',
      made(new arrow.List(item(new Int32())), 1, [Int32Array.of(0, 3)], [int32s(1, 2)]),
      'elements lie at 0 to 3 of 2',
    ],
    [
      'a list in a struct',
      made(
        new arrow.Struct([new Field('x', new arrow.List(item(new Int32())))]),
        1,
        [],
        [made(new arrow.List(item(new Int32())), 1, [Int32Array.of(0, 3)], [int32s(1, 2)])],
      ),
      'elements lie at 0 to 3 of 2',
    ],
    [
      'vectors with too few elements',
      made(new arrow.FixedSizeList(3, item(new Int32())), 2, [], [int32s(1, 2, 3, 4, 5)]),
      'a child has 5 elements, and 6 are needed',
    ],
    [
      'the second child of a struct',
      made(
        new arrow.Struct([new Field('a', new Int32()), new Field('b', new Int32())]),
        2,
        [],
        [int32s(1, 2), int32s(1)],
      ),
      'a child has 1 elements, and 2 are needed',
    ],
    [
      'a view of no buffer',
      made(new arrow.Utf8View(), 1, [undefined, view(13, 0, 0, 0)]),
      'of buffer 0, which has -1',
    ],
    [
      'a view of less than nothing',
      made(new arrow.Utf8View(), 1, [undefined, view(-1, 0, 0, 0)]),
      'bytes 0 to -1',
    ],
    [
      'a type that a union does not have',
      made(
        union(arrow.UnionMode.Sparse),
        1,
        [undefined, undefined, undefined, Int8Array.of(1)],
        [int32s(1), int32s(1)],
      ),
      'element 0 is of type 1, which the union does not have',
    ],
    [
      'an element that a dense union does not have',
      made(
        union(arrow.UnionMode.Dense),
        1,
        [Int32Array.of(1), undefined, undefined, Int8Array.of(5)],
        [int32s(), int32s(1)],
      ),
      'element 0 is element 1 of 1',
    ],
    [
      'nulls that are not there',
      new Data(new Int32(), 0, 9, 3, [undefined, new Int32Array(9), Uint8Array.of(0xff, 0)] as never),
      'it claims 3 nulls, and its bitmap has 1',
    ],
  ])('%s', (_, data, message) => {
    expect(() => checkValues(data)).toThrow(message);
  });

  test('but for what is null', () => {
    const dictionary = arrow.vectorFromArray(['a'], new Utf8());
    const type = new arrow.Dictionary(new Utf8(), new Int32(), 1);
    const indices = [undefined, Int32Array.of(0, 77), Uint8Array.of(1)] as never;
    expect(() => checkValues(new Data(type, 0, 2, 1, indices, [], dictionary))).not.toThrow();
    const views = [undefined, view(99, 0, 3, 3), Uint8Array.of(0)] as never;
    expect(() => checkValues(new Data(new arrow.Utf8View(), 0, 1, 1, views))).not.toThrow();
  });
});
