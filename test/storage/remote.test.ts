import { describe, expect, test } from 'vitest';
import { listObjects, openObject } from '../../src/storage/store.js';
import type { StoredObject } from '../../src/storage/types.js';
import { StorageError, UsageError } from '../../src/util/errors.js';
import { objectServer, only, opened, randomBytes } from '../helpers/storage.js';

const MIB = 2 ** 20;
const SMALL = randomBytes(1000);

describe('a listing', () => {
  async function bucket(...keys: string[]) {
    const made = await objectServer({ pageSize: 3 });
    for (const key of keys) made.server.put(`/bucket/${key}`, SMALL);
    const names = async (uri: string): Promise<string[]> =>
      (await listObjects(uri, made.s3)).map((object) => object.uri.replace('s3://bucket/', ''));
    return { ...made, names };
  }

  test('of an object is that object, with its size and etag', async () => {
    const { s3 } = await bucket('a.arrow');
    expect(await listObjects('s3://bucket/a.arrow', s3)).toEqual([
      { uri: 's3://bucket/a.arrow', size: 1000, version: expect.stringMatching(/^"[0-9a-f]{32}"$/) },
    ]);
  });

  test('of a prefix is all objects below it over all pages, sorted, without markers', async () => {
    const { names } = await bucket(
      'data/b.arrow',
      'data/a.arrow',
      'data/2/z.arrow',
      'data/10/deep/y.arrow',
      'data/name with space+ä&.arrow',
      'data/_SUCCESS',
      'data/_temporary/half.arrow',
      'data/.hidden',
      'data/2/.part.tmp',
      'data-of-others/c.arrow',
      '_marked/data/d.arrow',
    );
    const below = ['10/deep/y.arrow', '2/z.arrow', 'a.arrow', 'b.arrow', 'name with space+ä&.arrow'];
    expect(await names('s3://bucket/data')).toEqual(below.map((name) => `data/${name}`));
    expect(await names('s3://bucket/data/')).toEqual(below.map((name) => `data/${name}`));
    expect(await names('s3://bucket/_marked')).toEqual(['_marked/data/d.arrow']);
    expect(await names('s3://bucket')).toHaveLength(6);
  });

  test('of a glob is the objects that match, by the rules of local globs', async () => {
    const { names } = await bucket(
      '2024/b.arrow',
      '2024/a.arrow',
      '2023/c.arrow',
      '2024/a.txt',
      '2024/.d.arrow',
    );
    expect(await names('s3://bucket/*/*.arrow')).toEqual(['2023/c.arrow', '2024/a.arrow', '2024/b.arrow']);
    expect(await names('s3://bucket/2024/{a,b}.*')).toEqual(['2024/a.arrow', '2024/a.txt', '2024/b.arrow']);
    expect(await names('s3://bucket/**/c.*')).toEqual(['2023/c.arrow']);
  });

  test('says so where nothing is there', async () => {
    const { s3 } = await bucket('a.arrow');
    await expect(listObjects('s3://bucket/none', s3)).rejects.toThrow('s3://bucket/none: no such object');
    await expect(listObjects('s3://bucket/*.parquet', s3)).rejects.toThrow('no file matches');
  });

  test('of a web server is one file; a glob or a folder is refused', async () => {
    const { server, url } = await objectServer();
    server.put('/a b.arrow', SMALL);
    const access = { options: {} };
    expect(await listObjects(`${url}/a%20b.arrow`, access)).toMatchObject([{ size: 1000 }]);
    for (const uri of [`${url}/*.arrow`, `${url}/data/`]) {
      await expect(listObjects(uri, access)).rejects.toThrow('a web server has no listings');
      await expect(listObjects(uri, access)).rejects.toBeInstanceOf(UsageError);
    }
    await expect(listObjects(`${url}/absent`, access)).rejects.toThrow(`${url}/absent: no such object`);
  });
});

describe('a reader', () => {
  test('of a small object makes one request, and reads at once after it', async () => {
    const { server, s3 } = await objectServer();
    server.put('/bucket/a', SMALL);
    const object = await only('s3://bucket/a', s3);
    server.seen.length = 0;
    const reader = await opened(object, s3);
    const memory = new SharedArrayBuffer(300);
    reader.readSync?.(700, new Uint8Array(memory), 100, 100);
    await reader.read(0, new Uint8Array(memory, 0, 50));
    expect([...new Uint8Array(memory)]).toEqual([
      ...SMALL.subarray(0, 50),
      ...new Uint8Array(50),
      ...SMALL.subarray(700, 800),
      ...new Uint8Array(100),
    ]);
    expect(server.seen).toHaveLength(1);
  });

  test('of an empty object makes none', async () => {
    const { server, s3 } = await objectServer();
    server.put('/bucket/a', new Uint8Array(0));
    const object = await only('s3://bucket/a', s3);
    server.seen.length = 0;
    await (await opened(object, s3)).read(0, new Uint8Array(0));
    expect(server.seen).toEqual([]);
  });

  test('of a large object has its head and its tail from the start, and reads the rest in chunks side by side', async () => {
    const { server, s3 } = await objectServer();
    const bytes = randomBytes(MIB);
    const large = new Uint8Array(30 * MIB);
    for (let at = 0; at < large.length; at += MIB) large.set(bytes, at);
    large.set(SMALL, 17 * MIB);
    server.put('/bucket/a', large);
    const reader = await opened(await only('s3://bucket/a', s3), s3);
    server.seen.length = 0;
    const near = new Uint8Array(10);
    await reader.read(large.length - 10, near);
    await reader.read(5, near);
    expect(server.seen).toEqual([]);
    const into = new Uint8Array(new SharedArrayBuffer(20 * MIB));
    await reader.read(3 * MIB + 7, into);
    expect(Buffer.compare(into, large.subarray(3 * MIB + 7, 23 * MIB + 7))).toBe(0);
    expect(server.seen.map(({ range }) => range)).toHaveLength(3);
    expect(server.seen.every(({ range }) => range !== undefined && range[1] - range[0] <= 8 * MIB)).toBe(
      true,
    );
  });

  test('has no more bytes under way than it may', async () => {
    const { server, s3 } = await objectServer({ latencyMs: 20 });
    server.put('/bucket/a', new Uint8Array(9 * MIB));
    const reader = await opened(await only('s3://bucket/a', s3), s3);
    await Promise.all(Array.from({ length: 40 }, () => reader.read(MIB / 2, new Uint8Array(8 * MIB))));
    expect(server.mostAtOnce).toBeLessThanOrEqual(8);
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => reader.read(8 * MIB - i * 32_768, new Uint8Array(1))),
    );
    expect(server.mostAtOnce).toBeLessThanOrEqual(64);
    expect(server.mostAtOnce).toBeGreaterThan(16);
  });

  test('says where the object ends, if that is before what was asked for', async () => {
    const { server, s3 } = await objectServer();
    server.put('/bucket/a', new Uint8Array(MIB));
    const reader = await opened(await only('s3://bucket/a', s3), s3);
    await expect(reader.read(MIB - 5, new Uint8Array(10))).rejects.toThrow(
      `s3://bucket/a: ends at byte ${MIB}, before byte ${MIB + 5}`,
    );
  });
});

describe('a fault that can pass is tried again', () => {
  test.each([
    ['503', { status: 503 }],
    ['500', { status: 500 }],
    ['429', { status: 429 }],
    ['a connection that is reset', { reset: true }],
    ['a body that is short', { short: true }],
    ['a body that is cut off', { cut: true }],
    ['a body that stalls', { stall: true }],
  ])('%s', async (_, fault) => {
    const { server, url } = await objectServer();
    server.put('/a', SMALL);
    const access = { options: { timeout: '0.2' } };
    const object = await only(`${url}/a`, access);
    let left = 2;
    server.options.fault = () => (left-- > 0 ? fault : undefined);
    const into = new Uint8Array(1000);
    await (await opened(object, access)).read(0, into);
    expect(into).toEqual(SMALL);
    expect(left).toBe(-1);
  });

  test('also in a listing', async () => {
    const { server, s3 } = await objectServer({
      fault: (_, count) => (count % 2 ? { status: 503 } : undefined),
    });
    server.put('/bucket/data/a', SMALL);
    expect(await listObjects('s3://bucket/data', s3)).toHaveLength(1);
  });

  test('until it was tried often enough: the error says how often, and for what', async () => {
    const { server, s3 } = await objectServer();
    server.put('/bucket/a', SMALL);
    const object = await only('s3://bucket/a', s3);
    server.seen.length = 0;
    server.options.fault = () => ({ status: 503 });
    const failure = openObject(object, { options: { ...s3.options, retries: '2' } });
    await expect(failure).rejects.toThrow(
      /^s3:\/\/bucket\/a: reading at byte 0 failed 3 times in [\d.]+ s: HTTP 503: injected$/,
    );
    await expect(failure).rejects.toBeInstanceOf(StorageError);
    expect(server.seen).toHaveLength(3);
  });
});

describe('what can not pass fails at once', () => {
  async function failing(fault: { status?: number; whole?: boolean }, size = 1000): Promise<unknown> {
    const { server, s3 } = await objectServer();
    server.put('/bucket/a', new Uint8Array(size));
    const object = await only('s3://bucket/a', s3);
    server.seen.length = 0;
    server.options.fault = () => fault;
    const error = await openObject(object, s3).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(StorageError);
    expect(server.seen.length).toBeLessThanOrEqual(2);
    return error;
  }

  test.each([
    [404, 's3://bucket/a: no such object', 'Check source.uri.'],
    [403, 's3://bucket/a: access was denied', 'AWS_ACCESS_KEY_ID'],
    [401, 's3://bucket/a: access was denied', 'allow_anonymous'],
    [412, 's3://bucket/a: the file changed since it was listed', 'at rest'],
    [400, 's3://bucket/a: reading at byte 0 failed: HTTP 400: injected', 'region'],
  ])('%d', async (status, message, hint) => {
    expect(await failing({ status })).toMatchObject({
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
  });

  test('a server that sends all where a part was asked for', async () => {
    expect(await failing({ whole: true }, MIB)).toMatchObject({
      message: expect.stringContaining("can't send parts of files"),
      hint: expect.stringContaining('range requests'),
    });
  });

  test('an option that is not what it should be', async () => {
    const { s3 } = await objectServer();
    for (const options of [{ timeout: 'soon' }, { retries: '-1' }, { allow_anonymous: 'maybe' }]) {
      const failure = listObjects('s3://bucket/a', { options: { ...s3.options, ...options } });
      await expect(failure).rejects.toThrow(/source\.storage/);
    }
  });
});

describe('an object that changed between listing and reading is an error that says so', () => {
  test.each([
    ['with a strong etag: the read is bound to it', {}],
    ['with a weak etag: it is looked at again', { weakEtags: true }],
    ['without an etag: so is its date', { etags: false }],
  ])('%s', async (_, options) => {
    const { server, url } = await objectServer(options);
    server.put('/a', SMALL);
    const object = await only(`${url}/a`, { options: {} });
    await (await openObject(object, { options: {} })).close();
    server.put('/b', SMALL);
    server.put('/a', randomBytes(1000, 2));
    await expect(openObject(object, { options: {} })).rejects.toThrow(
      `${url}/a: the file changed since it was listed`,
    );
    server.objects.delete('/a');
    await expect(openObject(object, { options: {} })).rejects.toThrow(/no such object|was removed/);
  });

  test('also while it is open', async () => {
    const { server, s3 } = await objectServer();
    server.put('/bucket/a', new Uint8Array(MIB));
    const reader = await opened(await only('s3://bucket/a', s3), s3);
    server.put('/bucket/a', new Uint8Array(MIB).fill(1));
    await expect(reader.read(100_000, new Uint8Array(10))).rejects.toThrow('the file changed');
  });
});

test('an abort ends what is under way, with what it was aborted with', async () => {
  const { server, s3 } = await objectServer();
  server.put('/bucket/a', SMALL);
  const object: StoredObject = await only('s3://bucket/a', s3);
  const controller = new AbortController();
  server.options.fault = () => {
    controller.abort(new Error('stopped'));
    return { stall: true };
  };
  await expect(openObject(object, s3, controller.signal)).rejects.toThrow('stopped');
});
