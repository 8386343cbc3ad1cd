import { fileURLToPath } from 'node:url';
import { loadJob, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import type { EndpointStats } from '../../src/serve/types.js';
import { readArrow } from '../helpers/arrow.js';
import { alive } from '../helpers/garbage.js';
import { random } from '../helpers/random.js';
import { range } from '../helpers/range.js';
import { readColumn, workspace } from '../helpers/workspace.js';
import { now, outputOf, reasonOf, recording, requestOf, serving } from './serving.js';

const repository = fileURLToPath(new URL('../../', import.meta.url));

const simulated = (options: object, rest: object = {}): object => ({
  models: {
    sim: {
      model: { runtime: 'simulated', options },
      inputs: { x: { shape: [7] }, n: { dtype: 'int64', shape: [] } },
      ...rest,
    },
  },
});

describe('an engine', () => {
  test.each([
    { instances: 1, size: 16, maxDelayMs: 0 },
    { instances: 3, size: 5, maxDelayMs: 0 },
    { instances: 2, size: 8, maxDelayMs: 3 },
  ])('answers each of many requests at once with its own outputs: %o', async (settings) => {
    const { instances, size, maxDelayMs } = settings;
    const engine = await serving({
      models: {
        sim: {
          model: { runtime: 'simulated', instances, options: { batchMicros: 500, rowMicros: 20 } },
          inputs: { x: { shape: [7] }, n: { dtype: 'int64', shape: [] } },
          batch: { size, maxDelayMs },
          queue: { maxRows: 10_000 },
        },
      },
    });
    const seed = 17;
    const next = random(seed);
    const client = async (): Promise<void> => {
      for (let i = 0; i < 12; i++) {
        const rows = 1 + Math.floor(next() * 12);
        const x = Float32Array.from({ length: rows * 7 }, () => Math.floor(next() * 1000));
        const n = BigInt64Array.from({ length: rows }, () => BigInt(Math.floor(next() * 1000)));
        const { outputs } = await engine.infer({
          endpoint: 'sim',
          inputs: [
            { name: 'n', dtype: 'int64', shape: [rows], data: n },
            { name: 'x', dtype: 'float32', shape: [rows, 7], data: x },
          ],
          arrivedAt: now(),
        });
        const sums = Array.from({ length: rows }, (_, row) =>
          x.subarray(row * 7, row * 7 + 7).reduce((sum, value) => sum + value, Number(n[row])),
        );
        expect(outputs, `seed ${seed}`).toEqual([
          { name: 'checksum', dtype: 'float64', shape: [rows], data: Float64Array.from(sums) },
        ]);
      }
    };
    await Promise.all(Array.from({ length: 24 }, client));
    const { endpoints, devices, uptime } = engine.stats();
    expect(endpoints[0]).toMatchObject({ succeeded: 24 * 12, refused: {}, queuedRows: 0 });
    expect(devices).toMatchObject([{ id: 'simulated:0', simulated: true, instances }]);
    const { busy, starved, blocked, idle } = devices[0] as (typeof devices)[number];
    const sum = busy + starved.fetch + starved.prep + starved.batching + blocked + idle;
    expect(Math.abs(sum - uptime)).toBeLessThan(1);
  });

  test('gives for digits what a job gives for them', async () => {
    const at = workspace();
    const job = await loadJob(`${repository}examples/digits/job.yaml`, {
      set: [`sink.uri=${at('out')}`, 'source.limit=300'],
    });
    await runJob(job);
    const expected = (await readColumn(at('out'), 'logits')) as Iterable<number>[];

    const uri = `${repository}native-models/digits/digits.onnx`;
    const engine = await serving({ models: { digits: { model: { uri }, batch: { size: 32 } } } });
    expect(engine.endpoints).toMatchObject([
      {
        name: 'digits',
        platform: 'onnxruntime_onnx',
        inputs: [{ name: 'image', dtype: 'float32', shape: [-1, 1, 28, 28] }],
        outputs: [{ name: 'logits', dtype: 'float32', shape: [-1, 10] }],
        maxRows: 1024,
        rowBytes: 4 * 28 * 28,
      },
    ]);
    const images = Array.from(readArrow(`${repository}examples/digits/digits.arrow`))
      .slice(0, 300)
      .map((row) =>
        Float32Array.from(row.pixels as Iterable<number>, (pixel) => pixel * 0.00392156862745098),
      );
    const answers = await Promise.all(
      images.map((data) =>
        engine.infer({
          endpoint: 'digits',
          inputs: [{ name: 'image', dtype: 'float32', shape: [1, 1, 28, 28], data }],
          arrivedAt: now(),
        }),
      ),
    );
    answers.forEach((answer, i) => {
      const logits = Array.from(expected[i] as Iterable<number>);
      for (const [k, value] of outputOf(answer).entries()) expect(value).toBeCloseTo(logits[k] as number, 4);
    });
  });

  test('makes batches of what comes while the device is busy', async () => {
    const device = recording();
    const engine = await serving({ models: { m: device.model() } });
    const first = engine.infer(requestOf('m', [-1]));
    await device.runs(-1);
    const others = [1, 2, 3, 4, 5, 6].map((value) => engine.infer(requestOf('m', [value])));
    device.open();
    expect(outputOf(await first)).toEqual([-2]);
    expect((await Promise.all(others)).map(outputOf)).toEqual([[2], [4], [6], [8], [10], [12]]);
    expect(device.batches).toEqual([[-1], [1, 2, 3, 4], [5, 6]]);
    expect(engine.stats().endpoints[0]).toMatchObject({ rows: 7, batches: 3, capacity: 12 });
    expect((await others[0])?.times.batchRows).toBe(4);
  });

  test('takes a request at once where the device is free, without waiting for company', async () => {
    const device = recording();
    const engine = await serving({ models: { m: device.model() } });
    for (const value of [1, 2, 3]) await engine.infer(requestOf('m', [value]));
    expect(device.batches).toEqual([[1], [2], [3]]);
  });

  test('lets rows wait for company where the configuration says so', async () => {
    const device = recording();
    const batch = { size: 3, maxDelayMs: 20_000 };
    const engine = await serving({ models: { m: device.model({}, { batch }) } });
    const first = engine.infer(requestOf('m', [1]));
    await new Promise(setImmediate);
    const others = [2, 3].map((value) => engine.infer(requestOf('m', [value])));
    await Promise.all([first, ...others]);
    expect(device.batches).toEqual([[1, 2, 3]]);
    expect(engine.stats().devices[0]?.starved.batching).toBeGreaterThan(0);
  });

  test('spreads the rows of a large request over batches, together with those of others', async () => {
    const device = recording();
    const engine = await serving({ models: { m: device.model() } });
    const blocked = engine.infer(requestOf('m', [-1]));
    await device.runs(-1);
    const values = Array.from({ length: 10 }, (_, i) => i + 1);
    const large = engine.infer(requestOf('m', values));
    const small = engine.infer(requestOf('m', [11, 12]));
    device.open();
    await blocked;
    expect(outputOf(await large)).toEqual(values.map((value) => value * 2));
    expect(outputOf(await small)).toEqual([22, 24]);
    expect(device.batches).toEqual([[-1], [1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]);
  });

  test('lets the data of a request go as soon as it is over, however late its deadline', async () => {
    const device = recording();
    const engine = await serving({ models: { m: device.model() } });
    const timeoutMicros = 3600e6;
    const ask = async (
      values: readonly number[],
      signal?: AbortSignal,
    ): Promise<readonly WeakRef<object>[]> => {
      const request = requestOf('m', values, { timeoutMicros });
      const refs = request.inputs.map(({ data }) => new WeakRef(data));
      const answer = engine.infer(request, signal);
      if (signal !== undefined) return (await reasonOf(answer)) === 'gone' ? refs : [];
      return [...refs, ...(await answer).outputs.map(({ data }) => new WeakRef(data))];
    };
    const answered = await ask([1, 2]);
    const holding = ask([-1]);
    await device.runs(-1);
    const controller = new AbortController();
    const waiting = ask([3]);
    const gone = ask([4], controller.signal);
    controller.abort();
    const refs = [...answered, ...(await gone)];
    expect(refs).toHaveLength(3);
    expect(await alive(refs)).toBe(0);
    device.open();
    expect(await alive([...(await holding), ...(await waiting)])).toBe(0);
  });

  test('gives of the outputs those that are asked for', async () => {
    const engine = await serving(simulated({}));
    const inputs = [
      { name: 'x', dtype: 'float32' as const, shape: [1, 7], data: new Float32Array(7) },
      { name: 'n', dtype: 'int64' as const, shape: [1], data: new BigInt64Array(1) },
    ];
    const { outputs } = await engine.infer({ endpoint: 'sim', inputs, outputs: [], arrivedAt: now() });
    expect(outputs).toEqual([]);
    const all = await engine.infer({ endpoint: 'sim', inputs, outputs: ['checksum'], arrivedAt: now() });
    expect(all.outputs.map(({ name }) => name)).toEqual(['checksum']);
  });

  test('runs models that take batches of one size only, and drops the outputs of the rows too many', async () => {
    const device = recording();
    const engine = await serving({ models: { m: device.model({ size: 3 }) } });
    const answers = await Promise.all(
      [[1], [2, 3, 4, 5]].map((values) => engine.infer(requestOf('m', values))),
    );
    expect(answers.map(outputOf)).toEqual([[2], [4, 6, 8, 10]]);
  });

  test('runs models that like batches of some sizes', async () => {
    const device = recording();
    const batch = { size: 8, preferredSizes: [4, 8] };
    const engine = await serving({ models: { m: device.model({}, { batch }) } });
    const answers = await Promise.all(
      [[1], [2, 3, 4], [5, 6, 7, 8, 9, 10]].map((values) => engine.infer(requestOf('m', values))),
    );
    expect(answers.map(outputOf)).toEqual([[2], [4, 6, 8], [10, 12, 14, 16, 18, 20]]);
  });

  test('chooses the size of its batches where that is left to it', async () => {
    // A batch takes as long however many rows it has: the more, the better.
    const queue = { maxRows: 10_000 };
    const model = recording().model({ micros: 2000 }, { batch: { size: 'auto' }, queue });
    const engine = await serving({ models: { m: model } });
    const answers = await Promise.all(range(1, 400).map((value) => engine.infer(requestOf('m', [value]))));
    expect(answers.flatMap(outputOf)).toEqual(range(1, 400).map((value) => value * 2));
    const { rows, batches, capacity } = engine.stats().endpoints[0] as EndpointStats;
    expect(rows).toBe(400);
    expect(capacity / batches).toBeGreaterThanOrEqual(16);
  });

  test('takes texts, whatever their letters, up to as many bytes as the configuration says', async () => {
    const uri = fileURLToPath(new URL('./fixtures/text-session.mjs', import.meta.url));
    const model = { runtime: 'module', uri };
    const engine = await serving({ models: { m: { model, inputs: { t: { maxBytes: 10 } } } } });
    expect(engine.endpoints[0]?.inputs).toEqual([
      { name: 't', dtype: 'uint8', shape: [-1, 2], isText: true },
    ]);
    const infer = (data: readonly string[]) =>
      engine.infer({
        endpoint: 'm',
        inputs: [{ name: 't', dtype: 'uint8', shape: [data.length / 2, 2], data }],
        arrivedAt: now(),
      });
    const { outputs } = await infer(['penstock', 'é', '水', '0123456789']);
    expect(outputs).toEqual([
      { name: 'bytes', dtype: 'int32', shape: [2, 2], data: Int32Array.of(8, 2, 3, 10) },
      { name: 'last', dtype: 'uint8', shape: [2, 2], data: Uint8Array.of(107, 169, 180, 57) },
    ]);
    expect(await reasonOf(infer(['a', 'ééééé!']))).toBe('invalid');
  });

  test('has its sessions in processes of their own where that is asked for', async () => {
    const model = { runtime: 'simulated', isolation: 'process', instances: 2, options: { batchMicros: 500 } };
    const engine = await serving({
      models: { sim: { model, inputs: { x: { shape: [1] } }, batch: { size: 4 } } },
    });
    const answers = await Promise.all(range(1, 100).map((value) => engine.infer(requestOf('sim', [value]))));
    expect(answers.map(({ outputs }) => outputs[0]?.data[0])).toEqual(range(1, 100));
  });
});
