import { homedir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadJob } from '../../src/job/load.js';
import { DESIGN_EXAMPLE } from './design-example.js';
import { jobFolder, LEAST, thrownBy } from './job-files.js';

const folder = jobFolder();

describe('a job file', () => {
  test('of the design, with every key, loads as it is written', async () => {
    expect(await folder.load(DESIGN_EXAMPLE)).toEqual({
      name: 'digits',
      source: {
        uri: folder.path('data/digits.arrow'),
        format: 'auto',
        columns: ['id', 'pixels'],
        limit: 10000,
        storage: { endpoint: '…', region: '…' },
      },
      model: {
        uri: folder.path('native-models/digits/digits.onnx'),
        runtime: 'onnx',
        providers: ['cuda', 'webgpu', 'cpu'],
        instances: 'auto',
        isolation: 'thread',
        runTimeoutMs: 600_000,
        options: {},
      },
      inputs: {
        image: {
          column: 'pixels',
          dtype: 'float32',
          shape: [1, 28, 28],
          from: 'values',
          pad: 0,
          scale: 0.00392156862745098,
          mean: 0,
          std: 1,
        },
      },
      transform: folder.path('transform.mjs'),
      batch: {
        size: 64,
        maxDelayMs: 50,
        order: 'any',
        lengthColumn: 'tokens',
        buckets: [32, 64, 128, 256],
        maxTokens: 8192,
        preferredSizes: [],
      },
      producers: 'auto',
      ring: { slots: 8, pinned: 'auto' },
      outputs: { logits: { as: 'logits' } },
      sink: { uri: folder.path('out/digits'), format: 'arrow', keep: ['id', 'label'] },
      errors: { maxRows: 0, stuckAfterMs: 600_000 },
    });
  });

  test('tries the engines of its runtime, where it names none', async () => {
    const job = await folder.load(LEAST.replace('uri: m.onnx', 'uri: m, runtime: tensorflow'));
    expect(job.model.providers).toEqual(['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm']);
  });

  test('needs three sections only, and is named after its file', async () => {
    expect(await folder.load(LEAST, [], 'nightly.digits.yaml')).toEqual({
      name: 'nightly.digits',
      source: { uri: folder.path('a.arrow'), format: 'auto', storage: {} },
      model: {
        uri: folder.path('m.onnx'),
        runtime: 'onnx',
        providers: ['cpu'],
        instances: 'auto',
        isolation: 'thread',
        runTimeoutMs: 600_000,
        options: {},
      },
      inputs: {},
      batch: { size: 64, maxDelayMs: 50, order: 'any', preferredSizes: [] },
      producers: 'auto',
      ring: { slots: 'auto', pinned: 'auto' },
      sink: { format: 'none', keep: [] },
      errors: { maxRows: 0, stuckAfterMs: 600_000 },
    });
  });

  test('may be JSON, indented with tabs', async () => {
    const job = { source: { uri: 'a' }, model: { uri: 'm' }, sink: { format: 'none' }, producers: 3 };
    expect(await folder.load(JSON.stringify(job, null, '\t'), [], 'job.json')).toMatchObject({
      producers: 3,
    });
  });

  test('may use anchors, CRLF and a byte order mark', async () => {
    const text = `\uFEFF${LEAST}inputs:\r\n  a: &input { column: x }\r\n  b: *input\r\n`;
    expect((await folder.load(text)).inputs.b).toMatchObject({ column: 'x' });
  });

  test('gives the cache its place beside the job file, and its size', async () => {
    const text = LEAST.replace('a.arrow', 'a.arrow, cache: { dir: kept }');
    expect((await folder.load(text)).source.cache).toEqual({
      dir: folder.path('kept'),
      maxBytes: 10 * 2 ** 30,
    });
  });

  test('gives storage its options as text, whatever YAML took them for', async () => {
    const text = LEAST.replace('a.arrow', 'a.arrow, storage: { region: 1, allow_anonymous: true }');
    expect((await folder.load(text)).source.storage).toEqual({ region: '1', allow_anonymous: 'true' });
  });

  test('that runs on the simulated device has float32 inputs where it does not say', async () => {
    const text = `
source: { uri: a }
model: { runtime: simulated, options: { rowMicros: 2.5, batchMicros: 0 } }
inputs: { x: { shape: [] }, y: { shape: [2], dtype: uint8 } }
sink: { format: none }`;
    const { model, inputs } = await folder.load(text);
    expect(model).not.toHaveProperty('uri');
    expect(inputs).toMatchObject({ x: { dtype: 'float32', shape: [] }, y: { dtype: 'uint8' } });
  });

  test('with outputs but none named takes them all', async () => {
    expect(await folder.load(`${LEAST}outputs: {}`)).not.toHaveProperty('outputs');
  });
});

describe('paths', () => {
  const locate = async (uri: string) =>
    (await folder.load(LEAST.replace('a.arrow', JSON.stringify(uri)))).source.uri;

  test('are relative to the job file, wherever the process runs and however the file is named', async () => {
    await folder.write(LEAST);
    const relative = path.relative(process.cwd(), folder.path('job.yaml'));
    expect((await loadJob(relative)).source.uri).toBe(folder.path('a.arrow'));
  });

  test.each([
    ['data/*.arrow', 'data/*.arrow'],
    ['./a b/%41.arrow', 'a b/%41.arrow'],
    ['file:data/a%20b.arrow', 'data/a b.arrow'],
    ['file:data/part-*.arrow', 'data/part-*.arrow'],
    ['odd:name.arrow', 'odd:name.arrow'],
  ])('%s is in the folder of the job file', async (uri, expected) => {
    expect(await locate(uri)).toBe(folder.path(expected));
  });

  test('~ is the home of the user, as a shell would have it; inside of a name it is a letter', async () => {
    expect(await locate('~/data/*.arrow')).toBe(path.join(homedir(), 'data/*.arrow'));
    expect(await locate('~')).toBe(homedir());
    expect(await locate('~data/a~')).toBe(folder.path('~data/a~'));
    expect(await locate('./~/a')).toBe(folder.path('~/a'));
  });

  test.each([
    ['/data/a.arrow', '/data/a.arrow'],
    ['file:///data/a.arrow', '/data/a.arrow'],
    ['file:/data/../a.arrow', '/a.arrow'],
    ['s3://bucket/prefix/', 's3://bucket/prefix/'],
    ['https://host/a.arrow?x=1', 'https://host/a.arrow?x=1'],
  ])('%s is absolute', async (uri, expected) => {
    expect(await locate(uri)).toBe(expected);
  });

  test.each([
    ['file://host/a.arrow', 'source.uri is not a file: URL of a path on this machine'],
    ['file:', 'source.uri is not a file: URL of a path on this machine'],
    ['file:/a/%zz', 'source.uri is not a file: URL of a path on this machine'],
    ['file:/a/?.arrow', 'source.uri is a file: URL with ? or # in it; write it as a plain path'],
    ['s3://me:pass@b/a', 'source.uri has a password in it, and secrets come from the environment only'],
  ])('%s is refused', async (uri, expected) => {
    const { message } = await folder.refusal(LEAST.replace('a.arrow', JSON.stringify(uri)));
    expect(message).toBe(`job.yaml:1: ${expected}`);
  });

  test('of a model and a transform may be elsewhere', async () => {
    const { model, transform } = await folder.load(
      LEAST.replace('m.onnx', 's3://bucket/m.onnx').concat('transform: https://host/t.mjs'),
    );
    expect([model.uri, transform]).toEqual(['s3://bucket/m.onnx', 'https://host/t.mjs']);
  });

  test('of the cache are on this machine', async () => {
    const text = LEAST.replace('a.arrow', 'a.arrow, cache: { dir: "s3://bucket/cache" }');
    expect((await folder.refusal(text)).message).toBe(
      'job.yaml:1: source.cache.dir is remote, and must be a path on this machine',
    );
  });
});

describe('a file that is no job', () => {
  const KEYS = 'name, source, model, inputs, transform, batch, producers, ring, outputs, sink and errors';

  test.each([
    ['an empty file', '', 'job.yaml: is empty'],
    ['a file of comments', '# later\n', 'job.yaml: is empty'],
    ['a list', '# x\n- source\n', `job.yaml:2: a job is a mapping of the keys ${KEYS}, got a list`],
    ['a word', 'hello', `job.yaml:1: a job is a mapping of the keys ${KEYS}, got "hello"`],
    ['an open bracket', `${LEAST}ring: { slots: 8\nname: x\n`, /^job\.yaml:5: not valid YAML: Flow map/],
    ['a tab', 'source:\n\turi: a\n', 'job.yaml:2: not valid YAML: Tabs are not allowed as indentation'],
    ['a tag', `${LEAST}name: !env NAME\n`, 'job.yaml:4: not valid YAML: Unresolved tag: !env'],
    [
      'two documents',
      `${LEAST}---\n${LEAST}`,
      'job.yaml:4: a second document starts here; a job file holds one',
    ],
    [
      'a key twice',
      `${LEAST}batch:\n  size: 1\n  size: 2\n`,
      'job.yaml:6: batch.size is written twice; keep one of them',
    ],
    [
      'a JSON key twice',
      '{"name": "a",\n"name": "b"}',
      'job.yaml:2: name is written twice; keep one of them',
    ],
    [
      'a key that is a list',
      `${LEAST}? [a]\n: b\n`,
      'job.yaml:4: a key must be a plain word, not a mapping or a list',
    ],
    ['an unknown anchor', `${LEAST}ring: *r\n`, 'job.yaml:4: *r has no anchor before it'],
    ['an anchor in itself', `${LEAST}ring: &r\n  slots: *r\n`, 'job.yaml:5: *r stands inside of itself'],
    [
      '__proto__',
      `${LEAST}inputs:\n  __proto__: {}\n`,
      "job.yaml:5: inputs.__proto__ is a name that can't be used",
    ],
  ])('%s is refused with the line', async (_, text, expected) => {
    expect((await folder.refusal(text)).message).toMatch(expected);
  });

  test('that multiplies by aliases is refused before it fills the memory', async () => {
    const level = (name: string, of: string) => `${name}: &${name} [${Array(10).fill(of).join(', ')}]\n`;
    const text = [...'abcdefgh']
      .map((name, i, all) => level(name, i === 0 ? 'x' : `*${all[i - 1]}`))
      .join('');
    expect((await folder.refusal(text)).message).toMatch(/Excessive alias count/);
  });

  test('is named as the user named it', async () => {
    const error = await thrownBy(() => loadJob('no/such/job.yaml'));
    expect(error.message).toBe('no/such/job.yaml: there is no such file');
    expect(error.place).toEqual({ file: 'no/such/job.yaml' });
    expect((await thrownBy(() => loadJob('.'))).message).toBe('.: is a folder, expected a job file');
  });
});
