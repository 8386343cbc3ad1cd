import { mkdtempSync, rmSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type JobInput, type Report, runJob } from 'penstock';
import { beforeAll, describe, expect, test } from 'vitest';
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

/**
 * Rows on a software GPU, which takes seconds for a batch: all 2,000 took four minutes on two busy cores, so by default it is
 * the first 256.
 */
const WEBGPU_ROWS = Number(process.env.PENSTOCK_TEST_WEBGPU_ROWS ?? 256);

/** The digits of the example, through one of the shipped models. */
async function predict(model: JobInput['model'], input: string, limit = 2000): Promise<Predictions> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-test-'));
  try {
    const report = await runJob({
      source: { uri: at('examples/digits/digits.arrow'), limit },
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

  function expectSame({ report, ids, logits }: Predictions, rows = 2000): void {
    expect(report.rows).toEqual({ read: rows, written: rows, deadLettered: 0, resumed: 0 });
    expect(ids).toEqual(onnx.ids.slice(0, rows));
    expect(logits.map(argmax)).toEqual(onnx.logits.slice(0, rows).map(argmax));
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

  test('as a graph model on webgpu', { timeout: 400_000 }, async (context) => {
    context.skip(!swiftshader, NO_SWIFTSHADER);
    const predictions = await predict(
      { ...GRAPH, providers: ['webgpu'], options: { allowSoftware: true } },
      'image',
      WEBGPU_ROWS,
    );
    expectSame(predictions, WEBGPU_ROWS);
    expect(predictions.report.devices).toMatchObject([
      { id: 'webgpu:0', runtime: 'tensorflow', provider: 'webgpu', gpu: false },
    ]);
    expect(predictions.report.warnings).toEqual([expect.stringContaining('no GPU is used')]);
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
