import { expect, test } from 'vitest';
import { steadyPart } from '../../src/bench/steady.js';
import type { Report } from '../../src/measure/report.js';

/** A run of 4 s after 1 s of start-up, and a drain of half a second: `rows` in each tenth of a second. */
function reportOf(rows: (tenth: number) => number, meanRows = 10): Report {
  const tenths = Array.from({ length: 55 }, (_, i) => i);
  const counts = tenths.map((i) => (i < 10 || i >= 50 ? 0 : rows(i - 10)));
  const all = counts.reduce((sum, count) => sum + count, 0);
  return {
    seconds: 5.5,
    startupSeconds: 1,
    drainSeconds: 0.5,
    batches: { count: all / meanRows, meanRows, fill: 1, paddingWaste: 0 },
    timeline: { seconds: tenths.map((i) => (i + 1) / 10), rows: counts, rssBytes: [], devices: [] },
  } as unknown as Report;
}

test('the first half second, in which threads come up to speed, does not count', () => {
  const { rows, seconds } = steadyPart(
    reportOf((tenth) => (tenth < 5 ? 10 : 100)),
    'lastBatch',
  );
  expect(rows / seconds).toBeCloseTo(1000, 6);
});

test('until all is written means with the drain', () => {
  const { rows, seconds } = steadyPart(
    reportOf(() => 100),
    'written',
  );
  expect(rows).toBe(3500);
  expect(seconds).toBeCloseTo(4, 6);
});

test('where batches are few, all of them count', () => {
  const { rows, seconds } = steadyPart(
    reportOf(() => 100, 1000),
    'lastBatch',
  );
  expect(rows).toBe(4000);
  expect(seconds).toBeCloseTo(4, 6);
});

test('without a timeline, all of them count', () => {
  const { timeline: _, ...report } = reportOf(() => 100);
  expect(steadyPart(report as Report, 'lastBatch')).toEqual({ rows: 4000, seconds: 4 });
});
