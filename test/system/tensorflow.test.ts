import { mkdtempSync, rmSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Data, Int64, vectorFromArray } from 'apache-arrow';
import { type JobInput, type Report, runJob } from 'penstock';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ColumnData, float32, int32, writeArrow } from '../helpers/arrow.js';
import { info, operator, placeholder, type, writeGraph } from '../helpers/graph-model.js';
import { NO_SWIFTSHADER, useSwiftshader } from '../helpers/swiftshader.js';
import { readColumn, workspace } from '../helpers/workspace.js';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const swiftshader = useSwiftshader();

const ONNX = { uri: at('native-models/digits/digits.onnx') };
const GRAPH = { uri: at('native-models/digits/tfjs-graph'), runtime: 'tensorflow' } as const;
const LAYERS = { uri: at('native-models/digits/tfjs/model.json'), runtime: 'tensorflow' } as const;

interface Predictions {
  readonly report: Report;
  readonly ids: unknown[];
  readonly logits: number[][];
}

/** The digits of the example, through one of the shipped models. */
async function predict(model: JobInput['model'], input: string): Promise<Predictions> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-test-'));
  try {
    const report = await runJob({
      source: { uri: at('examples/digits/digits.arrow') },
      model,
      inputs: { [input]: { column: 'pixels', scale: 1 / 255 } },
      sink: { uri: join(folder, 'out'), keep: ['id'] },
    });
    const logits = (await readColumn(join(folder, 'out'), 'logits')) as Iterable<number>[];
    const ids = await readColumn(join(folder, 'out'), 'id');
    return { report, ids, logits: logits.map((row) => [...row]) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const argmax = (values: readonly number[]): number => values.indexOf(Math.max(...values));

describe('the digits give what they give on ONNX Runtime, row by row', () => {
  let onnx: Predictions;
  beforeAll(async () => {
    onnx = await predict(ONNX, 'image');
  });

  function expectSame({ report, ids, logits }: Predictions): void {
    expect(report.rows).toEqual({ read: 2000, written: 2000, deadLettered: 0, resumed: 0 });
    expect(ids).toEqual(onnx.ids);
    expect(logits.map(argmax)).toEqual(onnx.logits.map(argmax));
    const differences = logits.flatMap((row, i) =>
      row.map((value, k) => Math.abs(value - (onnx.logits[i]?.[k] ?? Number.NaN))),
    );
    expect(differences.reduce((most, difference) => Math.max(most, difference), 0)).toBeLessThan(1e-4);
  }

  test.each([
    ['a graph model', GRAPH, 'image', 1],
    ['a layers model', LAYERS, 'conv1_input', 1],
    ['a graph model, three instances of it', GRAPH, 'image', 3],
  ] as const)('as %s on wasm', async (_, model, input, instances) => {
    const predictions = await predict({ ...model, providers: ['wasm'], instances }, input);
    expectSame(predictions);
    expect(predictions.report.devices).toMatchObject([
      { id: 'cpu', runtime: 'tensorflow', provider: 'wasm', gpu: false, instances, simulated: false },
    ]);
    expect(predictions.report.warnings).toEqual([]);
  });

  test('by default on the first engine that runs; the report says why those before it do not', async () => {
    const predictions = await predict({ ...GRAPH }, 'image');
    expectSame(predictions);
    // A machine with a GPU or with libtensorflow gets further to the front.
    const engines = ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm'];
    const { devices, warnings } = predictions.report;
    const before = engines.slice(0, engines.indexOf(devices[0]?.provider ?? ''));
    expect(warnings.map((warning) => /^provider (\S+): ./.exec(warning)?.[1])).toEqual(before);
  });
});

test('two threads compute on webgpu at the same time', { timeout: 200_000 }, async (context) => {
  context.skip(!swiftshader, NO_SWIFTSHADER);
  const report = await runJob({
    source: { uri: at('examples/digits/digits.arrow'), limit: 24 },
    model: { ...LAYERS, providers: ['webgpu'], options: { allowSoftware: true }, instances: 2 },
    inputs: { conv1_input: { column: 'pixels', scale: 1 / 255 } },
    batch: { size: 4 },
    sink: { format: 'none' },
  });
  expect(report.batches.count).toBe(6);
  expect(report.devices).toMatchObject([{ provider: 'webgpu', instances: 2 }]);
});

describe('types that TensorFlow.js lacks', () => {
  /** y = x + x in int32, of a model that declares another type. */
  async function run(dtype: string, column: ColumnData, input: JobInput['inputs'] = {}): Promise<unknown[]> {
    const folder = workspace();
    const model = writeGraph(folder('model'), {
      nodes: [placeholder('x', dtype, [-1]), operator('AddV2', 'y', ['x', 'x'], { T: type(dtype) })],
      signature: {
        inputs: { x: info('x:0', dtype, [-1]) },
        outputs: { y: info('y:0', dtype, [-1]) },
      },
    });
    await runJob({
      source: { uri: writeArrow(folder('data.arrow'), [[column]]) },
      model: { uri: model, runtime: 'tensorflow', providers: ['wasm'] },
      inputs: input,
      sink: { uri: folder('out') },
    });
    return readColumn(folder('out'), 'y');
  }

  const int64 = (values: readonly bigint[]): ColumnData => ({
    name: 'x',
    data: vectorFromArray(values, new Int64()).data[0] as Data,
  });

  test('are computed with as one that it has', async () => {
    expect(await run('DT_INT64', int64([1n, -(2n ** 30n)]))).toEqual([2, -(2 ** 31)]);
    expect(await run('DT_UINT8', int32('x', [200, 255]))).toEqual([400, 510]);
    expect(await run('DT_HALF', float32('x', [0.5, 65_504]))).toEqual([1, 131_008]);
  });

  test('take no value that does not fit', async () => {
    await expect(run('DT_INT64', int64([1n, 2n ** 31n]))).rejects.toThrow(
      'holds 2147483648, which does not fit int32',
    );
    await expect(run('DT_UINT8', int32('x', [200, 256]))).rejects.toThrow(
      'holds 256, which does not fit uint8',
    );
    await expect(run('DT_INT8', float32('x', [1.5]))).rejects.toThrow(
      'does not fit input x (a row is int8 [])',
    );
  });

  test('are refused where a job asks for them', async () => {
    await expect(run('DT_HALF', float32('x', [1]), { x: { dtype: 'float16' } })).rejects.toThrow(
      "inputs.x.dtype: is float16, and the model's input x is float32",
    );
  });
});

test('a model whose weights have changed does not go on with the output of the old ones', async () => {
  const folder = workspace();
  await cp(GRAPH.uri, folder('model'), { recursive: true });
  const job = {
    source: { uri: at('examples/digits/digits.arrow'), limit: 100 },
    model: { ...GRAPH, uri: folder('model'), providers: ['wasm'] },
    inputs: { image: { column: 'pixels', scale: 1 / 255 } },
    sink: { uri: folder('out') },
  };
  await runJob(job);
  expect((await runJob(job)).rows.resumed).toBe(100);
  await writeFile(folder('model', 'weights.bin'), new Uint8Array(116_264));
  await expect(runJob(job)).rejects.toThrow('another job');
});

test('a SavedModel where no engine runs one ends the job before any data is read', async () => {
  const job = {
    source: { uri: at('examples/digits/digits.arrow') },
    model: {
      uri: at('native-models/digits/saved-model'),
      runtime: 'tensorflow',
      providers: ['webgpu', 'wasm'],
    },
    inputs: { image: { column: 'pixels', scale: 1 / 255 } },
    sink: { format: 'none' },
  } as const;
  await expect(runJob(job)).rejects.toThrow(
    'is a SavedModel, which only tfjs-node-gpu and tfjs-node can run',
  );
});
