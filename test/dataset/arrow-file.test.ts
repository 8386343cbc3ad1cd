import { setImmediate as turn } from 'node:timers/promises';
import * as arrow from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { ArrowFile } from '../../src/dataset/arrow-file.js';
import { DataError, StorageError } from '../../src/util/errors.js';
import { random } from '../helpers/random.js';
import { everyType, fileOf, fileOfPieces, plain } from './columns.js';
import { MemoryReader, type Range } from './memory-reader.js';

const BATCHES = [7, 0, 5, 1];

/** Every value of the named columns, batch by batch, as the reader under test gives them. */
async function read(bytes: Uint8Array, columns: readonly string[]): Promise<string[][][]> {
  const file = await ArrowFile.open(new MemoryReader(bytes), { columns });
  const values: string[][][] = [];
  for (let index = 0; index < file.blocks.length; index++) {
    const raw = await file.fetch(index);
    const batch = raw.decode();
    expect(batch.schema.fields.map(({ name }) => name)).toEqual(columns);
    expect(batch.numRows).toBe(raw.rows);
    values.push(columns.map((name) => plain(batch.getChild(name))));
  }
  await file.close();
  return values;
}

function expected(table: arrow.Table, columns: readonly string[]): string[][][] {
  return table.batches.map((batch) => columns.map((name) => plain(batch.getChild(name))));
}

describe.each([1, 2])('a file of every type reads back as apache-arrow reads it, seed %i', (seed) => {
  const columns = everyType(
    BATCHES.reduce((sum, rows) => sum + rows),
    random(seed),
  );
  const names = columns.map(({ name }) => name);
  const bytes = fileOf(columns, BATCHES);
  const table = arrow.tableFromIPC(bytes);

  test.each(names)('%s alone', async (name) => {
    expect(await read(bytes, [name])).toEqual(expected(table, [name]));
  });

  test('all columns, in their order', async () => {
    expect(await read(bytes, names)).toEqual(expected(table, names));
  });

  test('every two columns, in the other order', async () => {
    const values = new Map(names.map((name) => [name, expected(table, [name]).flat()]));
    for (const first of names) {
      for (const second of names.slice(0, names.indexOf(first))) {
        const pair = [first, second];
        const whole = BATCHES.map((_, batch) => pair.map((name) => values.get(name)?.[batch]));
        expect(await read(bytes, pair), pair.join(' and ')).toEqual(whole);
      }
    }
  });

  test('no column: the rows are counted all the same', async () => {
    const file = await ArrowFile.open(new MemoryReader(bytes), { columns: [] });
    const batches = await Promise.all(BATCHES.map(async (_, index) => (await file.fetch(index)).decode()));
    expect(batches.map(({ numRows, numCols }) => [numRows, numCols])).toEqual(
      BATCHES.map((rows) => [rows, 0]),
    );
  });

  test('with its schema', async () => {
    const file = await ArrowFile.open(new MemoryReader(bytes));
    const typesOf = ({ fields }: arrow.Schema): string[] =>
      fields.map(({ name, type }) => `${name}: ${type}`);
    expect(typesOf(file.schema)).toEqual(typesOf(table.schema));
    expect(typesOf((await file.fetch(0)).decode().schema)).toEqual(typesOf(table.schema));
  });
});

describe('dictionaries', () => {
  const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), 5);
  const words = (...values: string[]): arrow.Vector => arrow.vectorFromArray(values, new arrow.Utf8());
  const indices = (dictionary: arrow.Vector, ...data: number[]): arrow.Data =>
    arrow.makeData({ type, length: data.length, nullCount: 0, data: Int8Array.from(data), dictionary });

  test('that grow by deltas from batch to batch', async () => {
    const first = words('a', 'b');
    const second = first.concat(words('c'));
    const third = second.concat(words('d', 'e'));
    const bytes = fileOfPieces(
      ['word'],
      [[indices(first, 0, 1, 0)], [indices(second, 2, 1)], [indices(third, 4, 3, 2, 0)]],
    );
    const table = arrow.tableFromIPC(bytes);
    expect(await read(bytes, ['word'])).toEqual(expected(table, ['word']));
    expect((await read(bytes, ['word'])).flat(2).join('')).toBe('"a""b""a""c""b""e""d""c""a"');
  });

  test('are read only for columns that are wanted', async () => {
    const dictionary = words(...Array.from({ length: 20_000 }, (_, i) => `word ${i}`));
    const plainColumn = arrow.vectorFromArray([1, 2], new arrow.Int32()).data[0] as arrow.Data;
    const small = arrow.makeData({
      type: new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), 6),
      length: 2,
      nullCount: 0,
      data: Int32Array.of(19_999, 0),
      dictionary,
    });
    const bytes = fileOfPieces(['n', 'word'], [[plainColumn, small]]);
    const bytesRead = async (columns: string[]): Promise<number> => {
      const reader = new MemoryReader(bytes);
      await ArrowFile.open(reader, { columns });
      return sizeOf(reader.reads);
    };
    expect(await bytesRead(['n'])).toBeLessThan(3000);
    expect(await bytesRead(['word'])).toBeGreaterThan(200_000);
    expect((await read(bytes, ['word'])).flat(2)).toEqual(['"word 19999"', '"word 0"']);
  });
});

const sizeOf = (ranges: readonly Range[]): number => ranges.reduce((sum, [from, to]) => sum + to - from, 0);

describe('of a record batch only the wanted columns are read', () => {
  /** Far enough apart that reading through costs more than reading apart. */
  const ROWS = 40_000;
  const names = ['a', 'b', 'c', 'd'];
  const ofBatch = (batch: number): arrow.Data[] =>
    names.map((_, column) => {
      const data = Int32Array.from({ length: ROWS }, (_, row) => batch * 4 + column + row);
      return arrow.makeData({ type: new arrow.Int32(), length: ROWS, nullCount: 0, data });
    });
  const bytes = fileOfPieces(names, [ofBatch(0), ofBatch(1)]);

  /** Bytes of bodies that were read, and the reads. */
  async function bodyReads(columns: readonly string[]) {
    const reader = new MemoryReader(bytes);
    const file = await ArrowFile.open(reader, { columns });
    const reads: Range[] = [];
    const claimed: number[] = [];
    for (let index = 0; index < 2; index++) {
      const before = reader.reads.length;
      const raw = await file.fetch(index);
      const { offset, metaDataLength, bodyLength } = file.blocks[index] as (typeof file.blocks)[number];
      const start = offset + metaDataLength;
      const own = reader.reads.slice(before).filter(([from]) => from >= start && from < start + bodyLength);
      reads.push(...own.map(([from, to]) => [from - start, to - start] as const));
      claimed.push(raw.bytes);
      expect(raw.unit).toBe(index);
      raw.decode();
    }
    return { reads, claimed };
  }

  const columnBytes = ROWS * 4;

  test.each(names.map((name, column) => [name, column] as const))('%s alone', async (name, column) => {
    const { reads, claimed } = await bodyReads([name]);
    const own = [column * columnBytes, (column + 1) * columnBytes];
    expect(reads).toEqual([own, own]);
    expect(claimed).toEqual([columnBytes, columnBytes]);
  });

  test('columns side by side are read in one go, others apart', async () => {
    expect((await bodyReads(['c', 'a', 'b'])).reads).toEqual([
      [0, 3 * columnBytes],
      [0, 3 * columnBytes],
    ]);
    const apart = await bodyReads(['d', 'a']);
    expect(apart.reads.slice(0, 2).sort(([a], [b]) => a - b)).toEqual([
      [0, columnBytes],
      [3 * columnBytes, 4 * columnBytes],
    ]);
    expect(apart.claimed).toEqual([2 * columnBytes, 2 * columnBytes]);
  });

  test('none at all', async () => {
    expect(await bodyReads([])).toEqual({ reads: [], claimed: [0, 0] });
  });

  test('the right ones', async () => {
    const file = await ArrowFile.open(new MemoryReader(bytes), { columns: ['d', 'b'] });
    const batch = (await file.fetch(1)).decode();
    expect([batch.getChild('b')?.get(9), batch.getChild('d')?.get(ROWS - 1)]).toEqual([14, 7 + ROWS - 1]);
  });
});

describe('two record batches in flight do not disturb each other', () => {
  const BATCH_COUNT = 60;
  const columns = (next: () => number): arrow.Data[][] =>
    Array.from({ length: BATCH_COUNT }, (_, batch) => {
      // Of very different sizes, so that memory is taken anew now and then.
      const length = 1 + Math.floor(next() * next() * 3000);
      const data = Int32Array.from({ length }, (_, row) => batch * 10_000 + row);
      const numbers = arrow.makeData({ type: new arrow.Int32(), length, nullCount: 0, data });
      const text = Array.from(data, (value) => `row ${value}`);
      return [numbers, arrow.vectorFromArray(text, new arrow.Utf8()).data[0] as arrow.Data];
    });

  /** Answers reads in any order: each waits for some turns of the event loop. */
  const jitter = (next: () => number) => async () => {
    for (let turns = Math.floor(next() * 8); turns > 0; turns--) await turn();
  };

  const check = (batch: arrow.RecordBatch, index: number): void => {
    const numbers = batch.getChild('n')?.toArray() as Int32Array;
    expect(numbers[0]).toBe(index * 10_000);
    expect(numbers.at(-1)).toBe(index * 10_000 + batch.numRows - 1);
    expect(batch.getChild('t')?.get(batch.numRows - 1)).toBe(`row ${numbers.at(-1)}`);
  };

  test.each([1, 2, 3])('one is worked on while the next is read, seed %i', async (seed) => {
    const next = random(seed);
    const bytes = fileOfPieces(['n', 't'], columns(next));
    const file = await ArrowFile.open(new MemoryReader(bytes, jitter(next)), { columns: ['n', 't'] });
    let coming = file.fetch(0);
    for (let index = 0; index < BATCH_COUNT; index++) {
      const raw = await coming;
      const decoded = raw.decode();
      if (index + 1 < BATCH_COUNT) coming = file.fetch(index + 1);
      await coming;
      check(decoded, index);
      check(raw.decode(), index);
    }
  });

  test.each([1, 2, 3])('two are asked for at once, seed %i', async (seed) => {
    const next = random(seed);
    const bytes = fileOfPieces(['n', 't'], columns(next));
    const file = await ArrowFile.open(new MemoryReader(bytes, jitter(next)), { columns: ['n', 't'] });
    for (let index = 0; index + 1 < BATCH_COUNT; index += 2) {
      const [one, other] = await Promise.all([file.fetch(index), file.fetch(index + 1)]);
      check(one.decode(), index);
      check(other.decode(), index + 1);
    }
  });

  test('each stays until the batch after the next one is fetched, whichever was read first', async () => {
    const next = random(5);
    const bytes = fileOfPieces(['n', 't'], columns(next));
    for (let round = 0; round < 20; round++) {
      const file = await ArrowFile.open(new MemoryReader(bytes, jitter(next)), { columns: ['n', 't'] });
      const [one, other] = await Promise.all([file.fetch(0), file.fetch(1)]);
      check(one.decode(), 0);
      const decoded = other.decode();
      await file.fetch(2);
      check(decoded, 1);
    }
  });

  test('they are read in any order', async () => {
    const next = random(4);
    const bytes = fileOfPieces(['n', 't'], columns(next));
    const file = await ArrowFile.open(new MemoryReader(bytes), { columns: ['t', 'n'] });
    for (let i = 0; i < 100; i++) {
      const index = Math.floor(next() * BATCH_COUNT);
      check((await file.fetch(index)).decode(), index);
    }
  });
});

describe('rows before a record batch', () => {
  test('are counted, in whatever order they are asked for', async () => {
    const columns = everyType(13, random(1)).slice(0, 3);
    const file = await ArrowFile.open(new MemoryReader(fileOf(columns, BATCHES)), { columns: [] });
    expect(await file.rowsBefore(2)).toBe(7);
    expect(await file.rowsBefore(4)).toBe(13);
    expect(await file.rowsBefore(0)).toBe(0);
    expect(await file.rowsBefore(3)).toBe(12);
  });

  test('are counted right for several who ask at the same time', async () => {
    const columns = everyType(13, random(1)).slice(0, 3);
    const file = await ArrowFile.open(new MemoryReader(fileOf(columns, BATCHES)), { columns: [] });
    expect(await Promise.all([4, 2, 3, 4].map((index) => file.rowsBefore(index)))).toEqual([13, 7, 12, 13]);
  });
});

describe('opening', () => {
  const bytes = fileOf(everyType(3, random(1)).slice(0, 2), [3]);

  test('closes the reader with the file', async () => {
    const reader = new MemoryReader(bytes);
    const file = await ArrowFile.open(reader);
    expect(reader.closed).toBe(false);
    await file.close();
    expect(reader.closed).toBe(true);
  });

  test('fails for a column that is not there, says which are, and closes the reader', async () => {
    const reader = new MemoryReader(bytes);
    const failure = ArrowFile.open(reader, { columns: ['bool', 'int9'] });
    await expect(failure).rejects.toBeInstanceOf(DataError);
    await expect(failure).rejects.toThrow('memory.arrow: has no column "int9"; its columns are bool, int8');
    expect(reader.closed).toBe(true);
  });

  test('a record batch that is not there is refused', async () => {
    const file = await ArrowFile.open(new MemoryReader(bytes));
    await expect(file.fetch(1)).rejects.toThrow('no record batch 1 among 1');
  });

  test('passes on what storage says', async () => {
    const fault = new StorageError('the cable is out');
    const reader = new MemoryReader(bytes, () => Promise.reject(fault));
    await expect(ArrowFile.open(reader)).rejects.toBe(fault);
    expect(reader.closed).toBe(true);
  });
});

test('a read that failed once does not stand in the way of the next try', async () => {
  const pieces = Array.from({ length: 40 }, (_, batch) => [
    arrow.vectorFromArray([batch], new arrow.Int32()).data[0] as arrow.Data,
  ]);
  let failing = false;
  const reader = new MemoryReader(fileOfPieces(['n'], pieces), async () => {
    if (failing) throw new StorageError('for now');
  });
  const file = await ArrowFile.open(reader);
  for (let index = 0; index < 40; index++) {
    failing = true;
    await expect(file.fetch(index)).rejects.toThrow('for now');
    failing = false;
    expect((await file.fetch(index)).decode().getChild('n')?.get(0)).toBe(index);
  }
});

test('a record batch is read though the metadata of a later one is damaged', async () => {
  const pieces = Array.from({ length: 6 }, (_, batch) => [
    arrow.vectorFromArray([batch], new arrow.Int32()).data[0] as arrow.Data,
  ]);
  const bytes = fileOfPieces(['n'], pieces);
  const { blocks } = await ArrowFile.open(new MemoryReader(bytes));
  bytes.fill(0xee, blocks[4]?.offset, (blocks[4]?.offset ?? 0) + 16);
  const file = await ArrowFile.open(new MemoryReader(bytes));
  for (const index of [0, 1, 2, 3, 5]) {
    expect((await file.fetch(index)).decode().getChild('n')?.get(0)).toBe(index);
  }
  await expect(file.fetch(4)).rejects.toThrow('is damaged: the metadata of record batch 4');
});
