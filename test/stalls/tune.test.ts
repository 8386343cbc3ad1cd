import { fileURLToPath } from 'node:url';
import { type JobInput, runJob } from 'penstock';
import { expect, test } from 'vitest';
import { readColumn, workspace } from '../helpers/workspace.js';
import { delayed, jobOf, writeFiles } from './injection.js';

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

test('auto is refused where it would change outputs, and by a loader, which has no model to try', async () => {
  const fixed = jobOf('nowhere.arrow', 1, { batch: { size: 'auto', order: 'fixed' } });
  await expect(runJob(fixed)).rejects.toThrow(/batch\.size can’t be auto in fixed order/);
  const { createLoader } = await import('penstock');
  const source = fileURLToPath(new URL('../../examples/digits/digits.arrow', import.meta.url));
  expect(() => createLoader({ source, inputs: {}, batch: { size: 'auto' } })).toThrow(
    /batch\.size: expected a whole number/,
  );
});
