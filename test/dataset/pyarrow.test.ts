import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DataType, type RecordBatch } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { formatNamed, formatOf } from '../../src/dataset/format.js';
import type { DataFile, FileRequest } from '../../src/dataset/types.js';
import { DataError } from '../../src/util/errors.js';
import { MemoryReader } from './memory-reader.js';
import { SyncMemoryReader } from './sync-memory-reader.js';

// The interop suite has them made anew.
const folder =
  process.env.PENSTOCK_TEST_PYARROW ?? fileURLToPath(new URL('./fixtures/pyarrow/', import.meta.url));

interface Content {
  readonly rows: number[];
  readonly columns: Record<string, unknown[]>;
}

/** What pyarrow wrote, by the name of the file. */
const EXPECTED: { files: Record<string, string>; contents: Record<string, Content> } = JSON.parse(
  readFileSync(`${folder}expected.json`, 'utf8'),
);

const bytesOf = (name: string): Uint8Array => readFileSync(`${folder}${name}`);

/** A value as `make.py` writes it into JSON. */
function plain(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  if (DataType.isDictionary(type)) return plain(value, type.dictionary);
  if (DataType.isDecimal(type)) {
    const words = value as Uint32Array;
    return String(
      BigInt.asIntN(
        128,
        words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n),
      ),
    );
  }
  if (typeof value === 'bigint')
    return value > 2n ** 53n || value < -(2n ** 53n) ? `${value}n` : Number(value);
  if (value instanceof Uint8Array) return [...value];
  if (DataType.isStruct(type)) {
    const row = value as Record<string, unknown>;
    return Object.fromEntries(type.children.map((field) => [field.name, plain(row[field.name], field.type)]));
  }
  if (type.children?.length === 1) {
    const item = type.children[0]?.type as DataType;
    return Array.from(value as Iterable<unknown>, (element) => plain(element, item));
  }
  return value;
}

/** Unions hold what their elements are. */
const valuesOf = (batch: RecordBatch, name: string): unknown[] => {
  const vector = batch.getChild(name);
  if (vector === null) throw new Error(`no column ${name}`);
  return Array.from(vector, (value) => plain(value, vector.type));
};

const rounded = (values: unknown[]): unknown[] =>
  values.map((value) => (typeof value === 'number' ? Math.fround(value) : value));

async function open(name: string, sync: boolean, request: FileRequest = {}): Promise<DataFile> {
  const reader = sync
    ? new SyncMemoryReader(bytesOf(name), name)
    : new MemoryReader(bytesOf(name), undefined, name);
  return ((await formatOf('auto', reader)) ?? formatNamed('arrow')).open(reader, request);
}

async function read(file: DataFile): Promise<Content> {
  const rows: number[] = [];
  const columns: Record<string, unknown[]> = {};
  for await (const raw of file.batches({ first: 0, count: file.units.length })) {
    const batch = raw.decode();
    rows.push(raw.rows);
    for (const { name } of batch.schema.fields)
      columns[name] = [...(columns[name] ?? []), ...valuesOf(batch, name)];
  }
  await file.close();
  return { rows, columns };
}

const files = Object.entries(EXPECTED.files).filter(([name]) => name !== 'runs.arrow');

describe.each([true, false])('files that pyarrow wrote, read at once: %s', (sync) => {
  test.each(files)('%s', async (name, content) => {
    const { rows, columns } = EXPECTED.contents[content] as Content;
    const found = await read(await open(name, sync));
    expect(found.rows).toEqual(rows);
    for (const [column, values] of Object.entries(columns)) {
      expect(rounded(found.columns[column] as unknown[]), column).toEqual(rounded(values));
    }
  });

  test.each(files)('%s, each column by itself', async (name, content) => {
    const { columns } = EXPECTED.contents[content] as Content;
    for (const [column, values] of Object.entries(columns)) {
      const found = await read(await open(name, sync, { columns: [column] }));
      expect(rounded(found.columns[column] as unknown[]), column).toEqual(rounded(values));
    }
  });

  test.each(files)('%s: rows are counted without reading them', async (name, content) => {
    const { rows } = EXPECTED.contents[content] as Content;
    const file = await open(name, sync, { columns: [] });
    expect(await file.rowsBefore(file.units.length)).toBe(rows.reduce((sum, count) => sum + count, 0));
    await file.close();
  });
});

test('run-end encoded columns are refused by name', async () => {
  const failure = open('runs.arrow', false);
  await expect(failure).rejects.toBeInstanceOf(DataError);
  await expect(failure).rejects.toThrow('column "runs" is run-end encoded, which is not supported');
});

/** Of each way in which a file can be written the smallest. */
const CUT = [
  'lists-lz4.arrow',
  'lists-zstd.arrows',
  'texts-legacy.arrows',
  'unions-v4.arrow',
  'words-delta.arrow',
  'words-delta-lz4.arrows',
  'words-replaced.arrows',
];

test.each(CUT)(
  '%s, cut off at any byte, is an error that names it, or ends between two messages',
  async (name) => {
    const whole = bytesOf(name);
    let ends = 0;
    for (let length = 0; length < whole.length; length++) {
      const reader = new SyncMemoryReader(whole.subarray(0, length), name);
      const error = await formatOf('auto', reader)
        .then((format) => (format ?? formatNamed('arrow')).open(reader, {}))
        .then(read)
        .catch((thrown: unknown) => thrown);
      if (!(error instanceof Error)) ends++;
      else expect(error, `${length} bytes`).toBeInstanceOf(DataError);
      if (error instanceof DataError) expect(error.place.file, `${length} bytes`).toBe(name);
    }
    // The schema, dictionaries and record batches of a stream; a file that is cut off always tells.
    if (name.endsWith('.arrow')) expect(ends).toBe(0);
    else expect(ends).toBeLessThanOrEqual(16);
  },
);
