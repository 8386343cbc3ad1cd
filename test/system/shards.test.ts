import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InUseError, type JobInput, type Progress, type Report, runJob, UsageError } from 'penstock';
import { describe, expect, test } from 'vitest';
import { repository } from '../cli/penstock.js';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import type { ObjectServer } from '../helpers/object-server.mjs';
import { random } from '../helpers/random.js';
import { objectServer } from '../helpers/storage.js';
import { readColumn, workspace } from '../helpers/workspace.js';

const FILES = 10;
const ROWS = 120;

/** Files of an id and a vector a row: a split each. */
function writeFiles(directory: string): string {
  mkdirSync(directory);
  for (let file = 0; file < FILES; file++) {
    const ids = Array.from({ length: ROWS }, (_, i) => file * ROWS + i);
    const values = ids.flatMap((id) => Array.from({ length: 16 }, (_, k) => (id * 7 + k) % 1009));
    writeArrow(join(directory, `${file}.arrow`), [[int32('id', ids), vectors('x', 16, values)]]);
  }
  return directory;
}

function jobOf(data: string, sink: object, settings: object = {}): JobInput {
  return {
    name: 'sharded',
    source: { uri: data },
    model: { runtime: 'simulated', options: { batchMicros: 0, rowMicros: 0 } },
    inputs: { x: {} },
    batch: { size: 50, order: 'fixed' },
    ...settings,
    sink: { keep: ['id', 'x'], ...sink },
  } as JobInput;
}

type Content = ReadonlyMap<string, Buffer>;

/** All files of an output but its leases. */
function filesIn(directory: string): Content {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((path) => !path.startsWith('_manifest/lease-'));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(directory, path))]));
}

function objectsIn(server: ObjectServer, prefix: string): Content {
  const paths = [...server.objects.keys()].filter(
    (path) => path.startsWith(prefix) && !path.startsWith(`${prefix}_manifest/lease-`),
  );
  return new Map(
    paths
      .sort()
      .map((path) => [path.slice(prefix.length), Buffer.from(server.objects.get(path)?.bytes ?? [])]),
  );
}

function expectEqual(content: Content, expected: Content): void {
  expect([...content.keys()]).toEqual([...expected.keys()]);
  for (const [name, bytes] of content) expect(bytes.equals(expected.get(name) as Buffer), name).toBe(true);
}

const shardsOf = (count: number): { index: number; count: number }[] =>
  Array.from({ length: count }, (_, index) => ({ index, count }));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

describe('runs of all shards of a job', () => {
  test.each([1, 3, 12])('write what one run of it does: %d, one after another', async (count) => {
    const at = workspace();
    const data = writeFiles(at('data'));
    await runJob(jobOf(data, { uri: at('whole') }));
    const next = random(count);
    const shards = shardsOf(count).sort(() => next() - 0.5);
    const reports: Report[] = [];
    for (const shard of shards) {
      if (reports.length > 0 && sum(reports.map(({ rows }) => rows.written)) < FILES * ROWS) {
        expect(readdirSync(at('out'))).not.toContain('_SUCCESS');
      }
      reports.push(await runJob(jobOf(data, { uri: at('out') }), { shard }));
    }
    expectEqual(filesIn(at('out')), filesIn(at('whole')));
    expect(sum(reports.map(({ rows }) => rows.read))).toBe(FILES * ROWS);
    expect(sum(reports.map(({ rows }) => rows.written))).toBe(FILES * ROWS);
    expect(sum(reports.map(({ rows }) => rows.resumed))).toBe(0);
    expect(reports.map(({ shard }) => shard)).toEqual(shards);
    expect(new Set(reports.map(({ fingerprint }) => fingerprint)).size).toBe(1);
  });

  test('at the same time, to object storage, write the same', async () => {
    const at = workspace();
    const { server, url } = await objectServer({ now: Date.now });
    const data = writeFiles(at('data'));
    const storage = { endpoint: url, allow_anonymous: true };
    await runJob(jobOf(data, { uri: 's3://bucket/whole', storage }));
    const job = jobOf(data, { uri: 's3://bucket/out', storage });
    const reports = await Promise.all(shardsOf(3).map((shard) => runJob(job, { shard })));
    expect(sum(reports.map(({ rows }) => rows.written))).toBe(FILES * ROWS);
    expectEqual(objectsIn(server, '/bucket/out/'), objectsIn(server, '/bucket/whole/'));
  });

  test('of a trained model, batches in fixed order, write the same to the bit', async () => {
    const at = workspace();
    const job = (uri: string): JobInput => ({
      source: { uri: `${repository}examples/digits/digits.arrow` },
      model: { uri: `${repository}native-models/digits/digits.onnx`, runtime: 'onnx', providers: ['cpu'] },
      inputs: { image: { column: 'pixels', dtype: 'float32', shape: [1, 28, 28], scale: 1 / 255 } },
      batch: { order: 'fixed', size: 48 },
      sink: { uri, format: 'parquet', keep: ['id', 'label'] },
    });
    await runJob(job(at('whole')));
    for (const shard of shardsOf(2)) await runJob(job(at('out')), { shard });
    expectEqual(filesIn(at('out')), filesIn(at('whole')));
  });

  test('and a whole run go on with each other’s work', async () => {
    const at = workspace();
    const data = writeFiles(at('data'));
    await runJob(jobOf(data, { uri: at('whole') }));
    const job = jobOf(data, { uri: at('out') });
    const first = await runJob(job, { shard: { index: 1, count: 4 } });
    const second = await runJob(job, { shard: { index: 0, count: 3 } });
    const whole = await runJob(job);
    expect(second.rows.resumed).toBe(ROWS);
    expect(whole.rows.resumed).toBe(first.rows.written + second.rows.written);
    expect(whole.rows.resumed + whole.rows.written).toBe(FILES * ROWS);
    expect(whole).not.toHaveProperty('shard');
    expectEqual(filesIn(at('out')), filesIn(at('whole')));
  });
});

describe('the run of a shard', () => {
  test('that has no splits completes with zero rows', async () => {
    const at = workspace();
    const job = jobOf(writeFiles(at('data')), { uri: at('out') });
    const report = await runJob(job, { shard: { index: 0, count: 1000 } });
    expect(report).toMatchObject({
      status: 'completed',
      shard: { index: 0, count: 1000 },
      rows: { read: 0, written: 0, deadLettered: 0, resumed: 0 },
    });
    expect(readdirSync(at('out'))).toEqual(['_manifest']);
  });

  test('counts what is its own: rows that are there already, and the splits of its progress', async () => {
    const at = workspace();
    const job = jobOf(writeFiles(at('data')), { uri: at('out') });
    const seen: Progress[] = [];
    const shard = { index: 1, count: 5 };
    await runJob(job, { shard, onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toMatchObject({ splits: 2, totalSplits: 2, rows: 2 * ROWS });
    const again = await runJob(job, { shard });
    expect(again.rows).toEqual({ read: 0, written: 0, deadLettered: 0, resumed: 2 * ROWS });
    const other = await runJob(job, { shard: { index: 0, count: 5 } });
    expect(other.rows).toEqual({ read: 2 * ROWS, written: 2 * ROWS, deadLettered: 0, resumed: 0 });
    expect(await readColumn(at('out'), 'id')).toEqual(Array.from({ length: 4 * ROWS }, (_, id) => id));
  });

  test('writes nothing where its sink does', async () => {
    const at = workspace();
    const job = jobOf(writeFiles(at('data')), { format: 'none' });
    const report = await runJob(job, { shard: { index: 4, count: 5 } });
    expect(report.rows).toMatchObject({ read: 2 * ROWS, written: 0 });
  });

  test('may have errors.maxRows bad rows of its own', async () => {
    const at = workspace();
    const data = writeFiles(at('data'));
    writeFileSync(
      at('transform.mjs'),
      `export default (batch) => {
        const ids = batch.getChild('id').toArray();
        for (const id of ids) if (id % ${5 * ROWS} === 7) throw new Error('no ' + id);
        return { y: Float32Array.from(ids) };
      };`,
    );
    const settings = {
      inputs: { y: { shape: [] } },
      transform: at('transform.mjs'),
      errors: { maxRows: 1 },
    };
    const job = jobOf(data, { uri: at('out') }, settings);
    for (const shard of shardsOf(2)) {
      const { rows } = await runJob(job, { shard });
      expect(rows).toMatchObject({ read: 5 * ROWS, deadLettered: 1 });
    }
    expect(readdirSync(at('out', '_dead_letters')).sort()).toEqual(['part-00000.jsonl', 'part-00005.jsonl']);
    expect(readdirSync(at('out'))).toContain('_SUCCESS');
  });

  test.each([
    ['a shard', 'a whole run', { shard: { index: 0, count: 2 } }, {}],
    ['a whole run', 'a shard', {}, { shard: { index: 0, count: 2 } }],
    ['a shard', 'one of another count', { shard: { index: 0, count: 2 } }, { shard: { index: 0, count: 3 } }],
    ['a shard', 'the same one', { shard: { index: 0, count: 2 } }, { shard: { index: 0, count: 2 } }],
  ])('is kept out as %s by %s at work, which goes on', async (_, __, refused, held) => {
    const at = workspace();
    const slow = { model: { runtime: 'simulated', options: { batchMicros: 400_000 } } };
    const data = writeFiles(at('data'));
    const stop = new AbortController();
    let other: Promise<unknown> | undefined;
    const holder = runJob(jobOf(data, { uri: at('out') }, slow), {
      ...held,
      signal: stop.signal,
      onProgress: () => {
        other ??= runJob(jobOf(data, { uri: at('out') }, slow), refused)
          .catch((error: unknown) => error)
          .finally(() => stop.abort());
      },
    });
    await expect(holder).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(await other).toBeInstanceOf(InUseError);
    expect(await other).toMatchObject({ code: 'IN_USE', message: expect.stringContaining('is in use by ') });
  });

  test.each([
    [{ shard: { index: 2, count: 2 } }, 'got index 2 and count 2'],
    [{ shard: { index: 0, count: 2 }, overwrite: true }, 'a shard can not overwrite'],
  ])('is refused before anything is done, where it can not be: %o', async (options, message) => {
    const at = workspace();
    const refused = runJob(jobOf(at('missing'), { uri: at('out') }), options);
    await expect(refused).rejects.toBeInstanceOf(UsageError);
    await expect(refused).rejects.toThrow(message);
  });
});
