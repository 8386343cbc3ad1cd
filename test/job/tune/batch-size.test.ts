import { expect, test } from 'vitest';
import { chooseBatchSize } from '../../../src/job/tune/batch-size.js';

const timed =
  (batchMicros: number, rowMicros: number, memory = Number.POSITIVE_INFINITY) =>
  async (rows: number): Promise<number> =>
    rows > memory ? Number.POSITIVE_INFINITY : batchMicros + rows * rowMicros;

test('the smallest size with nearly the highest rate is chosen', async () => {
  // Of what the largest reaches, 1024 have 0.97, and 512 have 0.94.
  expect(await chooseBatchSize(timed(2000, 50), 4096)).toMatchObject({ size: 1024 });
  expect(await chooseBatchSize(timed(0, 50), 4096)).toMatchObject({ size: 1 });
});

test('sizes that do not fit into memory, or into the ring, are not chosen', async () => {
  expect(await chooseBatchSize(timed(2000, 1, 100), 4096)).toMatchObject({ size: 64 });
  expect(await chooseBatchSize(timed(2000, 1), 16)).toMatchObject({ size: 16 });
});

test('the report tells what was tried', async () => {
  const { because } = await chooseBatchSize(timed(100, 100), 8);
  expect(because).toBe(
    'the smallest of 1, 2, 4, 8 with nearly the highest rate of the model, 8889 rows a second',
  );
});
