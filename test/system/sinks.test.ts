import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { CompressionType, compressionRegistry, tableFromIPC } from 'apache-arrow';
import { decompressFrameSync } from 'lz4-napi';
import { ParquetFile, readParquet } from 'parquet-wasm';
import { loadJob, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { start } from '../cli/penstock.js';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import { random } from '../helpers/random.js';
import { operatorOf, S3_KEYS, s3Server, withEnvironment } from '../helpers/s3.js';
import { objectServer } from '../helpers/storage.js';
import { workspace } from '../helpers/workspace.js';

const FILES = 12;
const ROWS = 300;

/** Files of an id and a vector a row. */
function writeFiles(at: ReturnType<typeof workspace>): string {
  mkdirSync(at('data'));
  for (let file = 0; file < FILES; file++) {
    const ids = Array.from({ length: ROWS }, (_, i) => file * ROWS + i);
    const values = ids.flatMap((id) => Array.from({ length: 16 }, (_, k) => (id + k) % 1009));
    writeArrow(at('data', `${String(file).padStart(2, '0')}.arrow`), [
      [int32('id', ids), vectors('x', 16, values)],
    ]);
  }
  return at('data');
}

const ALL_IDS = Array.from({ length: FILES * ROWS }, (_, i) => i);

function jobOf(data: string, sink: object, settings: object = {}) {
  return {
    source: { uri: data },
    model: { runtime: 'simulated' as const, options: { batchMicros: 0, rowMicros: 0 } },
    inputs: { x: {} },
    batch: { size: 64 },
    ...settings,
    sink: { keep: ['id'], ...sink },
  };
}

compressionRegistry.set(CompressionType.LZ4_FRAME, {
  decode: (bytes) => decompressFrameSync(Buffer.from(bytes)),
});

const READERS: Readonly<Record<string, (bytes: Buffer) => unknown[]>> = {
  arrow: (bytes) => [...(tableFromIPC(bytes).getChild('id') ?? [])],
  parquet: (bytes) => [...(tableFromIPC(readParquet(bytes).intoIPCStream()).getChild('id') ?? [])],
  jsonl: (bytes) =>
    bytes
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).id),
};

/** All objects below `out/`, by name. */
async function objectsOf(endpoint: string): Promise<Map<string, Buffer>> {
  const operator = await operatorOf(endpoint);
  const entries = await operator.list('out/', { recursive: true });
  const names = entries.map((entry) => entry.path()).filter((path) => !path.endsWith('/'));
  return new Map(
    await Promise.all(
      names.sort().map(async (path) => [path.slice('out/'.length), await operator.read(path)] as const),
    ),
  );
}

const PARTS = Array.from({ length: FILES }, (_, i) => `part-${String(i).padStart(5, '0')}`);

describe('a job writes', () => {
  test.each([
    ['arrow', 'lz4'],
    ['parquet', undefined],
    ['parquet', 'zstd'],
    ['jsonl', undefined],
  ] as const)('%s files, compression %s: all rows, in order', async (format, compression) => {
    const at = workspace();
    const data = writeFiles(at);
    const sink = { uri: at('out'), format, ...(compression && { compression }) };
    const report = await runJob(jobOf(data, sink));
    expect(report.rows.written).toBe(FILES * ROWS);
    const parts = readdirSync(at('out')).filter((name) => name.startsWith('part-'));
    expect(parts).toEqual(PARTS.map((part) => `${part}.${format}`));
    const ids = parts.flatMap((part) => READERS[format]?.(readFileSync(at('out', part))));
    expect(ids).toEqual(ALL_IDS);
  });

  test('Parquet with the row groups that it was told', async () => {
    const at = workspace();
    await runJob(jobOf(writeFiles(at), { uri: at('out'), format: 'parquet', rowGroupRows: 128 }));
    const file = await ParquetFile.fromFile(new Blob([readFileSync(at('out', 'part-00003.parquet'))]));
    expect(
      file
        .metadata()
        .rowGroups()
        .map((group) => group.numRows()),
    ).toEqual([128, 128, 44]);
  });

  test('nothing, where the format can not hold a kept column: said before the first row is read', async () => {
    const at = workspace();
    const data = writeFiles(at);
    writeFileSync(
      at('transform.mjs'),
      `import { DenseUnion, Field, Int32, makeData, Vector } from 'apache-arrow';
       const type = new DenseUnion([0], [new Field('i', new Int32())]);
       export default ({ numRows: length }) => ({ u: new Vector([makeData({
         type, length, nullCount: 0, typeIds: new Int8Array(length),
         valueOffsets: Int32Array.from({ length }, (_, i) => i),
         children: [makeData({ type: new Int32(), length, nullCount: 0, data: new Int32Array(length) })] })]) });`,
    );
    // Modules of a workspace find packages through the repository.
    const { symlinkSync } = await import('node:fs');
    symlinkSync(new URL('../../node_modules', import.meta.url), at('node_modules'));
    const sink = { uri: at('out'), format: 'parquet', keep: ['u'] };
    const failure = runJob(jobOf(data, sink, { transform: at('transform.mjs') }));
    await expect(failure).rejects.toThrow('sink.keep: column "u" is of type Union<');
    expect(readdirSync(at())).not.toContain('out');
  });

  test('only in codecs that the format has, and never to a web server', async () => {
    const at = workspace();
    const wrong = (sink: object) => runJob(jobOf(at('data'), { uri: at('out'), ...sink }));
    await expect(wrong({ compression: 'snappy' })).rejects.toThrow(
      'sink.compression is "snappy", and arrow is compressed with none, lz4 or zstd',
    );
    await expect(wrong({ format: 'jsonl', compression: 'gzip' })).rejects.toThrow(
      'and jsonl is not compressed',
    );
    await expect(wrong({ uri: 'https://host/out' })).rejects.toThrow('sink.uri is on a web server');
    await expect(wrong({ uri: 's3://b/out', storage: { secret_access_key: 'x' } })).rejects.toThrow(
      'sink.storage.secret_access_key is a secret',
    );
  });
});

describe('a job writes to s3://', () => {
  const REMOTE = { uri: 's3://data/out' };

  test('what it writes to a directory, with its manifest and marker, and finds it done when run again', async () => {
    withEnvironment(S3_KEYS);
    const at = workspace();
    const data = writeFiles(at);
    const { endpoint, storage } = await s3Server();
    const fixed = { batch: { size: 64, order: 'fixed' as const } };
    const local = await runJob(jobOf(data, { uri: at('out') }, fixed));
    const remote = await runJob(jobOf(data, { ...REMOTE, storage }, fixed));
    expect(remote.rows).toEqual(local.rows);
    const objects = await objectsOf(endpoint);
    expect([...objects.keys()]).toEqual([
      '_SUCCESS',
      '_manifest/job.json',
      '_manifest/lease-00001.json',
      ...PARTS.map((part) => `_manifest/${part}.json`),
      ...PARTS.map((part) => `${part}.arrow`),
    ]);
    for (const part of PARTS) {
      expect(objects.get(`${part}.arrow`)?.equals(readFileSync(at('out', `${part}.arrow`)))).toBe(true);
    }
    const again = await runJob(jobOf(data, { ...REMOTE, storage }, fixed));
    expect(again.rows).toMatchObject({ written: 0, resumed: FILES * ROWS });
    await expect(runJob(jobOf(data, { ...REMOTE, storage, keep: [] }, fixed))).rejects.toThrow(
      's3://data/out: holds the output of another job',
    );
  });

  test('and makes again what somebody removed or shortened', async () => {
    withEnvironment(S3_KEYS);
    const at = workspace();
    const data = writeFiles(at);
    const { endpoint, storage } = await s3Server();
    const job = jobOf(data, { ...REMOTE, storage, format: 'jsonl' });
    await runJob(job);
    const before = await objectsOf(endpoint);
    const operator = await operatorOf(endpoint);
    await operator.delete('out/part-00002.jsonl');
    await operator.write('out/part-00005.jsonl', 'short');
    const report = await runJob(job);
    expect(report.rows).toMatchObject({ written: 2 * ROWS, resumed: (FILES - 2) * ROWS });
    const after = await objectsOf(endpoint);
    for (const part of PARTS) expect(after.get(`${part}.jsonl`)).toEqual(before.get(`${part}.jsonl`));
    expect(after.has('_SUCCESS')).toBe(true);
  });

  test('its dead letters too', async () => {
    withEnvironment(S3_KEYS);
    const at = workspace();
    const data = writeFiles(at);
    const { endpoint, storage } = await s3Server();
    writeFileSync(
      at('transform.mjs'),
      `export default (batch) => {
         if ([...batch.getChild('id')].includes(777)) throw new Error('unlucky');
         return {};
       };`,
    );
    const settings = { transform: at('transform.mjs'), errors: { maxRows: 5 } };
    const report = await runJob(jobOf(data, { ...REMOTE, storage }, settings));
    expect(report.rows).toMatchObject({ written: FILES * ROWS - 1, deadLettered: 1 });
    const objects = await objectsOf(endpoint);
    const letters = [...objects.keys()].filter((name) => name.startsWith('_dead_letters/'));
    expect(letters).toEqual(['_dead_letters/part-00002.jsonl']);
    expect(JSON.parse(String(objects.get('_dead_letters/part-00002.jsonl')))).toMatchObject({ row: 177 });
    const again = await runJob(jobOf(data, { ...REMOTE, storage }, settings));
    expect(again.rows).toMatchObject({ resumed: FILES * ROWS - 1, deadLettered: 1 });
  });

  test('and keeps a second run out while it is at work', async () => {
    withEnvironment(S3_KEYS);
    const at = workspace();
    const data = writeFiles(at);
    const { storage } = await s3Server();
    const slow = { model: { runtime: 'simulated', options: { batchMicros: 30_000 } } };
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const stop = new AbortController();
    const job = jobOf(data, { ...REMOTE, storage }, slow);
    // In small batches it is at work for long, however long the other takes to begin.
    const first = runJob({ ...job, batch: { size: 2 } } as never, {
      signal: stop.signal,
      onProgress: () => begin(),
    });
    await begun;
    await expect(runJob(job as never)).rejects.toThrow(
      `s3://data/out: is in use by another run (process ${process.pid} on `,
    );
    stop.abort();
    await expect(first).rejects.toThrow('parts written to s3://data/out');
    const report = await runJob(job as never);
    expect(report.rows.written + report.rows.resumed).toBe(FILES * ROWS);
  });

  test('and fails, committing nothing more, where another run has taken over', async () => {
    const at = workspace();
    const data = writeFiles(at);
    const { server, url } = await objectServer({ now: Date.now });
    const storage = { endpoint: url, allow_anonymous: true };
    const job = jobOf(data, { uri: 's3://data/out', storage });
    // The lease of the other one is there as soon as this one has written a part; and its own answer comes late.
    const leases = '/data/out/_manifest/lease-';
    let committed = 0;
    server.options.fault = ({ method, path }) => {
      if (method === 'PUT' && path.endsWith('part-00000.arrow')) {
        const lease = server.objects.get(`${leases}00001.json`)?.bytes ?? new Uint8Array(0);
        server.put(`${leases}00002.json`, Buffer.from(lease));
      }
      if (method === 'PUT' && path.includes('_manifest/part-')) committed++;
      return undefined;
    };
    const script = `
      import { runJob } from ${JSON.stringify(import.meta.resolve('penstock'))};
      // 25 seconds go by with each of its looks at the clock.
      const hrtime = process.hrtime;
      let slept = 0;
      process.hrtime = () => { const [s, n] = hrtime(); return [s + (slept += 25), n]; };
      process.hrtime.bigint = hrtime.bigint;
      try { await runJob(${JSON.stringify(job)}); }
      catch ({ code, message }) { console.log(JSON.stringify({ code, message })); }`;
    writeFileSync(at('job.mjs'), script);
    const child = spawn(process.execPath, [at('job.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (piece) => {
      text += piece;
    });
    await once(child, 'exit');
    expect(JSON.parse(text)).toMatchObject({
      code: 'STORAGE',
      message: expect.stringContaining('s3://data/out: another run has taken over (process '),
    });
    expect(committed).toBeLessThan(FILES);
    expect(server.objects.has('/data/out/_SUCCESS')).toBe(false);
  });

  test('through storage that fails now and then, and the same bytes come out', async () => {
    const at = workspace();
    const data = writeFiles(at);
    const { server, url } = await objectServer({ now: Date.now });
    const storage = { endpoint: url, allow_anonymous: true, retries: 20 };
    const next = random(11);
    const kinds = [{ status: 503 }, { reset: true }, { lost: true }, { status: 429 }];
    let faults = 0;
    server.options.fault = () => {
      if (next() > 0.3) return undefined;
      faults++;
      return kinds[Math.floor(next() * kinds.length)];
    };
    const fixed = { batch: { size: 64, order: 'fixed' as const } };
    await runJob(jobOf(data, { uri: 's3://data/out', storage }, fixed));
    await runJob(jobOf(data, { uri: at('out') }, fixed));
    expect(faults).toBeGreaterThan(5);
    for (const part of PARTS) {
      const written = Buffer.from(server.objects.get(`/data/out/${part}.arrow`)?.bytes ?? '');
      expect(written.equals(readFileSync(at('out', `${part}.arrow`)))).toBe(true);
    }
    expect(server.objects.has('/data/out/_SUCCESS')).toBe(true);
  });
});

describe('a job that is killed on the spot while it writes to s3://', () => {
  test('goes on from what is committed, and ends with the bytes of an undisturbed run', async () => {
    withEnvironment(S3_KEYS);
    const at = workspace();
    const data = writeFiles(at);
    const { endpoint, storage } = await s3Server();
    const settings = { batch: { size: 64, order: 'fixed' as const } };
    const slow = { ...settings, model: { runtime: 'simulated', options: { batchMicros: 8000 } } };
    const job = (fields: object, sink: object) => JSON.stringify(jobOf(data, sink, fields));
    writeFileSync(at('job.yaml'), job(slow, { uri: 's3://data/out', storage }));
    const operator = await operatorOf(endpoint);
    let kills = 0;
    for (const parts of [2, 5, 9]) {
      const { child, ended } = start(['run', at('job.yaml')]);
      for (let running = true; running; ) {
        const there = await operator.list('out/_manifest/').catch(() => []);
        if (there.filter((entry) => /part-\d+\.json$/.test(entry.path())).length >= parts) break;
        running = child.exitCode === null;
      }
      child.kill('SIGKILL');
      const { signal } = await ended;
      if (signal === 'SIGKILL') kills++;
    }
    expect(kills).toBeGreaterThan(0);
    const { ended } = start(['run', at('job.yaml'), '--json']);
    const { code, stdout, stderr } = await ended;
    expect(code, stderr).toBe(0);
    const { rows } = JSON.parse(stdout);
    expect(rows.resumed).toBeGreaterThan(0);
    expect(rows.resumed + rows.written).toBe(FILES * ROWS);
    writeFileSync(at('plain.yaml'), job(settings, { uri: at('out') }));
    await runJob(await loadJob(at('plain.yaml')));
    const objects = await objectsOf(endpoint);
    expect([...objects.keys()].filter((name) => !name.startsWith('_manifest/lease'))).toEqual([
      '_SUCCESS',
      '_manifest/job.json',
      ...PARTS.map((part) => `_manifest/${part}.json`),
      ...PARTS.map((part) => `${part}.arrow`),
    ]);
    for (const part of PARTS) {
      expect(objects.get(`${part}.arrow`)?.equals(readFileSync(at('out', `${part}.arrow`)))).toBe(true);
    }
  });
});
