import * as arrow from 'apache-arrow';
import * as wasm from 'parquet-wasm/node';
import { describe, expect, it } from 'vitest';
import { bindFilter } from '../../src/dataset/filter/bind.js';
import { FilteredFile } from '../../src/dataset/filter/filtered-file.js';
import { parseFilter } from '../../src/dataset/filter/parse.js';
import { ParquetFile } from '../../src/dataset/parquet/parquet-file.js';
import type { DataFile } from '../../src/dataset/types.js';
import type { ObjectReader } from '../../src/storage/types.js';
import { MemoryReader } from './memory-reader.js';
import { expected, openSample, rowsOf, sample } from './parquet-samples.js';

/** Vectors of float32, with `id` and `noise` beside them, as parquet-wasm writes them. */
function writeVectors(rows: number, width: number, rowGroup: number): Uint8Array {
  const values = Float32Array.from({ length: rows * width }, (_, i) => Math.fround(Math.sin(i)));
  const child = arrow.makeData({
    type: new arrow.Float32(),
    length: values.length,
    nullCount: 0,
    data: values,
  });
  const list = new arrow.FixedSizeList(width, new arrow.Field('item', child.type, false));
  const table = new arrow.Table({
    id: arrow.makeVector(Int32Array.from({ length: rows }, (_, i) => i)),
    x: new arrow.Vector([arrow.makeData({ type: list, length: rows, nullCount: 0, child })]),
    noise: arrow.makeVector(Float64Array.from({ length: rows }, (_, i) => Math.cos(i))),
  });
  const properties = new wasm.WriterPropertiesBuilder()
    .setMaxRowGroupSize(rowGroup)
    .setDictionaryEnabled(false)
    .setDataPageSizeLimit(100_000)
    .setWriteBatchSize(64)
    .setCompression(wasm.Compression.UNCOMPRESSED)
    .build();
  return wasm.writeParquet(wasm.Table.fromIPCStream(arrow.tableToIPC(table, 'stream')), properties);
}

/** A reader that reads at once. */
class SyncReader extends MemoryReader {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super(bytes);
    this.#bytes = bytes;
  }

  readSync(offset: number, into: Uint8Array, at: number, length: number): void {
    this.reads.push([offset, offset + length]);
    into.set(this.#bytes.subarray(offset, offset + length), at);
  }
}

async function checkVectors(file: DataFile, width: number, rows: number): Promise<number[]> {
  const sizes: number[] = [];
  let row = 0;
  let before: { batch: arrow.RecordBatch; first: number } | undefined;
  const check = ({ batch, first }: { batch: arrow.RecordBatch; first: number }): void => {
    const [x] = batch.getChild('x')?.data ?? [];
    const values = x?.children[0]?.values as Float32Array;
    for (const at of [0, 1, batch.numRows * width - 1])
      expect(values[at]).toBe(Math.fround(Math.sin(first * width + at)));
    expect(batch.getChild('id')?.get(batch.numRows - 1)).toBe(first + batch.numRows - 1);
  };
  for await (const raw of file.batches({ first: 0, count: file.units.length })) {
    const at = { batch: raw.decode(), first: row };
    check(at);
    // A batch stays as it is while the next one is worked on.
    if (before !== undefined) check(before);
    before = at;
    expect(raw.rowInUnit + (await file.rowsBefore(raw.unit))).toBe(row);
    sizes.push(at.batch.numRows);
    row += at.batch.numRows;
  }
  expect(row).toBe(rows);
  return sizes;
}

describe('a Parquet file', () => {
  const bytes = writeVectors(50_000, 256, 24_000);

  it.each([
    ['at once', (): ObjectReader => new SyncReader(bytes)],
    ['and awaited', (): ObjectReader => new MemoryReader(bytes)],
    ['slowly', (): ObjectReader => new MemoryReader(bytes, () => new Promise((done) => setTimeout(done, 2)))],
  ])('with large row groups is read piece by piece, %s', async (_, open) => {
    const reader = open() as MemoryReader;
    const file = await ParquetFile.open(reader, ['id', 'x']);
    // Two of them in pieces, in the same memory, and a small one.
    expect(file.units.length).toBe(3);
    expect(String(file.schema.fields[1]?.type)).toBe('FixedSizeList[256]<Float32>');
    const sizes = await checkVectors(file, 256, 50_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8192);
    expect(Math.max(...reader.reads.map(([from, to]) => to - from))).toBeLessThan(17 * 2 ** 20);
    await file.close();
    expect(reader.closed).toBe(true);
  });

  it('is read only where the wanted columns are', async () => {
    const reader = new MemoryReader(bytes);
    const file = await ParquetFile.open(reader, ['id']);
    const opened = reader.reads.reduce((sum, [from, to]) => sum + to - from, 0);
    let told = 0;
    for await (const raw of file.batches({ first: 0, count: 2 })) told += raw.bytes;
    const read = reader.reads.reduce((sum, [from, to]) => sum + to - from, 0) - opened;
    expect(read).toBe(told);
    expect(read).toBeLessThan(240_000);
  });

  it('gives out no more row groups than a limit takes, and passes over batches that are not looked at', async () => {
    const file = await openSample(sample('groups.parquet'));
    const units: number[] = [];
    for await (const raw of file.batches({ first: 1, count: 3, limit: 8 })) units.push(raw.unit);
    expect(units).toEqual([1, 2]);
    expect(await file.rowsBefore(3)).toBe(21);
  });

  it.each(['all-v1', 'all-v2', 'groups', 'codec-zstd', 'duckdb-snappy', 'old', 'empty'])(
    'reads as much where nothing is decoded: %s',
    async (name) => {
      const file = await openSample(sample(`${name}.parquet`));
      const all = { first: 0, count: file.units.length };
      const decoded = { bytes: 0, rows: 0 };
      for await (const raw of file.batches(all)) {
        decoded.bytes += raw.bytes;
        decoded.rows += raw.decode().numRows;
      }
      const skipped = { bytes: 0, rows: 0 };
      for await (const raw of file.batches(all)) {
        skipped.bytes += raw.bytes;
        raw.skip?.();
        skipped.rows += raw.rows;
      }
      expect(skipped).toEqual(decoded);
    },
  );

  it.each([true, false])(
    'reads a part of a row group only where nothing is decoded (at once: %s)',
    async (atOnce) => {
      const reader = atOnce ? new SyncReader(bytes) : new MemoryReader(bytes);
      const file = await ParquetFile.open(reader, ['x']);
      let read = 0;
      let rows = 0;
      for await (const raw of file.batches({ first: 0, count: 1, limit: 2000 })) {
        read += raw.bytes;
        raw.skip?.();
        rows += raw.rows;
      }
      expect(rows).toBeGreaterThanOrEqual(2000);
      // 2,000 rows of a kilobyte each, and what is read ahead; the row group has 24,000.
      expect(read).toBeLessThan(12 * 2 ** 20);
    },
  );

  it('says which columns it has where one is asked for that is not there', async () => {
    const reader = new MemoryReader(sample('groups.parquet'));
    await expect(ParquetFile.open(reader, ['ID'])).rejects.toThrow(
      'has no column "ID"; its columns are id, f64, text',
    );
    expect(reader.closed).toBe(true);
  });

  it.each([
    ['is empty', new Uint8Array(0), 'the file is empty; expected a Parquet file'],
    [
      'is an Arrow file',
      Buffer.from(`ARROW1\0\0${'x'.repeat(40)}ARROW1`),
      'is an Arrow IPC file; expected a Parquet file',
    ],
    ['is text', Buffer.from('id,name\n1,a\n2,b\n'), 'is a CSV file; expected a Parquet file'],
    ['is encrypted', Buffer.from(`PARE${'x'.repeat(40)}PARE`), 'is encrypted, which is not supported'],
    [
      'is cut off',
      sample('groups.parquet').slice(0, 2000),
      'is truncated: it has 2000 bytes and does not end with "PAR1"',
    ],
    [
      'has a footer of an absurd length',
      Buffer.from('PAR1xxxx\xff\xff\xff\xffPAR1', 'latin1'),
      'its footer claims 4294967295 bytes',
    ],
  ])('is refused where it %s', async (_, content, message) => {
    await expect(openSample(new Uint8Array(content))).rejects.toThrow(message);
  });

  it('names row group and column of a damaged page', async () => {
    const broken = sample('all-v2.parquet');
    broken.fill(0xff, 200, 260);
    const file = await openSample(broken);
    await expect(rowsOf(file)).rejects.toThrow(/^memory.parquet: is damaged: row group 0, column "\w+": /);
  });
});

describe('a filtered Parquet file', () => {
  const open = async (filter: string, columns = ['id', 'text']) => {
    const reader = new MemoryReader(sample('groups.parquet'));
    const file = await ParquetFile.open(reader, [...new Set([...columns, 'id', 'f64', 'text'])]);
    return {
      reader,
      file: new FilteredFile(file, 'groups', bindFilter(parseFilter(filter), file.schema, filter), columns),
    };
  };
  const rows = expected.groups?.rows as { id: number; f64: number | null; text: string | null }[];

  it.each([
    ['id >= 20 AND id < 24', [2, 3], (row: (typeof rows)[number]) => row.id >= 20 && row.id < 24],
    ['id = 8 OR id = 29', [1, 4], (row: (typeof rows)[number]) => row.id === 8 || row.id === 29],
    ['NOT id > 3', [0], (row: (typeof rows)[number]) => row.id <= 3],
    ['id > 100', [], () => false],
    [
      "text LIKE 'a%' AND id < 14",
      [0, 1],
      (row: (typeof rows)[number]) => (row.text ?? '').startsWith('a') && row.id < 14,
    ],
    ['f64 IS NULL', [0, 1, 2, 3], (row: (typeof rows)[number]) => row.f64 === null],
  ])('reads only row groups that can have rows with %s', async (filter, groups, matches) => {
    const { file } = await open(filter);
    const units = new Set<number>();
    const ids: unknown[] = [];
    for await (const raw of file.batches({ first: 0, count: file.units.length })) {
      const batch = raw.decode();
      units.add(raw.unit);
      expect(batch.schema.fields.map(({ name }) => name)).toEqual(['id', 'text']);
      const found = Array.from(batch.getChild('id') ?? [], Number);
      ids.push(...found);
      const before = await file.rowsBefore(raw.unit);
      for (const [i, id] of found.entries()) expect(before + (raw.rowAt?.(i) ?? -1)).toBe(id);
    }
    expect(ids).toEqual(rows.filter(matches).map(({ id }) => id));
    expect([...units]).toEqual(groups);
  });

  it('counts rows of the file towards a limit, not those that are left', async () => {
    const { file } = await open('id > 5');
    const ids: number[] = [];
    for await (const raw of file.batches({ first: 0, count: 5, limit: 10 }))
      ids.push(...Array.from(raw.decode().getChild('id') ?? [], Number));
    expect(ids).toEqual([6, 7, 8, 9]);
  });
});
