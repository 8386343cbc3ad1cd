import * as arrow from 'apache-arrow';
import { BufferRegion, FieldNode, RecordBatch as Metadata } from 'apache-arrow/ipc/metadata/message';
import { describe, expect, test } from 'vitest';
import { type BatchLayout, fieldBuffers } from '../../src/dataset/arrow-buffers.js';
import { DataError } from '../../src/util/errors.js';

const object = { uri: 'data.arrow', size: 1, version: '1' };
const field = (name: string, type: arrow.DataType): arrow.Field => new arrow.Field(name, type, true);

/** Metadata of a batch without rows whose n-th buffer lies at n × 8. */
function metadata(nodes: number, buffers: number, variadic: number[] = []): Metadata {
  return new Metadata(
    0,
    Array.from({ length: nodes }, () => new FieldNode(0, 0)),
    Array.from({ length: buffers }, (_, i) => new BufferRegion(i * 8, 8)),
    null,
    variadic,
  );
}

const batch = (all: Metadata, bodyLength: number, what: string): BatchLayout => ({
  metadata: all,
  version: arrow.MetadataVersion.V5,
  bodyLength,
  what,
});

const { Int32, Utf8, Utf8View, Null, List, FixedSizeList, Struct } = arrow;
const COLUMNS: [name: string, type: arrow.DataType, nodes: number, buffers: number][] = [
  ['int', new Int32(), 1, 2],
  ['text', new Utf8(), 1, 3],
  ['nothing', new Null(), 1, 0],
  ['list', new List(field('item', new Utf8())), 2, 5],
  ['vector', new FixedSizeList(2, field('item', new Int32())), 2, 3],
  ['struct', new Struct([field('a', new Int32()), field('b', new Utf8())]), 3, 6],
  ['dictionary', new arrow.Dictionary(new Utf8(), new Int32(), 1), 1, 2],
  ['sparse', new arrow.SparseUnion([0, 1], [field('a', new Int32()), field('b', new Utf8())]), 3, 6],
  ['dense', new arrow.DenseUnion([0, 1], [field('a', new Int32()), field('b', new Utf8())]), 3, 7],
];

test('the nodes and buffers of each column are those behind the columns before it', () => {
  const columns = fieldBuffers(
    object,
    COLUMNS.map(([name, type]) => field(name, type)),
  );
  const all = metadata(17, 34);
  let [node, buffer] = [0, 0];
  COLUMNS.forEach(([name, , nodes, buffers], i) => {
    const regions = columns[i]?.regions(batch(all, 1000, 'batch 0'));
    const counted = (from: number, count: number): number[] =>
      Array.from({ length: count }, (_, k) => from + k);
    expect(
      regions?.nodes.map((found) => all.nodes.indexOf(found)),
      name,
    ).toEqual(counted(node, nodes));
    expect(
      regions?.buffers.map(({ offset }) => offset / 8),
      name,
    ).toEqual(counted(buffer, buffers));
    node += nodes;
    buffer += buffers;
  });
});

test('a column of views takes as many buffers more as its batch says', () => {
  const views = fieldBuffers(object, [
    field('a', new Utf8View()),
    field('b', new Utf8View()),
    field('c', new Int32()),
  ]);
  const all = metadata(3, 9, [2, 1]);
  const read = views.map((column) => column.regions(batch(all, 1000, 'batch 0')));
  expect(read.map(({ buffers }) => buffers.map(({ offset }) => offset / 8))).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6],
    [7, 8],
  ]);
  expect(read.map(({ variadicCounts }) => variadicCounts)).toEqual([[2], [1], []]);
});

describe('metadata that does not fit the schema is damage', () => {
  const [ints, texts] = fieldBuffers(object, [field('n', new Int32()), field('t', new Utf8())]);

  test.each([
    ['a node is missing', metadata(1, 5)],
    ['a buffer is missing', metadata(2, 4)],
  ])('%s', (_, broken) => {
    expect(() => texts?.regions(batch(broken, 1000, 'record batch 7'))).toThrow(
      new DataError('data.arrow: is damaged: record batch 7 lacks buffers (column "t")', {
        file: 'data.arrow',
        column: 't',
        hint: 'Copy or write it again.',
      }),
    );
    expect(() => ints?.regions(batch(broken, 1000, 'record batch 7'))).not.toThrow();
  });

  test.each([
    ['begins before the body', -8, 8],
    ['ends behind it', 96, 8],
    ['has a negative length', 8, -8],
    ['lies nowhere', Number.NaN, 8],
  ])('a buffer %s', (_, offset, length) => {
    const broken = metadata(1, 2);
    broken.buffers[1] = new BufferRegion(offset, length);
    expect(() => ints?.regions(batch(broken, 100, 'record batch 7'))).toThrow(DataError);
    expect(() => ints?.regions(batch(broken, 100, 'record batch 7'))).toThrow(
      `record batch 7 places a buffer at bytes ${offset} to ${offset + length} of a body of 100 (column "n")`,
    );
  });
});

describe('what a column claims must fit into what it holds', () => {
  const node = (length: number, nullCount = 0): FieldNode => new FieldNode(length, nullCount);
  const region = (length: number): BufferRegion => new BufferRegion(0, length);
  const read = (type: arrow.DataType, rows: number, nodes: FieldNode[], buffers: BufferRegion[]) => () =>
    fieldBuffers(object, [field('c', type)])[0]?.regions(
      batch(new Metadata(rows, nodes, buffers, null), 1000, 'record batch 0'),
    );

  test.each([
    [
      'fewer elements than rows',
      new Int32(),
      4,
      [node(3)],
      [region(0), region(64)],
      'claims 3 elements where 4 are needed',
    ],
    [
      'more rows than anything holds',
      new Int32(),
      2 ** 40,
      [node(2 ** 40)],
      [region(0), region(64)],
      '1099511627776 elements take 4398046511104',
    ],
    [
      'more nulls than rows',
      new Int32(),
      4,
      [node(4, 5)],
      [region(8), region(64)],
      'claims 5 nulls among 4 elements',
    ],
    [
      'too few bytes',
      new Int32(),
      4,
      [node(4)],
      [region(0), region(15)],
      'has 15 bytes where 4 elements take 16',
    ],
    [
      'no bitmap for its nulls',
      new Int32(),
      9,
      [node(9, 1)],
      [region(1), region(64)],
      'has 1 bytes where 9 elements take 2',
    ],
    [
      'too few offsets',
      new Utf8(),
      4,
      [node(4)],
      [region(0), region(16), region(9)],
      'has 16 bytes where 4 elements take 20',
    ],
    [
      'a list with too few elements',
      new FixedSizeList(3, field('item', new Int32())),
      4,
      [node(4), node(11)],
      [region(0), region(0), region(64)],
      'claims 11 elements where 12 are needed',
    ],
  ])('%s', (_, type, rows, nodes, buffers, message) => {
    expect(read(type, rows, nodes, buffers)).toThrow(DataError);
    expect(read(type, rows, nodes, buffers)).toThrow(message);
  });
});

test('a type that is not supported is refused by name', () => {
  // What a library newer than this one would hand over.
  const unheard = Object.assign(new Int32(), { typeId: 99, toString: () => 'RunEndEncoded' });
  expect(() => fieldBuffers(object, [field('runs', unheard)])).toThrow(
    new DataError('data.arrow: column "runs" is of type RunEndEncoded, which is not supported', {
      file: 'data.arrow',
      column: 'runs',
    }),
  );
});
