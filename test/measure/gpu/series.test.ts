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
