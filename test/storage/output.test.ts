import { mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { writeError } from '../../src/storage/local-output.js';
import { openOutput } from '../../src/storage/output.js';
import { RemoteOutput } from '../../src/storage/remote-output.js';
import { temporaryName, temporaryOf } from '../../src/storage/temporary-name.js';
import { StorageError, UsageError } from '../../src/util/errors.js';
import { onObjectServer, PLACES, placeOf } from '../helpers/outputs.js';
import { randomBytes } from '../helpers/storage.js';
import { workspace } from '../helpers/workspace.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (content: Uint8Array | undefined): string | undefined =>
  content && Buffer.from(content).toString();
const MIB = 2 ** 20;
/** Of no period that pieces have. */
const largeBytes = (size: number): Uint8Array => Buffer.alloc(size, randomBytes(100_003));

describe.each(PLACES)('%s', (kind) => {
  test('holds what is written, and lists it folder by folder', async () => {
    const { store } = await placeOf(kind);
    await store.prepare();
    expect(await store.list('')).toEqual([]);
    expect(await store.list('_manifest')).toEqual([]);
    await store.write('part-00000.arrow', bytes('rows'));
    await store.write('_SUCCESS', new Uint8Array(0));
    await store.write('_manifest/part-00000.json', bytes('{}'));
    await store.settle();
    const listed = (await store.list('')).map(({ name, size }) => [name, size]).sort();
    expect(listed).toEqual([
      ['_SUCCESS', 0],
      ['_manifest/', 0],
      ['part-00000.arrow', 4],
    ]);
    expect((await store.list('_manifest')).map(({ name, size }) => [name, size])).toEqual([
      ['part-00000.json', 2],
    ]);
    expect(text(await store.read('_manifest/part-00000.json'))).toBe('{}');
    expect(await store.stat('part-00000.arrow')).toMatchObject({ name: 'part-00000.arrow', size: 4 });
  });

  test('knows nothing of what is not there', async () => {
    const { store } = await placeOf(kind);
    await store.prepare();
    expect(await store.read('_manifest/job.json')).toBeUndefined();
    expect(await store.stat('part-00000.arrow')).toBeUndefined();
    await store.remove('part-00000.arrow');
  });

  test('replaces a file, and removes it', async () => {
    const { store } = await placeOf(kind);
    await store.prepare();
    await store.write('f', bytes('old'));
    await store.write('f', bytes('new one'));
    expect(text(await store.read('f'))).toBe('new one');
    await store.remove('f');
    expect(await store.list('')).toEqual([]);
  });

  test('creates a file once: of many at the same time one succeeds, and its content stands', async () => {
    const { store, location } = await placeOf(kind);
    await store.prepare();
    const stores = await Promise.all(
      Array.from({ length: 5 }, () =>
        // It does not exclude; two seconds are longer than a test likes.
        kind === 's3rver' ? RemoteOutput.connect(location.uri, location.options, 500) : openOutput(location),
      ),
    );
    const created = await Promise.all(
      stores.map((other, i) => other.create('_manifest/lease', bytes(`by ${i}`))),
    );
    expect(created.filter(Boolean)).toHaveLength(1);
    expect(text(await store.read('_manifest/lease'))).toBe(`by ${created.indexOf(true)}`);
    expect(await (stores[0] as typeof store).create('_manifest/lease', bytes('late'))).toBe(false);
    expect(text(await store.read('_manifest/lease'))).toBe(`by ${created.indexOf(true)}`);
    expect((await store.list('_manifest')).map(({ name }) => name)).toEqual(['lease']);
  });

  test('has one clock, which its files are dated by, and leaves nothing behind when it is read', async () => {
    const { store } = await placeOf(kind);
    await store.prepare();
    await store.write('f', bytes('x'));
    const before = (await store.stat('f'))?.modified ?? 0;
    const clock = await store.clock();
    // Services tell times in seconds.
    expect(clock - before).toBeGreaterThanOrEqual(0);
    expect(clock - before).toBeLessThan(30_000);
    expect((await store.list('')).map(({ name }) => name)).toEqual(['f']);
  });

  test('takes a large file whole', async () => {
    const { store } = await placeOf(kind);
    await store.prepare();
    const large = largeBytes(21 * MIB + 5);
    await store.write('large', large);
    expect(await store.stat('large')).toMatchObject({ size: large.byteLength });
    expect(Buffer.compare((await store.read('large')) ?? new Uint8Array(0), large)).toBe(0);
  });
});

describe('a local file', () => {
  test('takes the place of another at once: who has that open goes on reading it', async () => {
    const at = workspace();
    const store = await openOutput({ uri: at(), options: {} });
    writeFileSync(at('f'), 'the old content');
    const reader = openSync(at('f'), 'r');
    await store.write('f', bytes('new'));
    const old = Buffer.alloc(100);
    expect(old.toString('utf8', 0, readSync(reader, old))).toBe('the old content');
    expect(readFileSync(at('f'), 'utf8')).toBe('new');
  });

  test('leaves nothing behind where its place is taken by a directory', async () => {
    const at = workspace();
    const store = await openOutput({ uri: at(), options: {} });
    mkdirSync(at('f'));
    const failure = store.write('f', bytes('new'));
    await expect(failure).rejects.toBeInstanceOf(StorageError);
    await expect(failure).rejects.toThrow(`${at('f')}: can't be written: there is a directory of that name`);
    expect(readdirSync(at())).toEqual(['f']);
  });

  test('is not written where the directory was taken away: it does not come back by itself', async () => {
    const at = workspace();
    const store = await openOutput({ uri: at('out'), options: {} });
    await store.prepare();
    rmSync(at('out'), { recursive: true });
    for (const name of ['f', '_manifest/f']) {
      const failure = store.write(name, bytes('new'));
      await expect(failure).rejects.toThrow(`${at('out', name)}: can't be written: its directory is gone`);
      await expect(failure).rejects.toMatchObject({ place: { file: at('out', name) } });
    }
    expect(readdirSync(at())).toEqual([]);
  });

  test('leaves nothing behind where it can not be written to its end', async () => {
    const at = workspace();
    const store = await openOutput({ uri: at(), options: {} });
    // As a full disk does, but on any machine: more than a file can be told to hold.
    const endless = new Proxy(new Uint8Array(1), {
      get: (target, key) => {
        if (key === 'byteLength') throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        return Reflect.get(target, key, target);
      },
    });
    await expect(store.write('f', endless)).rejects.toBeInstanceOf(StorageError);
    await expect(store.create('f', endless)).rejects.toBeInstanceOf(StorageError);
    expect(readdirSync(at())).toEqual([]);
  });

  test('has a directory above it, or the error says what is wrong', async () => {
    const at = workspace();
    writeFileSync(at('file'), '');
    const store = await openOutput({ uri: at('file'), options: {} });
    await expect(store.prepare()).rejects.toThrow(
      `${at('file')}: the output directory can't be made: it, or`,
    );
    await expect(store.list('')).rejects.toThrow(
      `${at('file')}: can't be read: it, or something above it, is a file`,
    );
  });
});

test.each([
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the quota of disk space is used up'],
  ['EACCES', "can't be written: access is denied"],
  ['EROFS', "can't be written: the file system is read-only"],
])('%s is one sentence, with what to do about it', (code, what) => {
  const error = writeError('out/part-00001.arrow', Object.assign(new Error('write'), { code }));
  expect(error).toBeInstanceOf(StorageError);
  expect(error.message).toBe(`out/part-00001.arrow: ${what}`);
  expect(error.hint).toContain('run the same job again');
});

test('a temporary file tells what it was to become', () => {
  expect(temporaryOf(temporaryName('part-00001.arrow'))).toBe('part-00001.arrow');
  for (const name of ['part-00001.arrow', '.hidden.tmp', '.f.12.tmp'])
    expect(temporaryOf(name)).toBeUndefined();
});

describe('a remote object', () => {
  test('is written in one request, or, where it is large, in pieces at the same time', async () => {
    const { store, server } = await onObjectServer({ latencyMs: 20 });
    await store.write('small', largeBytes(16 * MIB));
    expect(server.seen.map(({ method }) => method)).toEqual(['PUT']);
    server.seen.length = 0;
    server.mostAtOnce = 0;
    const large = largeBytes(40 * MIB + 1);
    await store.write('large', large);
    const pieces = server.seen.filter(({ method }) => method === 'PUT');
    expect(pieces.map(({ bytes: size }) => size).sort((a, b) => b - a)).toEqual([
      ...Array(5).fill(8 * MIB),
      1,
    ]);
    expect(server.mostAtOnce).toBeGreaterThan(1);
    expect(server.mostAtOnce).toBeLessThanOrEqual(4);
    expect(
      Buffer.compare(server.objects.get('/bucket/deep/out/large')?.bytes ?? new Uint8Array(0), large),
    ).toBe(0);
    expect(server.uploads.size).toBe(0);
  });

  test.each(['status', 'reset', 'lost'] as const)(
    'is written again where that failed in a way that can pass: %s',
    async (how) => {
      const { store, server } = await onObjectServer();
      const fault = how === 'status' ? { status: 503 } : { [how]: true };
      let faults = 0;
      server.options.fault = ({ method }) => (method === 'PUT' && ++faults % 2 === 1 ? fault : undefined);
      const large = largeBytes(33 * MIB);
      await store.write('small', bytes('all of it'));
      await store.write('large', large);
      delete server.options.fault;
      expect(text(await store.read('small'))).toBe('all of it');
      expect(Buffer.compare((await store.read('large')) ?? new Uint8Array(0), large)).toBe(0);
      expect(faults).toBeGreaterThan(5);
    },
  );

  test('that is created is ours though the answer was lost', async () => {
    const { store, server } = await onObjectServer();
    let faults = 0;
    server.options.fault = ({ method }) => (method === 'PUT' && faults++ === 0 ? { lost: true } : undefined);
    expect(await store.create('lease', bytes('mine'))).toBe(true);
    expect(await store.create('lease', bytes('yours'))).toBe(false);
    expect(text(await store.read('lease'))).toBe('mine');
  });

  test.each([false, 'refused'] as const)(
    'is created once where the storage knows no conditions (%s): the last to write wins',
    async (conditions) => {
      const { location, store, server } = await onObjectServer({ conditions });
      const connect = () => RemoteOutput.connect(location.uri, location.options, 300);
      const [one, two] = [await connect(), await connect()];
      const created = await Promise.all([
        one.create('lease', bytes('one')),
        two.create('lease', bytes('two')),
      ]);
      expect(created.filter(Boolean)).toHaveLength(1);
      expect(text(await store.read('lease'))).toBe(created[0] ? 'one' : 'two');
      expect(await one.create('lease', bytes('three'))).toBe(false);
      expect(server.objects.get('/bucket/deep/out/lease')?.bytes).toHaveLength(3);
    },
  );

  test('that can not be written for good is an error with the URL, the reason and what to do', async () => {
    const { store, server } = await onObjectServer();
    server.options.fault = () => ({ status: 403 });
    const denied = store.write('part-00000.arrow', bytes('x'));
    await expect(denied).rejects.toThrow(
      's3://bucket/deep/out/part-00000.arrow: access was denied (HTTP 403',
    );
    await expect(denied).rejects.toMatchObject({ hint: expect.stringContaining('AWS_SECRET_ACCESS_KEY') });
    server.options.fault = () => ({ status: 404 });
    await expect(store.write('f', bytes('x'))).rejects.toThrow(
      'writing it failed: is there a bucket bucket?',
    );
  });

  test('lies below the prefix, whether that ends with a slash, or is a whole bucket', async () => {
    const { location, server } = await onObjectServer();
    for (const [uri, key] of [
      ['s3://bucket/out/', '/bucket/out/f'],
      ['s3://bucket', '/bucket/f'],
    ] as const) {
      const store = await openOutput({ ...location, uri });
      await store.write('f', bytes('x'));
      expect([...server.objects.keys()]).toContain(key);
      expect((await store.list('')).map(({ name }) => name)).toContain('f');
    }
  });

  test('has options of its own, and errors name the sink', async () => {
    const { location } = await onObjectServer();
    const wrong = (uri: string, options: Record<string, string>) => openOutput({ uri, options });
    await expect(wrong(location.uri, { bucket: 'b' })).rejects.toThrow(
      'sink.storage.bucket: is not an option of s3:',
    );
    await expect(wrong(location.uri, { timeout: 'soon' })).rejects.toThrow(
      'sink.storage.timeout: must be a number',
    );
    await expect(wrong('ftp://host/out', {})).rejects.toThrow(
      'sink.uri: ftp://host/out: no storage is known by ftp://',
    );
    await expect(wrong('ftp://host/out', {})).rejects.toBeInstanceOf(UsageError);
    await openOutput({ ...location, options: { ...location.options, default_storage_class: 'STANDARD_IA' } });
  });
});
