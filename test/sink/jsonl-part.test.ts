import * as arrow from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { encodeJsonlPart } from '../../src/sink/jsonl-part.js';
import { DTYPES } from '../../src/util/dtype.js';
import { everyType } from '../dataset/columns.js';
import { random } from '../helpers/random.js';
import { output, SAMPLES, split } from './splits.js';

const linesOf = (bytes: Uint8Array): string[] => Buffer.from(bytes).toString().split('\n').slice(0, -1);

/** One column as it is written, values only. */
function written(
  type: arrow.DataType,
  values: readonly unknown[],
  metadata?: Map<string, string>,
): unknown[] {
  const data = arrow.vectorFromArray([...values], type).data[0] as arrow.Data;
  return writtenData(data, metadata);
}

function writtenData(data: arrow.Data, metadata?: Map<string, string>): unknown[] {
  const schema = new arrow.Schema([new arrow.Field('v', data.type, true, metadata)]);
  const children = [data];
  const rows = arrow.makeData({
    type: new arrow.Struct(schema.fields),
    length: data.length,
    nullCount: 0,
    children,
  });
  const keep = arrow.RecordBatchStreamWriter.writeAll([new arrow.RecordBatch(schema, rows)]).toUint8Array(
    true,
  );
  const { produced, outputs } = split([data.length], []);
  return linesOf(encodeJsonlPart({ produced: { ...produced, keep: [keep] }, outputs })).map(
    (line) => JSON.parse(line).v,
  );
}

/** 64-bit integers as they are stored, null where undefined. */
function stored(type: arrow.DataType, values: readonly (bigint | undefined)[]): arrow.Data {
  const nullBitmap = Uint8Array.of(
    values.reduce((bits, value, i) => bits | (value === undefined ? 0 : 1 << i), 0),
  );
  const data = BigInt64Array.from(values, (value) => value ?? 0n);
  return arrow.makeData({
    type,
    length: values.length,
    nullCount: -1,
    nullBitmap,
    data,
  } as never) as arrow.Data;
}

test('a row is an object, its kept columns first, in lines of their own', () => {
  const kept = {
    name: 'a "quoted"\nname',
    piece: (from: number, rows: number) =>
      arrow
        .vectorFromArray(['é\n"x"', null, '\u2028'], new arrow.Utf8())
        .data[0]?.slice(from, rows) as arrow.Data,
  };
  const outputs = [
    output('y', { name: 'y', dtype: 'float32', rowDims: [] }, [0.5, -1, 2]),
    output('z', { name: 'z', dtype: 'int8', rowDims: [1, 2, 2] }, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    output('none', { name: 'none', dtype: 'int8', rowDims: [0] }, []),
  ];
  expect(linesOf(encodeJsonlPart(split([2, 0, 1], outputs, [kept])))).toEqual([
    '{"a \\"quoted\\"\\nname":"é\\n\\"x\\"","y":0.5,"z":[[[1,2],[3,4]]],"none":[]}',
    '{"a \\"quoted\\"\\nname":null,"y":-1,"z":[[[5,6],[7,8]]],"none":[]}',
    `{"a \\"quoted\\"\\nname":${JSON.stringify('\u2028')},"y":2,"z":[[[9,10],[11,12]]],"none":[]}`,
  ]);
});

test('a part without rows is empty, and rows without columns are empty objects', () => {
  expect(encodeJsonlPart(split([], []))).toHaveLength(0);
  expect(linesOf(encodeJsonlPart(split([2], [])))).toEqual(['{}', '{}']);
});

test('a part of many rows is written whole', () => {
  const values = Array.from({ length: 300_000 }, (_, i) => i / 7);
  const lines = linesOf(
    encodeJsonlPart(split([300_000], [output('y', { name: 'y', dtype: 'float64', rowDims: [] }, values)])),
  );
  expect(lines.map((line) => JSON.parse(line).y)).toEqual(values);
});

describe.each(DTYPES)('outputs of %s', (dtype) => {
  test('are numbers, but where those would be rounded', () => {
    const sample = SAMPLES[dtype];
    const values = output(
      'y',
      { name: 'y', dtype, rowDims: [2] },
      sample.map(([raw]) => raw),
    );
    const expected = sample.map(([, meaning]) => {
      if (typeof meaning !== 'string') return meaning;
      const digits = meaning.slice(0, -1);
      return Number.isSafeInteger(Number(digits)) ? Number(digits) : digits;
    });
    const lines = linesOf(encodeJsonlPart(split([2], [values])));
    expect(lines.flatMap((line) => JSON.parse(line).y)).toEqual(expected);
  });
});

test.each(['float32', 'float64'] as const)('what JSON has no number for is null: %s', (dtype) => {
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0];
  const bytes = encodeJsonlPart(split([4], [output('y', { name: 'y', dtype, rowDims: [] }, values)]));
  expect(linesOf(bytes)).toEqual(['{"y":null}', '{"y":null}', '{"y":null}', '{"y":-0}']);
});

describe('kept columns', () => {
  test('of every type, with nulls, can be written, and give JSON', () => {
    const columns = everyType(200, random(3));
    const lines = linesOf(encodeJsonlPart(split([120, 80], [], columns)));
    const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows).toHaveLength(200);
    for (const { name, piece } of columns) {
      const nulls = Array.from(new arrow.Vector([piece(0, 200)]), (value) => value === null);
      expect(
        rows.map((row) => row[name] === null),
        name,
      ).toEqual(nulls);
    }
  });

  test('that are dates and times are ISO 8601, with all their digits', () => {
    expect(written(new arrow.DateDay(), [new Date('2026-01-31'), null, new Date('1969-12-31')])).toEqual([
      '2026-01-31',
      null,
      '1969-12-31',
    ]);
    expect(writtenData(stored(new arrow.DateMillisecond(), [86_400_000n, -1n]))).toEqual([
      '1970-01-02',
      '1969-12-31T23:59:59.999',
    ]);
    const days = arrow.makeData({ type: new arrow.DateDay(), data: Int32Array.of(2_932_896, 2 ** 31 - 1) });
    expect(writtenData(days)).toEqual(['9999-12-31', '2147483647']);
    const nanos = 1_769_860_800_123_456_789n;
    const times = [nanos, undefined, -1n];
    expect(writtenData(stored(new arrow.TimestampNanosecond('UTC'), times))).toEqual([
      '2026-01-31T12:00:00.123456789Z',
      null,
      '1969-12-31T23:59:59.999999999Z',
    ]);
    expect(writtenData(stored(new arrow.TimestampMicrosecond('Europe/Berlin'), [nanos / 1000n]))).toEqual([
      '2026-01-31T12:00:00.123456Z',
    ]);
    expect(writtenData(stored(new arrow.TimestampMillisecond(), [nanos / 1_000_000n]))).toEqual([
      '2026-01-31T12:00:00.123',
    ]);
    expect(writtenData(stored(new arrow.TimestampSecond(), [nanos / 10n ** 9n, 2n ** 62n]))).toEqual([
      '2026-01-31T12:00:00',
      String(2n ** 62n),
    ]);
    expect(writtenData(stored(new arrow.TimeNanosecond(), [3_723_000_000_004n]))).toEqual([
      '01:02:03.000000004',
    ]);
    expect(written(new arrow.TimeSecond(), [86_399])).toEqual(['23:59:59']);
    expect(writtenData(stored(new arrow.DurationMicrosecond(), [1_500_000n, -1n, 0n]))).toEqual([
      'PT1.5S',
      'PT-0.000001S',
      'PT0S',
    ]);
    const interval = (type: arrow.DataType, words: readonly number[]): arrow.Data =>
      arrow.makeData({ type, length: 1, nullCount: 0, data: Int32Array.from(words) } as never) as arrow.Data;
    expect(writtenData(interval(new arrow.IntervalYearMonth(), [14]))).toEqual(['P14M']);
    expect(writtenData(interval(new arrow.IntervalDayTime(), [2, 3004]))).toEqual(['P2DT3.004S']);
    expect(writtenData(interval(new arrow.IntervalMonthDayNano(), [1, -2, -1, -1]))).toEqual([
      'P1M-2DT-0.000000001S',
    ]);
  });

  test('that are decimals are text, with all their digits', () => {
    const words = (value: bigint): number[] =>
      Array.from({ length: 4 }, (_, i) => Number(BigInt.asUintN(32, value >> BigInt(32 * i))));
    const decimals = (scale: number, ...values: bigint[]): unknown[] =>
      writtenData(
        arrow.makeData({
          type: new arrow.Decimal(scale, 38, 128),
          length: values.length,
          nullCount: 0,
          data: Uint32Array.from(values.flatMap(words)),
        }),
      );
    expect(decimals(2, 1230n, -5n, 0n)).toEqual(['12.30', '-0.05', '0.00']);
    expect(decimals(0, 10n ** 37n)).toEqual([String(10n ** 37n)]);
    expect(decimals(-2, 12n, 0n)).toEqual(['1200', '0']);
  });

  test('that are bytes are base64', () => {
    expect(written(new arrow.Binary(), [Uint8Array.of(0, 255, 16), new Uint8Array(0)])).toEqual(['AP8Q', '']);
    expect(written(new arrow.FixedSizeBinary(2), [Uint8Array.of(1, 2)])).toEqual(['AQI=']);
  });

  test('that hold others are lists and objects', () => {
    const entries = (key: arrow.DataType) =>
      new arrow.Map_(
        new arrow.Field(
          'entries',
          new arrow.Struct([
            new arrow.Field('key', key, false),
            new arrow.Field('value', new arrow.Int64(), true),
          ]),
          false,
        ) as never,
      );
    expect(written(entries(new arrow.Utf8()), [new Map([['a"b', 1n]]), null, new Map()])).toEqual([
      { 'a"b': 1 },
      null,
      {},
    ]);
    expect(written(entries(new arrow.Int32()), [new Map([[7, null]]), new Map()])).toEqual([
      [{ key: 7, value: null }],
      [],
    ]);
    const struct = new arrow.Struct([
      new arrow.Field('x', new arrow.Int32(), true),
      new arrow.Field('l', new arrow.List(new arrow.Field('item', new arrow.Utf8(), true)), true),
    ]);
    expect(written(struct, [{ x: 1, l: ['a', null] }, null, { x: null, l: null }])).toEqual([
      { x: 1, l: ['a', null] },
      null,
      { x: null, l: null },
    ]);
    const words = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), 1);
    expect(written(words, ['b', null, 'a', 'b'])).toEqual(['b', null, 'a', 'b']);
  });

  test('that are tensors have their shape; other fixed-size lists are flat', () => {
    const pairs = new arrow.FixedSizeList(4, new arrow.Field('item', new arrow.Int32(), true));
    const tensor = (metadata: object) =>
      new Map([
        ['ARROW:extension:name', 'arrow.fixed_shape_tensor'],
        ['ARROW:extension:metadata', JSON.stringify(metadata)],
      ]);
    const values = [[1, 2, 3, 4], null];
    expect(written(pairs, values)).toEqual([[1, 2, 3, 4], null]);
    expect(written(pairs, values, tensor({ shape: [2, 2] }))).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      null,
    ]);
    expect(written(pairs, values, tensor({ shape: [2, 2], permutation: [1, 0] }))).toEqual(values);
  });
});
