import { describe, expect, it } from 'vitest';
import { expected, openSample, rowsOf, sample } from './parquet-samples.js';

const CODECS = ['none', 'snappy', 'gzip', 'brotli', 'zstd', 'lz4'];
const DUCKDB = ['snappy', 'zstd', 'gzip', 'brotli', 'lz4_raw', 'uncompressed', 'v2'];

const FILES: [file: string, content: string][] = [
  ...CODECS.map((codec): [string, string] => [`codec-${codec}`, 'few']),
  ['all-v1', 'all'],
  ['all-v2', 'all'],
  ['plain-v1', 'all'],
  ['plain-v2', 'all'],
  ['encodings-v1', 'encodings'],
  ['encodings-v2', 'encodings'],
  ['old', 'old'],
  ['groups', 'groups'],
  ['empty', 'empty'],
  ...DUCKDB.map((codec): [string, string] => [`duckdb-${codec}`, 'duckdb']),
];

describe('files that others wrote', () => {
  it.each(FILES)('%s is read as it was written', async (name, content) => {
    const file = await openSample(sample(`${name}.parquet`));
    const rows = await rowsOf(file);
    const columns = file.schema.fields.map((field) => field.name);
    const wanted = expected[content]?.rows.map((row) =>
      Object.fromEntries(columns.map((column) => [column, row[column]])),
    );
    expect(columns.length).toBeGreaterThan(2);
    expect(rows).toEqual(wanted);
    await file.close();
  });
});
