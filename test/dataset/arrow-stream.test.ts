import * as arrow from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { ArrowStream } from '../../src/dataset/arrow-stream.js';
import type { RawBatch } from '../../src/dataset/types.js';
import { DataError, StorageError } from '../../src/util/errors.js';
import { random } from '../helpers/random.js';
import { everyType, fileOf, plain, streamOfPieces } from './columns.js';
import { MemoryReader, type Range } from './memory-reader.js';
import { SyncMemoryReader } from './sync-memory-reader.js';

const ALL = { first: 0, count: 1 };
const BATCHES = [7, 0, 5, 1];

const readerOf = (sync: boolean, bytes: Uint8Array): MemoryReader =>
  sync ? new SyncMemoryReader(bytes) : new MemoryReader(bytes);

/** A stream of what a file holds. */
function streamed(file: Uint8Array): Uint8Array {
  const { batches, schema } = arrow.tableFromIPC(file);
  const writer = new arrow.RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  for (const batch of batches) writer.write(batch);
  return writer.finish().toUint8Array(true);
}

async function read(reader: MemoryReader, columns: readonly string[], limit?: number): Promise<string[][][]> {
  const stream = await ArrowStream.open(reader, { columns });
  const values: string[][][] = [];
  for await (const raw of stream.batches(limit === undefined ? ALL : { ...ALL, limit })) {
    const batch = raw.decode();
    values.push(columns.map((name) => plain(batch.getChild(name))));
  }
  await stream.close();
  return values;
}

describe.each([true, false])('a stream of every type, read at once: %s', (sync) => {
  const columns = everyType(13, random(4));
  const names = columns.map(({ name }) => name);
  const bytes = streamed(fileOf(columns, BATCHES));
  const table = arrow.tableFromIPC(bytes);

  test.each(names)('%s alone', async (name) => {
    const expected = table.batches.map((batch) => [plain(batch.getChild(name))]);
    expect(await read(readerOf(sync, bytes), [name])).toEqual(expected);
  });

  test('all columns', async () => {
    const expected = table.batches.map((batch) => names.map((name) => plain(batch.getChild(name))));
    expect(await read(readerOf(sync, bytes), names)).toEqual(expected);
  });

  test('is one unit, whose batches know the rows before them', async () => {
    const stream = await ArrowStream.open(readerOf(sync, bytes), { columns: [] });
    expect(stream.units).toEqual([{ bytes: bytes.length }]);
    const found: [number, number, number][] = [];
    for await (const { unit, rowInUnit, rows } of stream.batches(ALL)) found.push([unit, rowInUnit, rows]);
    expect(found).toEqual([
      [0, 0, 7],
      [0, 7, 0],
      [0, 7, 5],
      [0, 12, 1],
    ]);
    expect([await stream.rowsBefore(0), await stream.rowsBefore(1)]).toEqual([0, 13]);
  });

  test('is read no further than a limit needs', async () => {
    const reader = readerOf(sync, bytes);
    expect(await read(reader, ['int32'], 7)).toHaveLength(1);
    const whole = readerOf(sync, bytes);
    await read(whole, ['int32']);
    expect(reader.reads.length).toBeLessThan(whole.reads.length);
    expect(await read(readerOf(sync, bytes), ['int32'], 8)).toHaveLength(3);
  });

  test('can be read again', async () => {
    const stream = await ArrowStream.open(readerOf(sync, bytes), { columns: ['dictionary'] });
    const words = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const raw of stream.batches(ALL)) found.push(...plain(raw.decode().getChild('dictionary')));
      return found;
    };
    expect(await words()).toEqual(await words());
  });
});

describe('dictionaries', () => {
  const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), 5);
  const words = (...values: string[]): arrow.Vector => arrow.vectorFromArray(values, new arrow.Utf8());
  const indices = (dictionary: arrow.Vector, ...data: number[]): arrow.Data =>
    arrow.makeData({ type, length: data.length, nullCount: 0, data: Int8Array.from(data), dictionary });
  const ab = words('a', 'b');
  const abc = ab.concat(words('c'));
  const bytes = streamOfPieces(
    ['word'],
    [[indices(ab, 0, 1)], [indices(abc, 2, 1)], [indices(words('x', 'y'), 0, 1)]],
  );

  test.each([true, false])('grow and are replaced between batches, read at once: %s', async (sync) => {
    expect((await read(readerOf(sync, bytes), ['word'])).flat()).toEqual([
      ['"a"', '"b"'],
      ['"c"', '"b"'],
      ['"x"', '"y"'],
    ]);
  });

  test('are those of a batch, though the next is fetched already', async () => {
    const stream = await ArrowStream.open(new MemoryReader(bytes), { columns: ['word'] });
    let before: RawBatch | undefined;
    const late: string[][] = [];
    for await (const raw of stream.batches(ALL)) {
      if (before !== undefined) late.push(plain(before.decode().getChild('word')));
      before = raw;
    }
    expect(late).toEqual([
      ['"a"', '"b"'],
      ['"c"', '"b"'],
    ]);
  });
});

describe('of a stream only what is wanted is read', () => {
  const ROWS = 100_000;
  const numbers = (by: number): arrow.Data =>
    arrow.makeData({
      type: new arrow.Int32(),
      length: ROWS,
      nullCount: 0,
      data: Int32Array.from({ length: ROWS }, (_, i) => i * by),
    });
  const bytes = streamOfPieces(
    ['a', 'b', 'c'],
    [1, 2, 3].map((n) => [numbers(n), numbers(n * 10), numbers(n * 100)]),
  );
  const sizeOf = (ranges: readonly Range[]): number => ranges.reduce((sum, [from, to]) => sum + to - from, 0);

  test.each([true, false])('read at once: %s', async (sync) => {
    const reader = readerOf(sync, bytes);
    const batches = await read(reader, ['b']);
    expect(batches.map(([values]) => values?.[7])).toEqual(['70', '140', '210']);
    expect(sizeOf(reader.reads)).toBeLessThan(3 * ROWS * 4 + 40_000);
    expect(Math.max(...reader.reads.map(([from, to]) => to - from))).toBe(ROWS * 4);
  });

  test('and rows are counted by the metadata alone', async () => {
    const reader = new MemoryReader(bytes);
    const stream = await ArrowStream.open(reader, { columns: [] });
    expect(await stream.rowsBefore(1)).toBe(3 * ROWS);
    expect(sizeOf(reader.reads)).toBeLessThan(40_000);
  });

  test('plain numbers may be left where they lie', async () => {
    const stream = await ArrowStream.open(new SyncMemoryReader(bytes), {
      columns: ['a', 'c'],
      leave: new Set(['c']),
    });
    const found: number[][] = [];
    for await (const raw of stream.batches(ALL)) {
      expect(raw.decode().schema.fields.map(({ name }) => name)).toEqual(['a']);
      const into = new Int32Array(2);
      raw.stored.get('c')?.read(4, new Uint8Array(into.buffer), 0, 8);
      found.push([...into]);
    }
    expect(found).toEqual([
      [100, 200],
      [200, 400],
      [300, 600],
    ]);
  });
});

describe('a stream that is not whole', () => {
  const bytes = streamed(fileOf(everyType(6, random(1)).slice(2, 8), [3, 3]));

  test.each([true, false])(
    'cut off anywhere is read up to there, or an error, read at once: %s',
    async (sync) => {
      const names = everyType(1, random(1))
        .slice(2, 8)
        .map(({ name }) => name);
      let ends = 0;
      for (let length = 0; length < bytes.length; length++) {
        const error = await read(readerOf(sync, bytes.slice(0, length)), names).then(
          () => undefined,
          (thrown) => thrown,
        );
        // Between two messages nothing tells that there should be more.
        if (error === undefined) ends++;
        else expect(error, `${length} bytes`).toBeInstanceOf(DataError);
        if (error !== undefined) expect(error.place.file).toBe('memory.arrow');
      }
      // Behind the schema, and behind each of the two batches; the last four bytes of the mark of the end are zeros.
      expect(ends).toBe(3);
    },
  );

  test('names the message that is cut off', async () => {
    const failure = read(new MemoryReader(bytes.slice(0, bytes.length - 20)), ['int32']);
    await expect(failure).rejects.toThrow(
      /is truncated: the body of message 2 \(at byte \d+\) takes \d+ bytes/,
    );
  });

  test('the mark of the end may be missing', async () => {
    expect(await read(new MemoryReader(bytes.slice(0, -8)), ['int32'])).toHaveLength(2);
  });

  test('what follows the mark of the end is not looked at', async () => {
    const more = Buffer.concat([bytes, Buffer.from('and more')]);
    expect(await read(new MemoryReader(more), ['int32'])).toHaveLength(2);
  });

  test.each([
    ['', 'the file is empty; expected an Arrow stream'],
    ['ARROW1\0\0 and more', 'is an Arrow IPC file; expected an Arrow stream'],
    ['PAR1 and more', 'is a Parquet file; expected an Arrow stream'],
    ['id,label\n1,2\n', 'is a CSV file; expected an Arrow stream'],
    ['\u00ff\u00ff', 'is truncated: it has 2 bytes'],
  ])('%j', async (content, message) => {
    const reader = new MemoryReader(Uint8Array.from(Buffer.from(content, 'latin1')));
    await expect(ArrowStream.open(reader)).rejects.toThrow(`memory.arrow: ${message}`);
    expect(reader.closed).toBe(true);
  });

  test('a read that fails is passed on', async () => {
    let calls = 0;
    const reader = new MemoryReader(bytes, async () => {
      if (++calls > 4) throw new StorageError('the cable is out');
    });
    await expect(read(reader, ['int32'])).rejects.toThrow('the cable is out');
  });
});
