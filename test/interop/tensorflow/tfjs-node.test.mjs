// @ts-check
// Run in an application that has penstock and both packages: `node --expose-gc tfjs-node.test.mjs REPOSITORY MODELS`,
// where MODELS is what models.py has written.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import tf from '@tensorflow/tfjs-node';
import { tableFromIPC } from 'apache-arrow';
import { runJob } from 'penstock';

const [repository = '.', models = '.'] = process.argv.slice(2);
const digits = join(repository, 'native-models/digits');
const packages = fileURLToPath(new URL('node_modules/@tensorflow', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'penstock-interop-'));
after(() => rmSync(folder, { recursive: true }));

const MODELS = [
  { name: 'SavedModel', uri: 'saved-model', input: 'image' },
  { name: 'graph model', uri: 'tfjs-graph', input: 'image' },
  { name: 'layers model', uri: 'tfjs/model.json', input: 'conv1_input' },
];

let jobs = 0;

/**
 * The 2,000 digits through a model.
 * @param {object} model
 * @param {string} [input]
 */
async function predict(model, input = 'image') {
  const uri = join(folder, `job-${jobs++}`);
  const report = await runJob({
    source: { uri: join(repository, 'examples/digits/digits.arrow') },
    model,
    inputs: { [input]: { column: 'pixels', scale: 1 / 255 } },
    sink: { uri },
  });
  const parts = readdirSync(uri).filter((part) => part.startsWith('part-'));
  /** @type {number[]} */
  const logits = parts
    .sort()
    .flatMap((part) => [...(tableFromIPC(readFileSync(join(uri, part))).getChild('logits') ?? [])])
    .flatMap((row) => [...row]);
  return { report, logits };
}

/** @param {string} uri @param {object} [options] */
const model = (uri, options) => ({ uri, runtime: 'tensorflow', ...options });

describe('the digits', () => {
  /** @type {number[]} */
  let onnx = [];
  before(async () => {
    onnx = (await predict({ uri: join(digits, 'digits.onnx') })).logits;
  });

  /** @param {readonly number[]} logits */
  function expectSame(logits) {
    assert.equal(logits.length, 20_000);
    const most = logits.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(onnx[i]))), 0);
    assert.ok(most < 1e-4, `logits differ by ${most}`);
  }

  for (const provider of ['tfjs-node-gpu', 'tfjs-node']) {
    for (const { name, uri, input } of MODELS) {
      test(`as a ${name} on ${provider} give what they give on ONNX Runtime`, async (context) => {
        const { report, logits } = await predict(model(join(digits, uri), { providers: [provider] }), input);
        expectSame(logits);
        const [device] = report.devices;
        assert.deepEqual([device?.runtime, device?.provider, device?.gpu], ['tensorflow', provider, false]);
        // A GPU was asked for, and this libtensorflow has none.
        assert.deepEqual(report.warnings, provider === 'tfjs-node-gpu' ? [ON_CPU] : []);
        context.diagnostic(`${Math.round(2000 / (report.seconds - report.startupSeconds))} rows/s`);
      });
    }
  }

  test('are computed by two instances in two threads', async () => {
    const two = model(join(digits, 'saved-model'), { providers: ['tfjs-node'], instances: 2 });
    expectSame((await predict(two)).logits);
  });
});

const ON_CPU = 'tfjs-node-gpu runs on the CPU: libtensorflow found no GPU that it can use';

describe('by default the first engine that runs is taken, and the report says why those before it do not', () => {
  /** @type {[string, string][]} */
  const moved = [];
  /** @param {string} path below the packages */
  function hide(path) {
    const from = join(packages, path);
    const to = join(folder, `hidden-${moved.length}`);
    renameSync(from, to);
    moved.push([from, to]);
  }
  afterEach(() => {
    for (const [from, to] of moved.splice(0)) renameSync(to, from);
  });

  async function engine() {
    const { report } = await predict(model(join(digits, 'saved-model')));
    return [report.devices[0]?.provider, ...report.warnings];
  }

  test('both are there', async () => {
    assert.deepEqual(await engine(), ['tfjs-node-gpu', ON_CPU]);
  });

  test('tfjs-node-gpu is not installed', async () => {
    hide('tfjs-node-gpu');
    const missing = 'provider tfjs-node-gpu: the package @tensorflow/tfjs-node-gpu is not installed';
    assert.deepEqual(await engine(), ['tfjs-node', missing]);
  });

  test('tfjs-node-gpu has no binding, since its scripts did not run', async () => {
    hide('tfjs-node-gpu/lib');
    const [provider, warning, ...others] = await engine();
    assert.deepEqual([provider, others], ['tfjs-node', []]);
    assert.match(
      String(warning),
      /^provider tfjs-node-gpu: the package @tensorflow\/tfjs-node-gpu does not load: .*can not be found/,
    );
  });

  test('neither is there: nothing else runs a SavedModel', async () => {
    hide('tfjs-node-gpu');
    hide('tfjs-node');
    await assert.rejects(engine, /is a SavedModel, which only tfjs-node-gpu and tfjs-node can run/);
  });
});

// Below jobs: one session in this thread, whose tensors can be counted.

const built = pathToFileURL(join(packages, '../penstock/dist/session/load.js'));
const { loadSession } = await import(built.href);

/** @param {string} uri @param {object} [options] */
function open(uri, options = {}) {
  const spec = { providers: ['tfjs-node'], intraOpNumThreads: 1, deviceId: 0, inputs: [], options };
  return loadSession({ ...model(uri), ...spec });
}

/** @type {Record<string, any>} */
const ARRAYS = {
  float32: Float32Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** @param {string} name @param {string} dtype @param {readonly number[]} dims @param {readonly unknown[]} [values] */
function view(name, dtype, dims, values) {
  const Type = ARRAYS[dtype];
  const length = dims.reduce((product, dim) => product * dim, 1);
  const data = new Type(new SharedArrayBuffer(length * Type.BYTES_PER_ELEMENT));
  if (values) data.set(values.map(dtype === 'int64' ? BigInt : Number));
  return { name, dtype, dims, data };
}

describe('a SavedModel gives what TensorFlow gives in Python', () => {
  const expected = JSON.parse(readFileSync(join(models, 'expected.json'), 'utf8'));

  /** @param {string} name @param {number} [tolerance] */
  async function check(name, tolerance = 0) {
    const { inputs, outputs } = expected[name];
    const session = await open(join(models, name));
    assert.deepEqual(names(session.inputs), Object.keys(inputs).sort());
    const views = session.inputs.map(({ name, dtype }) => view(name, dtype, ...inputs[name]));
    const results = session.outputs.map(({ name, dtype }) => view(name, dtype, outputs[name][0]));
    const dims = await session.outputDims(views);
    await session.run(views, results);
    for (const { name, data } of results) {
      const [shape, values] = outputs[name];
      assert.deepEqual(dims.get(name), shape);
      values.forEach((/** @type {unknown} */ value, /** @type {number} */ i) => {
        if (typeof value === 'string') assert.equal(String(data[i]), value, name);
        else assert.ok(Math.abs(data[i] - Number(value)) <= tolerance, `${name}: ${data[i]}, not ${value}`);
      });
    }
    await session.close();
    return session;
  }
  /** @param {readonly { name: string }[]} tensors */
  const names = (tensors) => tensors.map(({ name }) => name).sort();

  test('of every type that tfjs-node hands over, and says of none that it is stored otherwise', async (context) => {
    const warn = context.mock.method(console, 'warn', () => {});
    const { inputs, outputs } = await check('types');
    /** @param {readonly { name: string, dtype: string }[]} tensors */
    const types = (tensors) => Object.fromEntries(tensors.map(({ name, dtype }) => [name, dtype]));
    assert.deepEqual(types(inputs), { f: 'float32', i: 'int32', l: 'int64', u: 'uint8', b: 'bool' });
    assert.deepEqual(types(outputs), { ...types(inputs), place: 'int64' });
    assert.equal(warn.mock.callCount(), 0);
  });

  test('where nothing is known of the shapes', async () => {
    const { inputs, outputs } = await check('open');
    assert.deepEqual([inputs[0].dims, outputs[0].dims], [undefined, undefined]);
  });

  test('with weights in variables, as Keras exports', () => check('keras', 1e-6));
  test('with a table in a file beside it', () => check('asset'));

  test('by the signature that the job names', async () => {
    await check('two');
    const session = await open(join(models, 'two'), { signature: 'half' });
    const y = view('y', 'float32', [2]);
    await session.run([view('x', 'float32', [2], [1, 3])], [y]);
    assert.deepEqual([...y.data], [0.5, 1.5]);
    await session.close();
    await assert.rejects(open(join(models, 'two'), { signature: 'third' }), /it has .*half/);
  });

  test('but none of a type that tfjs-node does not know', async () => {
    await assert.rejects(
      open(join(models, 'half')),
      /"x" of signature serving_default is a tensor of float16/,
    );
  });
});

describe('memory stays flat over 10,000 batches', () => {
  const DIMS = [8, 1024];

  /** @param {string} name @param {object} json */
  function write(name, json) {
    const uri = join(folder, name);
    writeFileSync(uri, JSON.stringify({ weightsManifest: [], ...json }));
    return uri;
  }
  const FLOAT = { type: 'DT_FLOAT' };
  const shape = { shape: { dim: [{ size: '-1' }, { size: '1024' }] } };

  const small = {
    // Integers take ways of their own.
    'a SavedModel of int64': join(models, 'integers'),
    'a SavedModel': join(models, 'open'),
    'a graph model': write('graph.json', {
      format: 'graph-model',
      modelTopology: {
        node: [
          { name: 'x', op: 'Placeholder', attr: { dtype: FLOAT, shape } },
          { name: 'y', op: 'AddV2', input: ['x', 'x'], attr: { T: FLOAT } },
        ],
        versions: { producer: 1882 },
      },
    }),
    'a layers model': write('layers.json', {
      format: 'layers-model',
      modelTopology: {
        class_name: 'Sequential',
        config: {
          name: 'm',
          layers: [
            { class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 1024] } },
            { class_name: 'Activation', config: { name: 'y', activation: 'relu' } },
          ],
        },
      },
    }),
  };

  for (const [name, uri] of Object.entries(small)) {
    test(`of ${name}`, async (context) => {
      const session = await open(uri);
      const inputs = session.inputs.map(({ name, dtype }) => view(name, dtype, DIMS));
      const outputs = session.outputs.map(({ name, dtype }) => view(name, dtype, DIMS));
      /** Garbage counts for nothing: it is collected every 500 batches, and what it holds is let go in the next turn. */
      const run = async (/** @type {number} */ batches) => {
        for (let batch = 1; batch <= batches; batch++) {
          await session.run(inputs, outputs);
          if (batch % 500 !== 0) continue;
          globalThis.gc?.();
          await setImmediate();
        }
        const { numTensors, numBytes } = tf.memory();
        return { numTensors, numBytes, rss: process.memoryUsage.rss() };
      };
      const { rss, ...tensors } = await run(1000);
      const { rss: after, ...left } = await run(10_000);
      assert.deepEqual(left, tensors);
      // Had one tensor of each batch stayed, it would be 312.
      const grown = (after - rss) / 2 ** 20;
      context.diagnostic(`${grown.toFixed(1)} MiB more`);
      assert.ok(grown < 64, `${grown} MiB more`);
      await session.close();
    });
  }
});
