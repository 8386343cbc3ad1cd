import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createLoader, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import type { ObjectServer } from '../helpers/object-server.mjs';
import { S3_KEYS, s3Server, upload, withEnvironment } from '../helpers/s3.js';
import { objectServer } from '../helpers/storage.js';
import { readColumn, workspace } from '../helpers/workspace.js';

const FILES = 12;
const ROWS = 500;

/** Files of an id and a vector a row. The last is large enough to be read in pieces. */
function writeFiles(at: ReturnType<typeof workspace>): string {
  mkdirSync(at('data'));
  for (let file = 0; file < FILES; file++) {
    const batch = (first: number) => [
      int32(
        'id',
        Array.from({ length: ROWS }, (_, i) => first + i),
      ),
      vectors(
        'x',
        16,
        Array.from({ length: ROWS * 16 }, (_, i) => (first * 16 + i) % 1009),
      ),
    ];
    const batches = file === FILES - 1 ? 20 : 1;
    writeArrow(
      at('data', `${String(file).padStart(2, '0')}.arrow`),
      Array.from({ length: batches }, (_, b) => batch((file + b) * ROWS)),
    );
  }
  return at('data');
}

function serve(server: ObjectServer, folder: string): void {
  for (const name of readdirSync(folder)) server.put(`/data/${name}`, readFileSync(`${folder}/${name}`));
}

const job = (source: object, sink: string) => ({
  source: source as { uri: string },
  model: { runtime: 'simulated' as const, options: { batchMicros: 0, rowMicros: 0 } },
  inputs: { x: {} },
  batch: { size: 64 },
  sink: { uri: sink, keep: ['id'] },
});

describe('a job over s3://', () => {
  test.each([1, 3])('writes what it writes over local files, with %d producers', async (producers) => {
    withEnvironment(S3_KEYS);
    const at = workspace();
    const data = writeFiles(at);
    const { endpoint, storage } = await s3Server();
    await upload(endpoint, data, 'set/');
    const local = await runJob({ ...job({ uri: data }, at('local')), producers });
    const remote = await runJob({ ...job({ uri: 's3://data/set/', storage }, at('remote')), producers });
    expect(remote.rows).toEqual(local.rows);
    expect(await readColumn(at('remote'), 'id')).toEqual(await readColumn(at('local'), 'id'));
    expect(await readColumn(at('remote'), 'checksum')).toEqual(await readColumn(at('local'), 'checksum'));
    // Run again, it finds everything done: the listing is the same.
    const again = await runJob({ ...job({ uri: 's3://data/set/', storage }, at('remote')), producers });
    expect(again.rows.resumed).toBe(local.rows.written);
  });

  test('with a cache reads in the next run what it has read before without a request', async () => {
    const at = workspace();
    const { server, url } = await objectServer();
    const data = writeFiles(at);
    serve(server, data);
    const source = {
      uri: 's3://data',
      storage: { endpoint: url, allow_anonymous: true },
      cache: { dir: at('cache') },
    };
    const gets = () => server.seen.filter(({ list }) => !list).length;
    await runJob(job(source, at('one')));
    const first = gets();
    await runJob(job(source, at('two')));
    expect(first).toBeGreaterThanOrEqual(FILES);
    expect(gets()).toBe(first);
    expect(await readColumn(at('two'), 'checksum')).toEqual(await readColumn(at('one'), 'checksum'));
  });

  test('with an object that changes meanwhile fails with an error that says so', async () => {
    const at = workspace();
    const { server, url } = await objectServer();
    const data = writeFiles(at);
    serve(server, data);
    let reads = 0;
    server.options.fault = ({ path, list }) => {
      if (!list && path.endsWith('05.arrow') && ++reads === 2) server.put(path, new Uint8Array(10));
      return undefined;
    };
    const source = { uri: 's3://data', storage: { endpoint: url, allow_anonymous: true } };
    await expect(runJob(job(source, at('out')))).rejects.toThrow(
      's3://data/05.arrow: the file changed since it was listed',
    );
  });
});

describe('a loader', () => {
  test('takes storage options with its source, and file: URLs', async () => {
    const at = workspace();
    const { server, url } = await objectServer({ latencyMs: 5 });
    const data = writeFiles(at);
    serve(server, data);
    const ids = async (source: Parameters<typeof createLoader>[0]['source']): Promise<number[]> => {
      const found: number[] = [];
      for await (const batch of createLoader({ source, producers: 2, batch: { order: 'fixed' } })) {
        const { data } = batch.tensors.id ?? {};
        found.push(...(data as Int32Array));
        batch.release();
      }
      return found;
    };
    const local = await ids(data);
    expect(local).toHaveLength((FILES + 19) * ROWS);
    expect(await ids(pathToFileURL(data).href)).toEqual(local);
    const storage = { endpoint: url, allow_anonymous: true };
    expect(await ids({ uri: 's3://data', storage })).toEqual(local);
    expect(await ids({ uri: 's3://data/{00,01}.arrow', storage, limit: 600 })).toEqual(local.slice(0, 600));
    expect(await ids(`${url}/data/00.arrow`)).toEqual(local.slice(0, ROWS));
  });

  test('that is left, or stopped, while requests are under way does not take the process with it', async () => {
    const fixture = fileURLToPath(new URL('./fixtures/leaving.mjs', import.meta.url));
    const at = workspace();
    const { stdout } = await promisify(execFile)(process.execPath, [fixture, writeFiles(at)]);
    expect(stdout.trim()).toBe('left, stopped, and failed 3 times');
  });
});
