import * as arrow from 'apache-arrow';
import { expect, test } from 'vitest';
import { shareDictionaries } from '../../src/sink/shared-dictionaries.js';
import { DataError } from '../../src/util/errors.js';
import { plain, streamOfPieces } from '../dataset/columns.js';

const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), 5);
const words = (...values: string[]): arrow.Vector => arrow.vectorFromArray(values, new arrow.Utf8());
const indices = (dictionary: arrow.Vector, ...data: number[]): arrow.Data =>
  arrow.makeData({ type, length: data.length, nullCount: 0, data: Int8Array.from(data), dictionary });

/** As columns come from a producer: each with a copy of its dictionary. */
const travelled = (data: arrow.Data): arrow.Data =>
  arrow.tableFromIPC(streamOfPieces(['c'], [[data]])).batches[0]?.data.children[0] as arrow.Data;

const valuesOf = (batches: readonly arrow.Data[]): string[][] =>
  batches.map((data) => plain(new arrow.Vector([data])));

const ab = words('a', 'b');
const abc = ab.concat(words('c'));

test.each([
  ['equal', [indices(ab, 0, 1), indices(words('a', 'b'), 1, 1)], 2],
  ['growing', [indices(ab, 0, 1), indices(abc, 2, 1), indices(abc.concat(words('d')), 3)], 4],
  ['shrinking again', [indices(abc, 0, 2), indices(ab, 1)], 3],
  ['replaced', [indices(ab, 0, 1), indices(words('x', 'y', 'z'), 2, 0), indices(ab, 1)], 5],
  ['replaced, and growing', [indices(words('x'), 0), indices(ab, 1), indices(abc, 2, 0)], 4],
])('dictionaries that are %s become one', (_, pieces, size) => {
  const batches = pieces.map(travelled);
  const shared = shareDictionaries('c', batches);
  expect(valuesOf(shared)).toEqual(valuesOf(batches));
  expect(new Set(shared.map(({ dictionary }) => dictionary)).size).toBe(1);
  expect(shared[0]?.dictionary?.length).toBe(size);
});

test('dictionaries within lists, too', () => {
  const list = new arrow.List(new arrow.Field('item', type, true));
  const listed = (child: arrow.Data): arrow.Data =>
    new arrow.Data(list, 0, 1, 0, [Int32Array.of(0, child.length)] as never, [child]);
  const batches = [listed(indices(ab, 0, 1)), listed(indices(words('x', 'y'), 1, 0))].map(travelled);
  const shared = shareDictionaries('c', batches);
  expect(valuesOf(shared)).toEqual(valuesOf(batches));
});

test('columns without dictionaries stay as they are', () => {
  const batches = [words('a').data[0], words('b').data[0]] as arrow.Data[];
  expect(shareDictionaries('c', batches)).toEqual(batches);
});

test('more values than the indices can tell apart are an error', () => {
  const many = (prefix: string): arrow.Vector =>
    words(...Array.from({ length: 100 }, (_, i) => `${prefix}${i}`));
  const batches = [indices(many('a'), 99), indices(many('b'), 99)].map(travelled);
  expect(() => shareDictionaries('c', batches)).toThrow(DataError);
  expect(() => shareDictionaries('c', batches)).toThrow(
    'column "c": its dictionaries hold 200 values together',
  );
});
