import { fileURLToPath } from 'node:url';
import { type Engine, type InferRequest, Refusal, type WireTensor } from 'penstock';
import { expect, onTestFinished, test } from 'vitest';
import { now } from '../../src/clock/now.js';
import { random } from '../helpers/random.js';

type PointToPoint = typeof import('../../src/serve/point-to-point.js');
/** The built one: a thread is started from a file on disk. */
const { createPointToPointEngine }: PointToPoint = await import(
  new URL('../../dist/serve/point-to-point.js', import.meta.url).href
);

const DIGITS = fileURLToPath(new URL('../../native-models/digits/digits.onnx', import.meta.url));
const where = { providers: ['cpu'], instances: 'auto', isolation: 'thread', runTimeoutMs: 600_000 } as const;
const digits = {
  model: { ...where, uri: DIGITS, runtime: 'onnx', options: {} } as const,
  inputs: {},
  endpoints: { digits: {}, other: {} },
};
const simulated = (batchMicros: number) => ({
  model: { ...where, runtime: 'simulated', options: { batchMicros, rowMicros: 0 } } as const,
  inputs: { x: { dtype: 'float32', shape: [2] } } as const,
  endpoints: { sums: {} },
});

async function engineOf(
  models: Parameters<PointToPoint['createPointToPointEngine']>[0]['models'],
): Promise<Engine> {
  const engine = await createPointToPointEngine({ models });
  onTestFinished(() => engine[Symbol.asyncDispose]());
  return engine;
}

const ask = (endpoint: string, input: WireTensor, more: Partial<InferRequest> = {}): InferRequest => ({
  endpoint,
  inputs: [input],
  arrivedAt: now(),
  ...more,
});

const pairs = (...data: number[]): WireTensor => ({
  name: 'x',
  dtype: 'float32',
  shape: [data.length / 2, 2],
  data: Float32Array.from(data),
});

test('each request is a run of its own, with the outputs of its own rows', async () => {
  const engine = await engineOf({ digits, sums: simulated(0) });
  expect(engine.endpoints.map(({ name }) => name)).toEqual(['digits', 'other', 'sums']);
  expect(engine.endpoints[0]).toMatchObject({
    platform: 'onnxruntime_onnx',
    inputs: [{ name: 'image', dtype: 'float32', shape: [-1, 1, 28, 28] }],
    outputs: [{ name: 'logits', dtype: 'float32', shape: [-1, 10] }],
    rowBytes: 3136,
  });
  const sums = await Promise.all(
    [1, 2, 3].map((rows) => {
      const data = Array.from({ length: 2 * rows }, (_, i) => i + rows);
      return engine.infer(ask('sums', pairs(...data)));
    }),
  );
  expect(sums.map(({ outputs }) => outputs[0]?.data)).toEqual([
    Float64Array.of(3),
    Float64Array.of(5, 9),
    Float64Array.of(7, 11, 15),
  ]);
  expect(sums.map(({ times }) => times.batchRows)).toEqual([1, 2, 3]);
  const { endpoints, devices } = engine.stats();
  expect(endpoints[2]).toMatchObject({ name: 'sums', succeeded: 3, rows: 6, batches: 3, capacity: 6 });
  expect(endpoints[2]?.totalMicros.count).toBe(3);
  expect(devices.map(({ id }) => id)).toEqual(['cpu', 'simulated:0']);
});

test('what is sent stays the sender’s, and rows do not depend on their company', async () => {
  const engine = await engineOf({ digits });
  const next = random(3);
  const data = Float32Array.from({ length: 4 * 784 }, next);
  const body = data.buffer;
  const image = (first: number, rows: number): WireTensor => ({
    name: 'image',
    dtype: 'float32',
    shape: [rows, 1, 28, 28],
    data: new Float32Array(body, first * 784 * 4, rows * 784),
  });
  const together = await engine.infer(ask('digits', image(0, 4)));
  const alone = await engine.infer(ask('other', image(2, 1), { outputs: ['logits'] }));
  expect(data.length).toBe(4 * 784);
  const [all, one] = [together, alone].map(({ outputs }) => outputs[0]?.data as Float32Array);
  one?.forEach((logit, i) => {
    expect(logit).toBeCloseTo(all?.[20 + i] ?? Number.NaN, 4);
  });
});

test('requests that wait are answered before it has drained; those after are refused', async () => {
  const engine = await engineOf({ sums: simulated(20_000) });
  const answers = [1, 2, 3].map((n) => engine.infer(ask('sums', pairs(n, n))));
  expect(engine.isReady).toBe(true);
  const drained = engine.drain();
  expect(engine.isReady).toBe(false);
  await expect(engine.infer(ask('sums', pairs(1, 1)))).rejects.toMatchObject({ reason: 'draining' });
  await drained;
  const results = await Promise.all(answers);
  expect(results.map(({ outputs }) => outputs[0]?.data[0])).toEqual([2, 4, 6]);
  expect(engine.stats().endpoints[0]).toMatchObject({ succeeded: 3, refused: { draining: 1 } });
});

test('a client that goes away gets nothing more, and nor does one that asks for what there is not', async () => {
  const engine = await engineOf({ sums: simulated(20_000) });
  const controller = new AbortController();
  const answer = engine.infer(ask('sums', pairs(1, 1)), controller.signal);
  controller.abort();
  await expect(answer).rejects.toMatchObject({ reason: 'gone' });
  await expect(engine.infer(ask('nix', pairs(1, 1)))).rejects.toBeInstanceOf(Refusal);
});

test('a model that does not load is an error, and leaves no thread behind', async () => {
  const nowhere = { ...digits, model: { ...digits.model, uri: '/nowhere/model.onnx' } };
  await expect(createPointToPointEngine({ models: { digits, nowhere } })).rejects.toThrow(/nowhere/);
});
