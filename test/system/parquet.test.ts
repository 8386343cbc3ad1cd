import { writeFileSync } from 'node:fs';
import * as arrow from 'apache-arrow';
import { type BatchTensor, createLoader, type JobInput, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { expected, openSample, sample } from '../dataset/parquet-samples.js';
import { readColumn, workspace } from '../helpers/workspace.js';

const COLUMNS = ['id', 'vector', 'text', 'i32'];

/** The same data as Parquet by pyarrow, by DuckDB, and as Arrow. */
async function writeAll(at: (...names: string[]) => string): Promise<void> {
  writeFileSync(at('pyarrow.parquet'), sample('all-v1.parquet'));
  writeFileSync(at('duckdb.parquet'), sample('duckdb-zstd.parquet'));
  const file = await openSample(sample('all-v1.parquet'), COLUMNS);
  const writer = new arrow.RecordBatchFileWriter();
  for await (const raw of file.batches({ first: 0, count: file.units.length })) writer.write(raw.decode());
  writeFileSync(at('plain.arrow'), writer.finish().toUint8Array(true));
}

const job = (source: JobInput['source'], out: string): JobInput => ({
  source,
  model: { runtime: 'simulated' },
  inputs: { x: { column: 'vector', dtype: 'float32', shape: [2, 2] } },
  batch: { size: 8 },
  producers: 2,
  sink: { uri: out, keep: ['id', 'text', 'i32'] },
});

const rows = expected.all?.rows as {
  id: number;
  vector: number[];
  text: string | null;
  i32: number | null;
}[];
const sum = ({ vector }: { vector: number[] }): number => vector.reduce((a, b) => a + b, 0);

describe('a job over Parquet files', () => {
  test.each(['pyarrow.parquet', 'duckdb.parquet', 'plain.arrow'])(
    'writes the same, from %s',
    async (name) => {
      const at = workspace();
      await writeAll(at);
      const report = await runJob(job({ uri: at(name) }, at('out')));
      expect(report.rows.written).toBe(rows.length);
      expect(await readColumn(at('out'), 'id')).toEqual(rows.map(({ id }) => BigInt(id)));
      expect(await readColumn(at('out'), 'text')).toEqual(rows.map(({ text }) => text));
      expect(await readColumn(at('out'), 'i32')).toEqual(rows.map(({ i32 }) => i32));
      expect(await readColumn(at('out'), 'checksum')).toEqual(rows.map(sum));
    },
  );

  test.each(['pyarrow.parquet', 'plain.arrow'])(
    'runs the rows that a filter picks, from %s',
    async (name) => {
      const at = workspace();
      await writeAll(at);
      const picked = rows.filter(({ id, text }) => id >= 4 && text !== null);
      const source = { uri: at(name), filter: 'id >= 4 AND text IS NOT NULL' };
      const report = await runJob(job(source, at('out')));
      expect(report.rows.written).toBe(picked.length);
      expect(await readColumn(at('out'), 'id')).toEqual(picked.map(({ id }) => BigInt(id)));
      expect(await readColumn(at('out'), 'checksum')).toEqual(picked.map(sum));
      const other = await runJob(job({ ...source, filter: 'id >= 5' }, at('other')));
      expect(other.fingerprint).not.toBe(report.fingerprint);
    },
  );

  test('writes nothing, and succeeds, where no row is picked', async () => {
    const at = workspace();
    await writeAll(at);
    const report = await runJob(job({ uri: at('pyarrow.parquet'), filter: 'id > 1000' }, at('out')));
    expect(report.rows).toMatchObject({ read: 0, written: 0 });
  });

  test.each([
    [{ filter: 'id >' }, /source\.filter: expected a value, got the end at character 5/],
    [{ filter: 'idd > 3' }, /there is no column "idd" \(the source's columns are id, /],
    [{ format: 'arrow' as const }, /is a Parquet file; expected an Arrow IPC file/],
  ])('is refused where the source is wrong: %j', async (rest, message) => {
    const at = workspace();
    await writeAll(at);
    await expect(runJob(job({ uri: at('pyarrow.parquet'), ...rest }, at('out')))).rejects.toThrow(message);
  });

  test('names the row of the file that is null, whatever the filter left out', async () => {
    const at = workspace();
    await writeAll(at);
    const bad = {
      ...job({ uri: at('pyarrow.parquet'), filter: 'id >= 8' }, at('out')),
      inputs: { x: { column: 'i32', dtype: 'int32' as const } },
    };
    await expect(runJob(bad)).rejects.toThrow(/row 10, column "i32": is null/);
  });
});

test('a loader reads Parquet files', async () => {
  const at = workspace();
  await writeAll(at);
  let total = 0;
  const source = { uri: at('duckdb.parquet'), filter: 'id < 20' };
  for await (const batch of createLoader({
    source,
    inputs: { x: { column: 'vector', shape: [4] } },
    batch: { size: 8 },
  })) {
    for (const value of (batch.tensors.x as BatchTensor).data) total += Number(value);
    batch.release();
  }
  expect(total).toBe(rows.filter(({ id }) => id < 20).reduce((all, row) => all + sum(row), 0));
});
