import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { load } from '../../src/session/simulated.js';
import type { ModelTensor, Session, TensorView } from '../../src/session/types.js';
import { bytesOf, type DType, viewOf } from '../../src/util/dtype.js';
import { numberToHalf } from '../../src/util/half.js';
import { sessionSpec } from './spec.js';

/** A time that passes only when somebody sleeps, or when a test lets it. Real where `at` is undefined. */
const time = vi.hoisted(() => ({ at: undefined as number | undefined }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at ?? performance.now() * 1000 }));

function session(options: Record<string, unknown> = {}, inputs: ModelTensor[] = []): Promise<Session> {
  return load(sessionSpec({ runtime: 'simulated', uri: undefined, options, inputs }));
}

function view(name: string, dtype: DType, dims: number[], values: readonly (number | bigint)[]): TensorView {
  const memory = new SharedArrayBuffer(values.length * bytesOf(dtype));
  const data = viewOf(dtype, memory, 0, values.length);
  values.forEach((value, i) => {
    data[i] = value as never;
  });
  return { name, dtype, dims, data };
}

const checksumView = (rows: number): TensorView => view('checksum', 'float64', [rows], Array(rows).fill(-1));

/** The checksums of a batch. */
async function checksums(rows: number, ...inputs: TensorView[]): Promise<number[]> {
  const output = checksumView(rows);
  await (await session()).run(inputs, [output]);
  return Array.from(output.data as Float64Array);
}

describe('the checksum of a row', () => {
  test('is the sum of its elements', async () => {
    expect(await checksums(2, view('x', 'float32', [2, 3], [1, 2, 3, 10, 20, 30.5]))).toEqual([6, 60.5]);
  });

  test('is over all inputs', async () => {
    const image = view('image', 'uint8', [2, 1, 2], [1, 2, 3, 255]);
    const id = view('id', 'int64', [2], [-1n, 2n ** 40n]);
    const flag = view('flag', 'bool', [2], [1, 0]);
    expect(await checksums(2, image, id, flag)).toEqual([3, 258 + 2 ** 40]);
  });

  test('is added in float64, in index order, one input after the other', async () => {
    const row = [1e16, 1, -1e16, 0.1, 0.2, 0.3];
    const inOrder = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
    const one = await checksums(1, view('x', 'float64', [1, 6], row));
    expect(one).toEqual([inOrder(row)]);
    const two = await checksums(
      1,
      view('a', 'float64', [1, 2], [1e16, 1]),
      view('b', 'float64', [1, 2], [1, -1e16]),
    );
    expect(two).toEqual([inOrder([1e16, 1, 1, -1e16])]);
    const turned = await checksums(
      1,
      view('b', 'float64', [1, 2], [1, -1e16]),
      view('a', 'float64', [1, 2], [1e16, 1]),
    );
    expect(turned).toEqual([inOrder([1, -1e16, 1e16, 1])]);
    expect(turned).not.toEqual(two);
  });

  test('is over the numbers that float16 stands for', async () => {
    const bits = [1, -2.5, 1000].map(numberToHalf);
    expect(await checksums(1, view('x', 'float16', [1, 3], bits))).toEqual([998.5]);
  });

  test('is 0 for a row without elements', async () => {
    expect(await checksums(2, view('x', 'float32', [2, 0], []))).toEqual([0, 0]);
  });
});

describe('the time that a batch takes', () => {
  const oversleep = { micros: 0 };
  /** What was asked of each sleep, microseconds. */
  let asked: number[] = [];

  beforeEach(() => {
    time.at = 1_000_000;
    oversleep.micros = 0;
    asked = [];
    vi.spyOn(Atomics, 'wait').mockImplementation((...args: unknown[]) => {
      const micros = (args[3] as number) * 1000;
      asked.push(Math.round(micros));
      time.at = (time.at as number) + micros + oversleep.micros;
      return 'timed-out';
    });
  });

  afterEach(() => {
    vi.restoreAllMocks();
    time.at = undefined;
  });

  /** How long each of some runs of `rows` rows takes, microseconds. */
  async function runs(device: Session, count: number, rows: number): Promise<number[]> {
    const input = view('x', 'float32', [rows, 1], Array(rows).fill(1));
    const took: number[] = [];
    for (let i = 0; i < count; i++) {
      const before = time.at as number;
      await device.run([input], [checksumView(rows)]);
      took.push(Math.round((time.at as number) - before));
    }
    return took;
  }

  test('is batchMicros and rowMicros for each row', async () => {
    const device = await session({ batchMicros: 500, rowMicros: 20 });
    expect(await runs(device, 2, 10)).toEqual([700, 700]);
    expect(await runs(device, 1, 1)).toEqual([520]);
  });

  test('is taken from the job as numbers or as text', async () => {
    expect(await runs(await session({ batchMicros: '300' }), 1, 4)).toEqual([300]);
  });

  test('is none where the job gives none', async () => {
    expect(await runs(await session(), 3, 8)).toEqual([0, 0, 0]);
    expect(asked).toEqual([]);
  });

  test('is right on average, though every sleep lasts too long', async () => {
    oversleep.micros = 300;
    const took = await runs(await session({ batchMicros: 1000 }), 100, 1);
    expect(asked.slice(0, 3)).toEqual([1000, 700, 700]);
    expect(took.slice(0, 3)).toEqual([1300, 1000, 1000]);
    const total = took.reduce((sum, micros) => sum + micros, 0);
    expect(total).toBe(100 * 1000 + 300);
  });

  test('is right on average where one sleep is longer than a batch', async () => {
    oversleep.micros = 600;
    const device = await session({ batchMicros: 1000 });
    expect(await runs(device, 1, 1)).toEqual([1600]);
    oversleep.micros = 0;
    expect(await runs(device, 3, 1)).toEqual([400, 1000, 1000]);
  });

  test('makes up for a late wake-up of many batches', async () => {
    const device = await session({ batchMicros: 1000 });
    oversleep.micros = 5300;
    expect(await runs(device, 1, 1)).toEqual([6300]);
    oversleep.micros = 0;
    expect(await runs(device, 7, 1)).toEqual([0, 0, 0, 0, 0, 700, 1000]);
  });

  test('makes up for a tenth of a second at most: a device does not race after a long stop', async () => {
    const device = await session({ batchMicros: 20_000 });
    oversleep.micros = 60_000_000;
    await runs(device, 1, 1);
    oversleep.micros = 0;
    expect(await runs(device, 7, 1)).toEqual([0, 0, 0, 0, 0, 20_000, 20_000]);
  });
});

test('the device is as slow as it says, by the wall clock', async () => {
  const device = await session({ batchMicros: 1500, rowMicros: 100 });
  const [runs, rows] = [40, 5];
  const input = view('x', 'float32', [rows, 1], Array(rows).fill(1));
  const output = checksumView(rows);
  const started = performance.now();
  for (let i = 0; i < runs; i++) await device.run([input], [output]);
  // It may be slower on a busy machine, never faster.
  expect(performance.now() - started).toBeGreaterThanOrEqual(0.95 * 2 * runs);
});

test('it says what it is, what it takes and what it gives', async () => {
  const inputs: ModelTensor[] = [{ name: 'x', dtype: 'float32', dims: ['batch', 3] }];
  const device = await session({}, inputs);
  expect(device.inputs).toEqual(inputs);
  expect(device.outputs).toEqual([{ name: 'checksum', dtype: 'float64', dims: ['batch'] }]);
  expect(device.device).toMatchObject({ id: 'simulated:0', runtime: 'simulated', simulated: true });
  expect(device.warnings).toEqual([]);
  const dims = await device.outputDims([view('x', 'float32', [7, 1], Array(7).fill(0))]);
  expect([...dims]).toEqual([['checksum', [7]]]);
  await device.close();
});
