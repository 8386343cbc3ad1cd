import * as arrow from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { takeRows } from '../../src/dataset/take.js';
import { random } from '../helpers/random.js';

const item = (type: arrow.DataType): arrow.Field => new arrow.Field('item', type, true);
const SEED = 31;
const next = random(SEED);
const int = (): number => Math.floor(next() * 100);
const orNull = (value: unknown): unknown => (next() < 0.2 ? null : value);
const some = (make: () => unknown, most = 4): unknown[] =>
  Array.from({ length: Math.floor(next() * (most + 1)) }, make);

const kinds: [string, arrow.DataType, () => unknown][] = [
  ['int32', new arrow.Int32(), int],
  ['int64', new arrow.Int64(), () => BigInt(int())],
  ['float64', new arrow.Float64(), next],
  ['bool', new arrow.Bool(), () => next() < 0.5],
  ['text', new arrow.Utf8(), () => 'ä'.repeat(int() % 5)],
  ['large text', new arrow.LargeUtf8(), () => 'x'.repeat(int() % 5)],
  ['bytes', new arrow.Binary(), () => Uint8Array.from({ length: int() % 4 }, int)],
  ['bytes of a fixed width', new arrow.FixedSizeBinary(3), () => Uint8Array.of(int(), int(), int())],
  ['a timestamp', new arrow.TimestampMillisecond(), int],
  ['codes of a dictionary', new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8()), () => `v${int() % 5}`],
  ['lists', new arrow.List(item(new arrow.Int16())), () => some(() => orNull(int()))],
  [
    'lists of lists',
    new arrow.List(item(new arrow.List(item(new arrow.Utf8())))),
    () => some(() => some(() => 'a')),
  ],
  ['fixed lists', new arrow.FixedSizeList(2, item(new arrow.Float32())), () => [int(), orNull(int())]],
  ['structs', new arrow.Struct([new arrow.Field('a', new arrow.Int8(), true)]), () => ({ a: orNull(int()) })],
];

describe('some rows of a column of', () => {
  test.each(kinds)('%s are those rows, also of a piece of it', (_, type, make) => {
    const values = Array.from({ length: 60 }, () => orNull(make()));
    const data = arrow.vectorFromArray(values, type).data[0] as arrow.Data;
    const whole = new arrow.RecordBatch({ x: data });
    for (const batch of [whole, whole.slice(7, 45)]) {
      const rows = Int32Array.from({ length: batch.numRows }, (_, row) => row).filter(() => next() < 0.6);
      const taken = takeRows(batch, rows);
      const plain = (from: arrow.RecordBatch, row: number): string =>
        JSON.stringify(from.get(row)?.x, (_, value) => (typeof value === 'bigint' ? String(value) : value));
      expect(Array.from(rows, (_, i) => plain(taken, i))).toEqual(
        Array.from(rows, (row) => plain(batch, row)),
      );
      // What is taken is written as it is, so it must be whole.
      const read = arrow.tableFromIPC(arrow.tableToIPC(new arrow.Table([taken]))).batches[0];
      expect(Array.from(rows, (_, i) => plain(read as arrow.RecordBatch, i))).toEqual(
        Array.from(rows, (row) => plain(batch, row)),
      );
    }
  });

  test('large text are the same where that lies beyond 2 GiB', () => {
    const begin = 2 ** 31 + 5;
    const data = new Uint8Array(begin + 3);
    data.set(Buffer.from('abc'), begin);
    const valueOffsets = BigInt64Array.of(0n, 2n, BigInt(begin), BigInt(begin + 3));
    const x = arrow.makeData({ type: new arrow.LargeUtf8(), length: 3, valueOffsets, data });
    const taken = takeRows(new arrow.RecordBatch({ x }), Int32Array.of(0, 2));
    expect(taken.get(0)?.x).toBe('\0\0');
    expect(taken.get(1)?.x).toBe('abc');
  });
});
