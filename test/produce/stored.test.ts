import { writeFileSync } from 'node:fs';
import * as arrow from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { ArrowFile } from '../../src/dataset/arrow-file.js';
import type { RawBatch } from '../../src/dataset/types.js';
import { Collator } from '../../src/produce/collate.js';
import type { CollateInput } from '../../src/produce/writer.js';
import type { Ring } from '../../src/ring/ring.js';
import { listLocal, openLocal } from '../../src/storage/local.js';
import type { DType } from '../../src/util/dtype.js';
import { fileOfPieces } from '../dataset/columns.js';
import { random } from '../helpers/random.js';
import { workspace } from '../helpers/workspace.js';
import { claimOf, faultOf, input, ringOf, tensor } from './ring.js';

// Columns that are left in the file and read from there straight into slots, against the same columns decoded.

const WIDTH = 60;
const ROWS = 400;

/** Rows of `WIDTH` numbers, in two record batches, as a local file. */
async function openVectors(type: arrow.DataType, value: (i: number) => number, leave: string[]) {
  const pieces = [0, 1].map((batch) => {
    const values = Array.from({ length: ROWS * WIDTH }, (_, i) => value(batch * ROWS * WIDTH + i));
    const child = arrow.vectorFromArray(values, type).data[0] as arrow.Data;
    const list = new arrow.FixedSizeList(WIDTH, new arrow.Field('item', type, true));
    const numbers = arrow.vectorFromArray(
      Array.from({ length: ROWS }, (_, i) => i),
      new arrow.Int32(),
    );
    const vectors = arrow.makeData({ type: list, length: ROWS, nullCount: 0, child });
    return [numbers.data[0] as arrow.Data, vectors];
  });
  const path = workspace()('vectors.arrow');
  writeFileSync(path, fileOfPieces(['n', 'x'], pieces));
  const [object] = await listLocal(path);
  if (object === undefined) throw new Error('no file');
  return ArrowFile.open(await openLocal(object), { columns: ['n', 'x'], leave: new Set(leave) });
}

async function rawBatches(file: ArrowFile): Promise<RawBatch[]> {
  const all: RawBatch[] = [];
  for await (const raw of file.batches({ first: 0, count: 2 })) all.push(raw);
  return all;
}

/** Writes rows of both record batches in claims of any size, at any place; returns the slots' bytes. */
async function collated(ring: Ring, inputs: readonly CollateInput[], file: ArrowFile): Promise<Uint8Array> {
  const collator = new Collator(ring, inputs);
  const next = random(7);
  let slot = 0;
  for await (const raw of file.batches({ first: 0, count: 2 })) {
    const batch = raw.decode();
    collator.begin(batch, raw.stored);
    for (let row = 0; row < batch.numRows; slot++) {
      const first = Math.floor(next() * 50);
      const count = Math.min(batch.numRows - row, 1 + Math.floor(next() * 400));
      collator.write(claimOf(slot, first, count), row);
      row += count;
    }
  }
  return new Uint8Array(ring.memory.arena).slice();
}

describe('a column that is left in the file gives the same tensor as one that is decoded', () => {
  const cases: [string, arrow.DataType, DType, DType, number][] = [
    ['copied', new arrow.Float32(), 'float32', 'float32', 1],
    ['copied, of one byte', new arrow.Uint8(), 'uint8', 'uint8', 1],
    ['cast and scaled', new arrow.Uint8(), 'uint8', 'float32', 1 / 255],
    ['cast to a larger type', new arrow.Int16(), 'int16', 'int64', 1],
  ];
  test.each(cases)('%s', async (_, type, source, target, factor) => {
    const make = () => ringOf(450, 16, [tensor('x', target, [WIDTH]), tensor('n', 'int32', [])]);
    const inputs = [input(0, 'x', source, { factor }), input(1, 'n', 'int32')];
    const value = (i: number): number => (i * 7) % 127;
    const left = await openVectors(type, value, ['x']);
    for (const raw of await rawBatches(left)) {
      expect([...raw.stored.keys()]).toEqual(['x']);
      expect(raw.decode().schema.fields.map(({ name }) => name)).toEqual(['n']);
      expect(raw.bytes).toBeGreaterThanOrEqual(raw.rows * (WIDTH * type.ArrayType.BYTES_PER_ELEMENT + 4));
    }
    const decoded = await openVectors(type, value, []);
    expect((await rawBatches(decoded)).every(({ stored }) => stored.size === 0)).toBe(true);
    const [bytes, expected] = [await collated(make(), inputs, left), await collated(make(), inputs, decoded)];
    expect(bytes.some((byte) => byte !== 0)).toBe(true);
    expect(Buffer.compare(bytes, expected)).toBe(0);
    await Promise.all([left.close(), decoded.close()]);
  });
});

test('a value that does not fit is named by its row, wherever the reads are cut', async () => {
  const bad = 17 + 323 * WIDTH;
  const file = await openVectors(new arrow.Int32(), (i) => (i === bad ? 300 : 5), ['x']);
  const ring = ringOf(ROWS, 1, [tensor('x', 'uint8', [WIDTH])]);
  const collator = new Collator(ring, [input(0, 'x', 'int32')]);
  const [raw] = await rawBatches(file);
  if (raw === undefined) throw new Error('no record batch');
  collator.begin(raw.decode(), raw.stored);
  expect(faultOf(() => collator.write(claimOf(0, 0, ROWS), 0))).toEqual({
    row: 323,
    column: 'x',
    message: 'holds 300, which does not fit uint8',
  });
  await file.close();
});

test('a column with a null in it is decoded, so that the null is found', async () => {
  const child = arrow.vectorFromArray(new Array(64 * 256).fill(1), new arrow.Float32()).data[0] as arrow.Data;
  const type: arrow.FixedSizeList = new arrow.FixedSizeList(
    256,
    new arrow.Field('item', new arrow.Float32(), true),
  );
  const nullBitmap = new Uint8Array(8).fill(255);
  nullBitmap[5] = 0b11111101;
  const data = arrow.makeData({ type, length: 64, nullCount: 1, nullBitmap, child });
  const path = workspace()('nulls.arrow');
  writeFileSync(path, fileOfPieces(['x'], [[data]]));
  const [object] = await listLocal(path);
  if (object === undefined) throw new Error('no file');
  const file = await ArrowFile.open(await openLocal(object), { columns: ['x'], leave: new Set(['x']) });
  const collator = new Collator(ringOf(64, 1, [tensor('x', 'float32', [256])]), [input(0, 'x', 'float32')]);
  for await (const raw of file.batches({ first: 0, count: 1 })) {
    expect(raw.stored.size).toBe(0);
    expect(faultOf(() => collator.begin(raw.decode(), raw.stored))).toMatchObject({ row: 41, column: 'x' });
  }
  await file.close();
});

describe('what may be left in the file', () => {
  const wide = tensor('x', 'float32', [256]);
  test('is a column of large rows that feeds one tensor', () => {
    const ring = ringOf(64, 1, [wide, tensor('n', 'int32', [])]);
    expect(new Collator(ring, [input(0, 'x', 'float32'), input(1, 'n', 'int32')]).storable).toEqual(['x']);
  });
  test('is no column that feeds two', () => {
    const ring = ringOf(64, 1, [wide, tensor('y', 'float32', [256])]);
    expect(new Collator(ring, [input(0, 'x', 'float32'), input(1, 'x', 'float32')]).storable).toEqual([]);
  });
  test('is nothing where rows go to buckets', () => {
    expect(new Collator(ringOf(64, 1, [wide]), [input(0, 'x', 'float32')], 'n').storable).toEqual([]);
  });
});
