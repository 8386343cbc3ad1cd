import { expect, test } from 'vitest';
import { GpuSeries } from '../../../src/measure/gpu/series.js';
import { GPU_METRICS, type GpuSample } from '../../../src/measure/gpu/types.js';

const NOTHING = Object.fromEntries(GPU_METRICS.map((metric) => [metric, null])) as unknown as GpuSample;

test('a metric is its mean, median and 95th percentile over the window, null where it was never told', () => {
  const series = new GpuSeries();
  for (let i = 1; i <= 200; i++) {
    series.add(i, { ...NOTHING, gpu: i / 200, watts: i % 2 === 0 ? 300 : null });
  }
  const { samples, spreads } = series.summary(101, 200);
  expect(samples).toBe(100);
  expect(spreads.gpu).toEqual({ mean: 0.7525, p50: 0.75, p95: 0.975 });
  expect(spreads.watts).toEqual({ mean: 300, p50: 300, p95: 300 });
  expect(spreads.smActive).toBeNull();
  expect(series.summary(300, 400)).toMatchObject({ samples: 0, spreads: { gpu: null } });
});

test.each([8, 9, 64])('with room for %i samples, any number of them fits, evenly spread', (capacity) => {
  const series = new GpuSeries(capacity);
  const all = 10_000;
  let most = 0;
  for (let i = 0; i < all; i++) {
    series.add(i, { ...NOTHING, gpu: i / all });
    most = Math.max(most, series.count);
  }
  expect(most).toBe(capacity);
  expect(series.count).toBeGreaterThanOrEqual(Math.floor(capacity / 2));
  const { mean } = series.summary(0, all).spreads.gpu ?? { mean: 0 };
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.75 / Math.sqrt(capacity));
});

test.each([
  [4, 4, [0, 1, 2, 3]],
  [4, 5, [0, 2, 4]],
  [4, 8, [0, 2, 4, 6]],
  [4, 9, [0, 4, 8]],
  [3, 4, [0, 2]],
  [3, 6, [0, 2, 4]],
  [3, 9, [0, 4, 8]],
] as const)(
  'with room for %i of %i samples, every second one goes as often as need be',
  (capacity, all, kept) => {
    const series = new GpuSeries(capacity);
    for (let i = 0; i < all; i++) series.add(i, { ...NOTHING, gpu: i, dramActive: -i });
    expect(series.count).toBe(kept.length);
    for (let i = 0; i < all; i++) {
      const { samples, spreads } = series.summary(i, i);
      const isKept = (kept as readonly number[]).includes(i);
      expect(samples).toBe(isKept ? 1 : 0);
      expect(spreads.gpu).toEqual(isKept ? { mean: i, p50: i, p95: i } : null);
      expect(spreads.dramActive?.mean).toEqual(isKept && i > 0 ? -i : isKept ? expect.closeTo(0) : undefined);
    }
  },
);

test('a metric has its smallest and largest in order, whatever order they come in, to six digits', () => {
  const series = new GpuSeries();
  for (const [at, gpu] of [9, 100, 20, 3].entries()) series.add(at, { ...NOTHING, gpu, watts: gpu / 7 });
  expect(series.summary(0, 3).spreads).toMatchObject({
    gpu: { mean: 33, p50: 9, p95: 100 },
    watts: { mean: 4.71429, p50: 1.28571, p95: 14.2857 },
  });
  expect(series.summary(2, 2).spreads.gpu).toEqual({ mean: 20, p50: 20, p95: 20 });
});
