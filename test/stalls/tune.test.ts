import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type JobInput, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { readColumn, workspace } from '../helpers/workspace.js';
import { type At, delayed, jobOf, writeFiles } from './injection.js';

const CORES = fileURLToPath(new URL('cores.mjs', import.meta.url));

const asLong = (count: number, wait: number): number[] => new Array(count).fill(wait);

test('producers become more while the device waits for rows, and no row is lost or doubled by it', async () => {
  const at = workspace();
  const files = Array.from({ length: 64 }, () => ({ rows: 64, waits: asLong(8, 12) }));
  const job = delayed(writeFiles(at('data'), files), 1, { producers: 'auto' });
  const report = await runJob({ ...job, sink: { uri: at('out'), keep: ['id'] } });
  expect(report.producers.count).toBeGreaterThan(1);
  expect(report.chosen).toEqual([
    {
      key: 'producers',
      from: expect.any(Number),
      value: report.producers.count,
      because: expect.any(String),
    },
    { key: 'model.instances', value: 1, because: expect.stringContaining('simulated device') },
  ]);
  const ids = (await readColumn(at('out'), 'id')) as number[];
  expect(ids).toEqual(Array.from({ length: 64 * 8 * 64 }, (_, id) => id));
});

test('the size of batches is chosen by the model, and slots by the ring, within its bytes', async () => {
  const at = workspace();
  const files = [{ rows: 4096, waits: asLong(8, 0) }];
  const job: JobInput = jobOf(writeFiles(at('data'), files), 2, {
    batch: { size: 'auto' },
    ring: { slots: 'auto', maxBytes: 8 * 64 * 1024 },
  });
  const report = await runJob(job);
  expect(report.rows.read).toBe(8 * 4096);
  const size = report.chosen?.find(({ key }) => key === 'batch.size')?.value ?? 0;
  // A batch takes 2 ms whatever its size: the larger the better.
  expect(size).toBeGreaterThanOrEqual(1024);
  expect(report.batches.meanRows).toBeGreaterThan(512);
  expect(report.memory.ringBytes).toBeLessThanOrEqual(8 * 64 * 1024);
});

describe.runIf(availableParallelism() > 1)('instances', () => {
  /** Batches of 5 ms, some five seconds of them for one instance. */
  async function run(at: At, options: object) {
    const files = Array.from({ length: 16 }, () => ({ rows: 128, waits: asLong(4, 0) }));
    const report = await runJob({
      source: { uri: writeFiles(at('data'), files) },
      model: { runtime: 'module', uri: CORES, options: { millis: 5, ...options } },
      batch: { size: 8 },
      sink: { uri: at('out'), keep: ['id'] },
    });
    const rows = 16 * 4 * 128;
    // Nothing is lost, doubled, or another's.
    expect(await readColumn(at('out'), 'id')).toEqual(Array.from({ length: rows }, (_, id) => id));
    const y = (await readColumn(at('out'), 'y')) as Iterable<number>[];
    expect(y.findIndex(([value], id) => value !== id + 1)).toBe(-1);
    expect(y).toHaveLength(rows);
    const [device] = report.devices;
    const { busy = 0, starved, blocked = 0 } = device ?? {};
    expect(Math.abs(busy + (starved?.total ?? 0) + blocked - 1)).toBeLessThanOrEqual(0.01);
    expect(device?.batches).toBe(rows / 8);
    return {
      instances: device?.instances,
      chosen: report.chosen?.find(({ key }) => key === 'model.instances'),
    };
  }

  test('become more where the device is busy all the time, a core is idle, and it is faster by that', async () => {
    const { instances, chosen } = await run(workspace(), {});
    expect(instances).toBeGreaterThan(1);
    expect(chosen).toEqual({
      key: 'model.instances',
      from: 1,
      value: instances,
      because: expect.stringMatching(/the device had work \d+ % of the time|brought nothing/),
    });
  });

  test('are sent away where it is not', async () => {
    const at = workspace();
    mkdirSync(at('shares'));
    const { instances, chosen } = await run(at, { shares: at('shares') });
    expect(instances).toBe(1);
    expect(chosen).toEqual({ key: 'model.instances', value: 1, because: 'more than 1 brought nothing' });
  });
});

test('auto is refused where it would change outputs, and by a loader, which has no model to try', async () => {
  const fixed = jobOf('nowhere.arrow', 1, { batch: { size: 'auto', order: 'fixed' } });
  await expect(runJob(fixed)).rejects.toThrow(/batch\.size can’t be auto in fixed order/);
  const { createLoader } = await import('penstock');
  const source = fileURLToPath(new URL('../../examples/digits/digits.arrow', import.meta.url));
  expect(() => createLoader({ source, inputs: {}, batch: { size: 'auto' } })).toThrow(
    /batch\.size: expected a whole number/,
  );
});
