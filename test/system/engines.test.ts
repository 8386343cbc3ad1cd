import { expect, test } from 'vitest';
import { DIGITS_JOB, penstock, repository } from '../cli/penstock.js';
import { NO_SWIFTSHADER, useSwiftshader } from '../helpers/swiftshader.js';
import { readColumn, workspace } from '../helpers/workspace.js';

const swiftshader = useSwiftshader();

/**
 * Rows on a GPU in software, which takes seconds for a batch: all 2,000 took four minutes on two busy cores, so by default
 * it is the first 128.
 */
const ROWS = Number(process.env.PENSTOCK_TEST_WEBGPU_ROWS ?? 128);

const ONNX = ['model.runtime=onnx', `model.uri=${repository}native-models/digits/digits.onnx`];
const TENSORFLOW = [
  'model.runtime=tensorflow',
  `model.uri=${repository}native-models/digits/tfjs-graph`,
  'inputs.image.shape=[28, 28, 1]',
];
const SOFTWARE = 'model.options.allowSoftware=true';

const ENGINES = [
  { runtime: 'onnx', provider: 'cpu', id: 'cpu', settings: ONNX, says: [] },
  {
    runtime: 'onnx',
    provider: 'webgpu',
    id: 'webgpu:0',
    settings: [...ONNX, SOFTWARE],
    says: [expect.stringMatching(/webgpu runs in software \(SwiftShader/)],
  },
  { runtime: 'tensorflow', provider: 'wasm', id: 'cpu', settings: TENSORFLOW, says: [] },
  {
    runtime: 'tensorflow',
    provider: 'webgpu',
    id: 'webgpu:0',
    settings: [...TENSORFLOW, SOFTWARE],
    says: [expect.stringMatching(/^webgpu runs on SwiftShader.*no GPU is used$/)],
  },
] as const;

/** The digits of the example on one engine: a whole process, since each has one WebGPU. */
async function predict({ runtime, provider, id, settings, says }: (typeof ENGINES)[number]) {
  const out = workspace()('out');
  const all = [...settings, `model.providers=[${provider}]`, `source.limit=${ROWS}`, `sink.uri=${out}`];
  const { code, stdout, stderr } = await penstock(
    'run',
    DIGITS_JOB,
    '--json',
    ...all.flatMap((set) => ['--set', set]),
  );
  expect(code, stderr).toBe(0);
  const { devices, rows, warnings } = JSON.parse(stdout);
  expect(rows).toEqual({ read: ROWS, written: ROWS, deadLettered: 0, resumed: 0 });
  expect(devices).toMatchObject([{ id, runtime, provider, simulated: false }]);
  expect(warnings).toEqual(says);
  const logits = (await readColumn(out, 'logits')) as Iterable<number>[];
  return { ids: await readColumn(out, 'id'), logits: logits.map((row) => [...row]) };
}

const argmax = (values: readonly number[]): number => values.indexOf(Math.max(...values));

test('the digits are named alike by ONNX Runtime and TensorFlow, on the CPU and on WebGPU', {
  timeout: 600_000,
}, async (context) => {
  context.skip(!swiftshader, NO_SWIFTSHADER);
  const [first, ...others] = ENGINES;
  const expected = await predict(first);
  for (const engine of others) {
    const { ids, logits } = await predict(engine);
    const name = `${engine.runtime} on ${engine.provider}`;
    expect(ids, name).toEqual(expected.ids);
    expect(logits.map(argmax), name).toEqual(expected.logits.map(argmax));
    const differences = logits.flatMap((row, i) =>
      row.map((value, k) => Math.abs(value - (expected.logits[i]?.[k] ?? Number.NaN))),
    );
    expect(Math.max(...differences), name).toBeLessThan(1e-4);
  }
});
