import { execFile } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type LocalizeOptions, localized } from '../../src/job/artifacts.js';
import { digestsOf } from '../../src/job/digests.js';
import { DataError, DeviceError, InterruptedError, StorageError, UsageError } from '../../src/util/errors.js';
import { additionGraph } from '../helpers/graph-model.js';
import type { ObjectServer } from '../helpers/object-server.mjs';
import { OnnxType, onnxGraph } from '../helpers/onnx.js';
import { withEnvironment } from '../helpers/s3.js';
import { objectServer, randomBytes, type ServerOptions } from '../helpers/storage.js';
import { workspace } from '../helpers/workspace.js';

const MIB = 2 ** 20;

type At = ReturnType<typeof workspace>;

/** A server whose `s3://` is that of the environment, and a cache of the test's own. */
async function elsewhere(options: ServerOptions = {}) {
  const at = workspace();
  const { server, url } = await objectServer(options);
  withEnvironment({
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    PENSTOCK_CACHE: at('cache'),
    PENSTOCK_CACHE_BYTES: undefined,
  });
  return { at, server, url };
}

/** Puts what is below a folder into the bucket `data`, under a prefix. */
function put(server: ObjectServer, folder: string, prefix: string): void {
  for (const name of filesBelow(folder)) {
    server.put(`/data/${prefix}${name}`, readFileSync(path.join(folder, name)));
  }
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(path.join(folder, name)).isFile())
    .sort();

/** Requests for bytes of objects. */
const gets = ({ seen }: ObjectServer): string[] =>
  seen.filter(({ method, list }) => method === 'GET' && !list).map((request) => request.path);

/** A model that keeps its weights in two files, one in a folder below. */
function writeOnnx(folder: string, seed = 1): string {
  mkdirSync(path.join(folder, 'more'), { recursive: true });
  const weights = ['weights.bin', 'more/w 2.bin'].map((location, i) => {
    writeFileSync(path.join(folder, location), randomBytes(4000, seed + i));
    return { name: `w${i}`, type: OnnxType.float32, dims: [1000], data: { location } };
  });
  const model = onnxGraph({
    nodes: [
      { operator: 'Add', inputs: ['x', 'w0'], outputs: ['h'] },
      { operator: 'Add', inputs: ['h', 'w1'], outputs: ['y'] },
    ],
    inputs: [{ name: 'x', type: OnnxType.float32, dims: ['batch', 1000] }],
    outputs: [{ name: 'y', type: OnnxType.float32, dims: ['batch', 1000] }],
    weights,
  });
  writeFileSync(path.join(folder, 'model.onnx'), model);
  return path.join(folder, 'model.onnx');
}

function writeSavedModel(folder: string): string {
  for (const name of ['saved_model.pb', 'variables/variables.index', 'assets/.hidden', 'assets/_words.txt']) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), randomBytes(100, name.length));
  }
  return folder;
}

const modelJob = (runtime: string, uri: string) => ({ model: { runtime, uri } });

async function fetched(runtime: string, uri: string, options: LocalizeOptions = {}) {
  using local = await localized(modelJob(runtime, uri), options);
  const { job } = local;
  return { job, path: job.model.uri, digests: await digestsOf(job as Parameters<typeof digestsOf>[0]) };
}

const localDigests = (runtime: string, uri: string) =>
  digestsOf(modelJob(runtime, uri) as Parameters<typeof digestsOf>[0]);

describe('a model elsewhere', () => {
  test.each([
    ['of ONNX with weights in files of their own', 'onnx', 'model.onnx', writeOnnx],
    ['that is a model.json with shards', 'tensorflow', 'model.json', additionGraph],
    ['that is the folder of a model.json', 'tensorflow', '', additionGraph],
    ['that is the folder of a SavedModel', 'tensorflow', '', writeSavedModel],
    ['that is a SavedModel, named by its file', 'tensorflow', 'saved_model.pb', writeSavedModel],
  ])('%s is fetched with all its files, and has the digest of its copy', async (_, runtime, main, write) => {
    const { at, server } = await elsewhere();
    write(at('local'));
    put(server, at('local'), 'models/a/');
    const { path: there, digests } = await fetched(runtime, `s3://data/models/a/${main}`);
    expect(digests.model).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(digests).toEqual(await localDigests(runtime, at('local', main)));
    const folder = statSync(there).isDirectory() ? there : path.dirname(there);
    expect(filesBelow(folder)).toEqual(filesBelow(at('local')));
    for (const name of filesBelow(folder))
      expect(readFileSync(path.join(folder, name))).toEqual(readFileSync(at('local', name)));
  });

  test('is read from a web server, whose URLs are encoded', async () => {
    const { at, server, url } = await elsewhere();
    writeOnnx(at('local'));
    put(server, at('local'), 'ä models/');
    const { digests } = await fetched('onnx', `${url}/data/%C3%A4%20models/model.onnx`);
    expect(digests).toEqual(await localDigests('onnx', at('local', 'model.onnx')));
  });

  test('is fetched once, and again when it has changed', async () => {
    const { at, server } = await elsewhere();
    writeOnnx(at('one'));
    put(server, at('one'), 'm/');
    const first = await fetched('onnx', 's3://data/m/model.onnx');
    expect(gets(server)).toHaveLength(3);
    server.seen.length = 0;
    const second = await fetched('onnx', 's3://data/m/model.onnx');
    expect(gets(server)).toEqual([]);
    expect(second).toEqual(first);
    // The weights alone are others.
    server.put('/data/m/weights.bin', randomBytes(4000, 77));
    const third = await fetched('onnx', 's3://data/m/model.onnx');
    expect(third.digests).not.toEqual(first.digests);
    expect(third.path).not.toBe(first.path);
  });

  test('of several pieces is fetched whole, however some requests fail', async () => {
    const { at, server } = await elsewhere();
    const large = Buffer.concat(['one', 'two', 'three'].map((text) => Buffer.alloc(8 * MIB - 5, text)));
    writeFileSync(at('m.mjs'), large);
    server.put('/data/m.mjs', large);
    const faults = [{ status: 503 }, { cut: true }, { reset: true }, { short: true }];
    server.options.fault = ({ method }) => (method === 'GET' ? faults.pop() : undefined);
    const { digests } = await fetched('module', 's3://data/m.mjs');
    expect(faults).toEqual([]);
    expect(digests).toEqual(await localDigests('module', at('m.mjs')));
  });

  test.each([
    ['etags', {}],
    ['weak etags', { weakEtags: true }],
    ['times of modification', { etags: false }],
  ])('that changes while it is fetched is an error, where storage has %s', async (_, options) => {
    const { at, server, url } = await elsewhere(options);
    server.put('/data/m.mjs', Buffer.alloc(10 * MIB, 'one'));
    let reads = 0;
    server.options.fault = ({ method, path }) => {
      if (method === 'GET' && ++reads === 2) server.put(path, Buffer.alloc(10 * MIB, 'two'));
      return undefined;
    };
    server.options.now = () => 1e12 + reads * 1000;
    await expect(fetched('module', `${url}/data/m.mjs`)).rejects.toThrow('m.mjs: the file changed since');
    expect(filesBelow(at('cache'))).toEqual([]);
  });

  test('that comes cut short, every time, leaves nothing behind', async () => {
    const { at, server } = await elsewhere();
    writeOnnx(at('local'));
    put(server, at('local'), 'm/');
    server.options.fault = ({ method, path: file }) =>
      method === 'GET' && file.endsWith('weights.bin') ? { cut: true } : undefined;
    const failure = await fetched('onnx', 's3://data/m/model.onnx').catch((error: Error) => error);
    expect(failure).toBeInstanceOf(StorageError);
    expect(String(failure)).toContain('s3://data/m/weights.bin');
    expect(filesBelow(at('cache'))).toEqual([]);
    delete server.options.fault;
    const { digests } = await fetched('onnx', 's3://data/m/model.onnx');
    expect(digests).toEqual(await localDigests('onnx', at('local', 'model.onnx')));
  });

  test.each([
    ['cut short', (file: string) => truncateSync(file, 10)],
    ['with other bytes', (file: string) => writeFileSync(file, randomBytes(statSync(file).size, 9))],
  ])('that is kept %s is fetched again', async (_, damage) => {
    const { at, server } = await elsewhere();
    writeOnnx(at('local'));
    put(server, at('local'), 'm/');
    const { path: there } = await fetched('onnx', 's3://data/m/model.onnx');
    damage(path.join(path.dirname(there), 'weights.bin'));
    const { digests } = await fetched('onnx', 's3://data/m/model.onnx');
    expect(digests).toEqual(await localDigests('onnx', at('local', 'model.onnx')));
  });

  test('of which storage has no versions is fetched each time, but where its digest is known', async () => {
    const { at, server, url } = await elsewhere();
    server.put('/data/m.mjs', randomBytes(100));
    const uri = `${url}/data/m.mjs`;
    // Neither an etag nor a time: as some servers answer that make what they send.
    server.options.etags = false;
    server.options.times = false;
    const { digests } = await fetched('module', uri);
    await fetched('module', uri);
    expect(gets(server)).toHaveLength(2);
    await fetched('module', uri, { expect: digests });
    expect(gets(server)).toHaveLength(2);
    writeFileSync(at('copy'), randomBytes(100));
    expect(digests).toEqual(await localDigests('module', at('copy')));
  });

  test.each([
    ['no such object', 'onnx', 's3://data/no.onnx', StorageError, 's3://data/no.onnx: no such object'],
    [
      'no such weights',
      'onnx',
      's3://data/part/model.onnx',
      StorageError,
      's3://data/part/model.onnx keeps weights in it',
    ],
    ['no such folder', 'tensorflow', 's3://data/nothing', StorageError, 's3://data/nothing: no such object'],
    [
      'a folder of something else',
      'tensorflow',
      's3://data/part',
      StorageError,
      'is a folder without a model.json',
    ],
    [
      'weights outside of its folder',
      'onnx',
      's3://data/evil/model.onnx',
      DeviceError,
      's3://data/evil/model.onnx: keeps weights in "../../x"',
    ],
    [
      'what is no model',
      'tensorflow',
      's3://data/bad/model.json',
      DeviceError,
      's3://data/bad/model.json: is no TensorFlow.js model',
    ],
    ['an unknown storage', 'onnx', 'ftp://host/a.onnx', UsageError, 'model.uri: ftp://host/a.onnx'],
  ])('%s is an error that names it', async (_, runtime, uri, type, message) => {
    const { at, server } = await elsewhere();
    writeOnnx(at('local'));
    server.put('/data/part/model.onnx', readFileSync(at('local', 'model.onnx')));
    const outside = { name: 'w', type: OnnxType.float32, dims: [1], data: { location: '../../x' } };
    server.put(
      '/data/evil/model.onnx',
      onnxGraph({ nodes: [], inputs: [], outputs: [], weights: [outside] }),
    );
    server.put('/data/bad/model.json', Buffer.from('[]'));
    const failure = await fetched(runtime, uri).catch((error: Error) => error);
    expect(failure).toBeInstanceOf(type);
    expect(String(failure)).toContain(message);
    expect(String(failure)).not.toContain(at('cache'));
    if (readdirSync(at()).includes('cache')) expect(filesBelow(at('cache'))).toEqual([]);
  });

  test('whose names would lead out of the cache is refused', async () => {
    const { at, server } = await elsewhere();
    server.put('/data/s/saved_model.pb', randomBytes(10));
    server.put('/data/s/assets/../../../x', randomBytes(10));
    await expect(fetched('tensorflow', 's3://data/s')).rejects.toThrow('is no name for a file here');
    expect(readdirSync(at('cache'))).toEqual(['artifacts']);
  });

  test('is looked for no longer once the signal says so', async () => {
    const { at, server } = await elsewhere();
    const controller = new AbortController();
    server.put('/data/m.mjs', randomBytes(10));
    server.options.fault = () => {
      controller.abort();
      return { stall: true };
    };
    const failure = fetched('module', 's3://data/m.mjs', { signal: controller.signal });
    await expect(failure).rejects.toBeInstanceOf(InterruptedError);
    expect(filesBelow(at('cache'))).toEqual([]);
  });
});

describe('what is expected', () => {
  async function changing() {
    const { at, server } = await elsewhere();
    server.put('/data/t.mjs', Buffer.from('export default () => ({ a: [1] });\n'));
    const { digests } = await fetched('module', 's3://data/t.mjs');
    return { at, server, expect: { model: digests.model as string } };
  }

  test('is taken from the cache without a request', async () => {
    const { server, expect: digests } = await changing();
    server.seen.length = 0;
    server.objects.clear();
    const { path: there } = await fetched('module', 's3://data/t.mjs', { expect: digests });
    expect(readFileSync(there, 'utf8')).toContain('export default');
    expect(server.seen).toEqual([]);
  });

  test('and is not there is an error, for which it is fetched once', async () => {
    const { at, server, expect: digests } = await changing();
    withEnvironment({ PENSTOCK_CACHE: at('other') });
    server.put('/data/t.mjs', Buffer.from('export default () => ({ b: [1] });\n'));
    server.seen.length = 0;
    for (let i = 0; i < 3; i++) {
      const failure = await fetched('module', 's3://data/t.mjs', { expect: digests }).catch((error) => error);
      expect(failure).toBeInstanceOf(DataError);
      expect(failure.message).toBe('the model at s3://data/t.mjs is not the one that was submitted');
      expect(failure.hint).toContain('Submit the job again');
    }
    expect(gets(server)).toHaveLength(1);
  });

  test('holds for files of this machine, too', async () => {
    const at = workspace();
    writeFileSync(at('t.mjs'), 'export default () => ({});\n');
    const { model } = await localDigests('module', at('t.mjs'));
    const job = { model: { runtime: 'simulated' }, transform: at('t.mjs') };
    using local = await localized(job, { expect: { transform: model as string } });
    expect(local.job).toEqual(job);
    writeFileSync(at('t.mjs'), 'export default () => ({ evil: [] });\n');
    await expect(localized(job, { expect: { transform: model as string } })).rejects.toThrow(
      `the transform at ${at('t.mjs')} is not the one that was submitted`,
    );
  });
});

describe('a module of this machine that is to run alone', () => {
  test('is a copy with nothing beside it, made again when it changes', async () => {
    const { at } = await elsewhere();
    writeFileSync(at('t.js'), 'export { default } from "./other.js";\n');
    writeFileSync(at('other.js'), 'export default () => ({});\n');
    const job = { model: { runtime: 'simulated' }, transform: at('t.js') };
    const copy = async (): Promise<string> => {
      using local = await localized(job, { alone: true });
      return local.job.transform;
    };
    const first = await copy();
    expect(readdirSync(path.dirname(first))).toEqual(['t.js']);
    await expect(import(/* @vite-ignore */ first)).rejects.toThrow('other.js');
    expect(await copy()).toBe(first);
    writeFileSync(at('t.js'), 'export default () => ({ a: [1, 2] });\n');
    const second = await copy();
    expect(second).not.toBe(first);
    expect((await import(/* @vite-ignore */ second)).default()).toEqual({ a: [1, 2] });
  });
});

describe('the cache', () => {
  test('is shared by processes, of which one fetches', async () => {
    const { at, server } = await elsewhere({ latencyMs: 50 });
    writeOnnx(at('local'));
    put(server, at('local'), 'm/');
    const fixture = fileURLToPath(new URL('./fixtures/fetch.mjs', import.meta.url));
    const run = () => promisify(execFile)(process.execPath, [fixture, 's3://data/m/model.onnx', 'onnx']);
    const printed = await Promise.all([run(), run(), run()]);
    const { model } = await localDigests('onnx', at('local', 'model.onnx'));
    expect(printed.map(({ stdout }) => stdout)).toEqual([model, model, model]);
    expect(gets(server)).toHaveLength(3);
  });

  test('is fetched into once by tasks of one process at the same time', async () => {
    const { at, server } = await elsewhere({ latencyMs: 20 });
    writeOnnx(at('local'));
    put(server, at('local'), 'm/');
    const all = await Promise.all(Array.from({ length: 5 }, () => fetched('onnx', 's3://data/m/model.onnx')));
    expect(new Set(all.map((one) => one.path)).size).toBe(1);
    expect(gets(server)).toHaveLength(3);
  });

  const keptFiles = (at: At): string[] =>
    filesBelow(at('cache', 'artifacts')).filter((name) => name.endsWith('.mjs'));
  const keptNames = (at: At): string[] =>
    keptFiles(at)
      .map((name) => path.basename(name))
      .sort();

  /** Nobody has used what is kept under a name for long. */
  const age = (at: At, name: string): void => {
    const file = keptFiles(at).find((one) => path.basename(one) === name) ?? '';
    utimesSync(at('cache', 'artifacts', path.dirname(file), '..', 'kept.json'), 1e9, 1e9);
  };

  test('removes what was not used for longest, and not what is used', async () => {
    const { at, server } = await elsewhere();
    withEnvironment({ PENSTOCK_CACHE_BYTES: String(3 * MIB) });
    for (const name of ['a', 'b', 'c', 'd']) server.put(`/data/${name}.mjs`, Buffer.alloc(MIB, name));
    for (const name of ['a', 'b']) await fetched('module', `s3://data/${name}.mjs`);
    age(at, 'a.mjs');
    age(at, 'b.mjs');
    using _used = await localized(modelJob('module', 's3://data/a.mjs'));
    await fetched('module', 's3://data/c.mjs');
    expect(keptNames(at)).toEqual(['a.mjs', 'c.mjs']);
    age(at, 'c.mjs');
    await fetched('module', 's3://data/d.mjs');
    expect(keptNames(at)).toEqual(['a.mjs', 'd.mjs']);
  });

  test('takes nothing that is larger than itself', async () => {
    const { at, server } = await elsewhere();
    withEnvironment({ PENSTOCK_CACHE_BYTES: String(MIB) });
    server.put('/data/m.mjs', Buffer.alloc(2 * MIB));
    const failure = await fetched('module', 's3://data/m.mjs').catch((error) => error);
    expect(failure).toBeInstanceOf(StorageError);
    expect(failure.message).toBe('s3://data/m.mjs: has 2097152 bytes or more, and the cache takes 1048576');
    expect(gets(server)).toEqual([]);
    expect(filesBelow(at('cache'))).toEqual([]);
  });

  test('that can not be written is an error that says where it is', async () => {
    const { at, server } = await elsewhere();
    server.put('/data/m.mjs', randomBytes(10));
    writeFileSync(at('cache'), 'a file');
    const failure = await fetched('module', 's3://data/m.mjs').catch((error) => error);
    expect(failure).toBeInstanceOf(StorageError);
    expect(failure.message).toContain(at('cache'));
    expect(failure.hint).toContain('PENSTOCK_CACHE');
  });
});
