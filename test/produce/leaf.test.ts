import * as arrow from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstNullIn, flatten, type Leaf, leafOf } from '../../src/produce/leaf.js';

const item = (type: arrow.DataType): arrow.Field => new arrow.Field('item', type, true);
const list = (type: arrow.DataType): arrow.DataType => new arrow.List(item(type));
const large = (type: arrow.DataType): arrow.DataType => new arrow.LargeList(item(type));
const fixed = (size: number, type: arrow.DataType): arrow.DataType =>
  new arrow.FixedSizeList(size, item(type));

const { Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Float16, Float32, Float64, Bool } = arrow;

describe('the leaf of a type', () => {
  test.each([
    [new Int8(), 'int8', 1],
    [new Int16(), 'int16', 1],
    [new Int32(), 'int32', 1],
    [new Int64(), 'int64', 1],
    [new Uint8(), 'uint8', 1],
    [new Uint16(), 'uint16', 1],
    [new Uint32(), 'uint32', 1],
    [new Uint64(), 'uint64', 1],
    [new Float16(), 'float16', 1],
    [new Float32(), 'float32', 1],
    [new Float64(), 'float64', 1],
    [new Bool(), 'bool', 1],
    [new arrow.FixedSizeBinary(12), 'uint8', 12],
    [new arrow.Binary(), 'uint8', undefined],
    [fixed(784, new Float32()), 'float32', 784],
    [fixed(28, fixed(28, new Uint8())), 'uint8', 784],
    [fixed(3, new arrow.FixedSizeBinary(4)), 'uint8', 12],
    [list(new Int64()), 'int64', undefined],
    [large(new Bool()), 'bool', undefined],
    [list(fixed(2, new Float16())), 'float16', undefined],
    [fixed(2, list(new Float64())), 'float64', undefined],
    [new arrow.Dictionary(new arrow.Utf8(), new Int8()), 'int8', 1],
  ] as [arrow.DataType, Leaf['dtype'], number | undefined][])('%s: %s, %s a row', (type, dtype, width) => {
    expect(leafOf(type)).toEqual({ dtype, width });
  });

  test.each([
    new arrow.Utf8(),
    new arrow.LargeUtf8(),
    new arrow.Null(),
    new arrow.Decimal(2, 20, 128),
    new arrow.DateDay(),
    new arrow.TimestampMillisecond(),
    new arrow.Struct([item(new Int32())]),
    list(new arrow.Utf8()),
    fixed(2, new arrow.TimeSecond()),
  ])('%s: none', (type) => {
    expect(leafOf(type)).toBeUndefined();
  });
});

/** A value as nested arrays of numbers, or null anywhere in it. */
type Nested = number | bigint | boolean | null | Nested[];

/** The rows of a chunk as a tensor would take them, by what flatten says of it. */
function rowsOf(data: arrow.Data): { rows: unknown[][]; firstNull: number } {
  const { values, offsets } = flatten(data);
  const width = leafOf(data.type)?.width ?? 0;
  const rows = Array.from({ length: data.length }, (_, row) => {
    const [from, to] = offsets ? [offsets[row], offsets[row + 1]] : [row * width, (row + 1) * width];
    return Array.from<unknown>(values.subarray(from, to));
  });
  return { rows, firstNull: firstNullIn(data, 0, data.length) };
}

const hasNull = (value: Nested): boolean => value === null || (Array.isArray(value) && value.some(hasNull));
const leaves = (value: Nested): unknown[] =>
  Array.isArray(value) ? value.flatMap(leaves) : [typeof value === 'boolean' ? Number(value) : value];

/** A type with lists to any depth, and how its values are made. */
interface Kind {
  readonly type: arrow.DataType;
  readonly value: fc.Arbitrary<Nested>;
}

const orNull = (value: fc.Arbitrary<Nested>, nulls: boolean): fc.Arbitrary<Nested> =>
  nulls ? fc.option(value, { freq: 8, nil: null }) : value;

const scalars: Kind[] = [
  { type: new Int32(), value: fc.integer() },
  { type: new Uint8(), value: fc.nat({ max: 255 }) },
  { type: new Int64(), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { type: new Float64(), value: fc.double({ noNaN: true }) },
  { type: new Bool(), value: fc.boolean() },
];

function kinds(nulls: boolean): fc.Arbitrary<Kind> {
  const wrap = ({ type, value }: Kind): fc.Arbitrary<Kind> => {
    const child = orNull(value, nulls);
    return fc.oneof(
      fc.constant({ type: list(type), value: fc.array(child, { maxLength: 4 }) }),
      fc.constant({ type: large(type), value: fc.array(child, { maxLength: 4 }) }),
      fc.integer({ min: 1, max: 3 }).map((size) => ({
        type: fixed(size, type),
        value: fc.array(child, { minLength: size, maxLength: size }),
      })),
    );
  };
  const scalar = fc.constantFrom(...scalars);
  const one = scalar.chain(wrap);
  return fc.oneof(scalar, one, one.chain(wrap), one.chain(wrap).chain(wrap));
}

/** A column of a kind, and a piece of it. */
const columns = (nulls: boolean) =>
  kinds(nulls).chain(({ type, value }) =>
    fc.record({
      type: fc.constant(type),
      values: fc.array(orNull(value, nulls), { maxLength: 30 }),
      from: fc.nat({ max: 12 }),
      rows: fc.nat({ max: 20 }),
    }),
  );

function dataOf(type: arrow.DataType, values: readonly Nested[]): arrow.Data {
  return arrow.vectorFromArray(values, type).data[0] as arrow.Data;
}

describe('a flattened column', () => {
  const runs = { numRuns: 400 };

  test('has the numbers of each row, however they are nested, and no null where there is none', () => {
    fc.assert(
      fc.property(columns(false), ({ type, values }) => {
        expect(rowsOf(dataOf(type, values))).toEqual({ rows: values.map(leaves), firstNull: -1 });
      }),
      runs,
    );
  });

  test('that is a piece of another has the numbers of its own rows', () => {
    fc.assert(
      fc.property(columns(false), ({ type, values, from, rows }) => {
        const piece = values.slice(from, from + rows);
        fc.pre(piece.length > 0);
        const data = dataOf(type, values).slice(from, piece.length);
        expect(rowsOf(data)).toEqual({ rows: piece.map(leaves), firstNull: -1 });
      }),
      runs,
    );
  });

  test('names the first row that is null or has a null in it', () => {
    fc.assert(
      fc.property(columns(true), ({ type, values }) => {
        expect(rowsOf(dataOf(type, values)).firstNull).toBe(values.findIndex(hasNull));
      }),
      runs,
    );
  });

  test('that is the beginning of another minds only its own nulls', () => {
    fc.assert(
      fc.property(columns(true), ({ type, values, rows }) => {
        const piece = values.slice(0, rows);
        const data = dataOf(type, values).slice(0, piece.length);
        expect(rowsOf(data).firstNull).toBe(piece.findIndex(hasNull));
      }),
      runs,
    );
  });

  test('that is any piece of another minds only its own nulls', () => {
    fc.assert(
      fc.property(columns(true), ({ type, values, from, rows }) => {
        const piece = values.slice(from, from + rows);
        fc.pre(piece.length > 0);
        const data = dataOf(type, values).slice(from, piece.length);
        expect(rowsOf(data).firstNull).toBe(piece.findIndex(hasNull));
      }),
      runs,
    );
  });

  test('has the bytes of binaries', () => {
    const bytes = [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3, 4, 5)];
    const binary = arrow.vectorFromArray(bytes, new arrow.Binary()).data[0] as arrow.Data;
    expect(rowsOf(binary)).toEqual({ rows: [[1, 2], [], [3, 4, 5]], firstNull: -1 });
    expect(rowsOf(binary.slice(1, 2)).rows).toEqual([[], [3, 4, 5]]);
    const wide = [Uint8Array.of(1, 2), null, Uint8Array.of(5, 6)];
    const fixedWidth = arrow.vectorFromArray(wide, new arrow.FixedSizeBinary(2)).data[0] as arrow.Data;
    expect(rowsOf(fixedWidth)).toMatchObject({ firstNull: 1 });
    expect(rowsOf(fixedWidth.slice(2, 1))).toEqual({ rows: [[5, 6]], firstNull: -1 });
  });

  test('has float16 as raw bits', () => {
    const data = arrow.vectorFromArray([1, -2], new Float16()).data[0] as arrow.Data;
    expect(rowsOf(data).rows).toEqual([[0x3c00], [0xc000]]);
  });

  test('does not take a null that no row refers to for one of a row', () => {
    // Lists may leave out elements of their child; a null among those is nobody's.
    const child = dataOf(new Int32(), [1, null, 3, 4]);
    const data = arrow.makeData({
      type: list(new Int32()) as arrow.List,
      length: 2,
      nullCount: 0,
      valueOffsets: Int32Array.of(2, 3, 4),
      child,
    });
    expect(rowsOf(data)).toEqual({ rows: [[3], [4]], firstNull: -1 });
  });

  test('is not copied', () => {
    const data = dataOf(fixed(2, new Float32()), [
      [1, 2],
      [3, 4],
    ]);
    expect(flatten(data).values).toBe(data.children[0]?.values);
  });
});
