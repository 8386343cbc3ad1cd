import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { StorageAccess } from '../../src/storage/access.js';
import { CacheDirectory } from '../../src/storage/cache-directory.js';
import { StorageError } from '../../src/util/errors.js';
import { objectServer, only, opened, randomBytes } from '../helpers/storage.js';
import { workspace } from '../helpers/workspace.js';

const MIB = 2 ** 20;
const SIZE = 9 * MIB;
const CONTENT = Uint8Array.from({ length: SIZE }, (_, i) => i % 253);

async function cachedObject() {
  const { server, s3 } = await objectServer();
  server.put('/bucket/a', CONTENT);
  const dir = workspace()('cache');
  const access: StorageAccess = { ...s3, cache: { dir, maxBytes: 64 * MIB } };
  const object = await only('s3://bucket/a', access);
  const read = async (offset: number, length: number, from = access): Promise<Uint8Array> => {
    const into = new Uint8Array(length);
    await (await opened(object, from)).read(offset, into);
    return into;
  };
  return { server, access, dir, object, read };
}

/** Files of blocks in a cache. */
function blocksIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile());
}

describe('a cache', () => {
  test('serves what was read before without a request', async () => {
    const { server, read } = await cachedObject();
    const first = await read(MIB, 6 * MIB);
    server.seen.length = 0;
    const second = await read(MIB, 6 * MIB);
    expect(Buffer.compare(first, CONTENT.subarray(MIB, 7 * MIB))).toBe(0);
    expect(Buffer.compare(second, first)).toBe(0);
    expect(server.seen).toEqual([]);
  });

  test('reads whole blocks, each once, also for reads at the same time', async () => {
    const { server, access, object } = await cachedObject();
    const reader = await opened(object, access);
    server.seen.length = 0;
    await Promise.all(Array.from({ length: 50 }, (_, i) => reader.read(5 * MIB + i, new Uint8Array(100))));
    expect(server.seen.map(({ range }) => range)).toEqual([[4 * MIB, 8 * MIB]]);
  });

  test('does not serve another version of the object', async () => {
    const { server, access, read } = await cachedObject();
    await read(0, SIZE);
    const changed = CONTENT.slice().fill(7);
    server.put('/bucket/a', changed);
    const reader = await opened(await only('s3://bucket/a', access), access);
    const into = new Uint8Array(MIB);
    await reader.read(5 * MIB, into);
    expect(into.every((byte) => byte === 7)).toBe(true);
  });

  test.each([
    ['truncated', (path: string) => truncateSync(path, 1000)],
    ['empty', (path: string) => truncateSync(path, 0)],
    [
      'damaged',
      (path: string) => {
        const bytes = readFileSync(path);
        bytes[500] = (bytes[500] as number) ^ 1;
        writeFileSync(path, bytes);
      },
    ],
  ])('reads again what is %s in it', async (_, damage) => {
    const { server, access, dir, object } = await cachedObject();
    // What this thread has checked once it trusts; another thread, or the next run, does not.
    const other = { ...access, cache: { dir: `${dir}/`, maxBytes: 64 * MIB } };
    await (await opened(object, access)).read(0, new Uint8Array(SIZE));
    for (const path of blocksIn(dir)) damage(path);
    server.seen.length = 0;
    const into = new Uint8Array(SIZE);
    await (await opened(object, other)).read(0, into);
    expect(Buffer.compare(into, CONTENT)).toBe(0);
    expect(server.seen.length).toBeGreaterThanOrEqual(3);
  });

  test('that can not be made is an error that names it', async () => {
    const { access, object, dir } = await cachedObject();
    writeFileSync(dir, 'a file');
    const failure = opened(object, access);
    await expect(failure).rejects.toBeInstanceOf(StorageError);
    await expect(failure).rejects.toThrow(`source.cache.dir: ${dir} can't be written to`);
  });
});

describe('the files of a cache', () => {
  test('are removed once they take more than they may: first what was not used for longest', async () => {
    const dir = workspace()('cache');
    const directory = new CacheDirectory(dir, 64 * MIB);
    const names = Array.from({ length: 30 }, (_, i) => `${String(i).padStart(2, '0').repeat(20)}-0`);
    const block = [new Uint8Array(4 * MIB)];
    for (const [i, name] of names.entries()) {
      await directory.keep(directory.pathOf(name), block);
      utimesSync(directory.pathOf(names[i] as string), 1e9 + i, 1e9 + i);
    }
    const left = blocksIn(dir);
    expect(left.length).toBeLessThanOrEqual(16);
    expect(left.length).toBeGreaterThanOrEqual(13);
    expect(left.sort()).toEqual(
      names
        .slice(-left.length)
        .map((name) => directory.pathOf(name))
        .sort(),
    );
  });

  test('are left alone where they are not blocks', async () => {
    const dir = workspace()('cache');
    const directory = new CacheDirectory(dir, 1000);
    await directory.keep(directory.pathOf(`${'0'.repeat(40)}-0`), [new Uint8Array(10)]);
    writeFileSync(join(dir, 'notes.txt'), 'x'.repeat(5000));
    for (let i = 0; i < 5; i++)
      await directory.keep(directory.pathOf(`${'1'.repeat(40)}-${i}`), [new Uint8Array(400)]);
    expect(statSync(join(dir, 'notes.txt')).size).toBe(5000);
  });
});

test('two processes share a cache that is too small for both', async () => {
  const { server, s3 } = await objectServer();
  for (let i = 0; i < 8; i++) server.put(`/bucket/set/${i}`, randomBytes(2 * MIB, i));
  const dir = workspace()('cache');
  const fixture = fileURLToPath(new URL('./fixtures/read-cached.mjs', import.meta.url));
  const args = [fixture, 's3://bucket/set', JSON.stringify({ ...s3, cache: { dir, maxBytes: 12 * MIB } })];
  const run = async (seed: number): Promise<string> =>
    (await promisify(execFile)(process.execPath, [...args, String(seed)])).stdout;
  const [one, other] = await Promise.all([run(1), run(2)]);
  expect(one).toMatch(/^[0-9a-f]{64}$/);
  expect(other).toBe(one);
  const bytes = blocksIn(dir).reduce((sum, path) => sum + statSync(path).size, 0);
  expect(bytes).toBeLessThanOrEqual(12 * MIB);
  expect(blocksIn(dir).filter((path) => path.includes('tmp-'))).toEqual([]);
});
