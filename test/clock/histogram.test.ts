import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HISTOGRAM_WORDS, Histogram } from '../../src/clock/histogram.js';
import { random } from '../helpers/random.js';

const LONGEST = 2 ** 31 - 1;

function histogramOf(values: Iterable<number>): Histogram {
  const histogram = new Histogram(new Int32Array(HISTOGRAM_WORDS));
  for (const value of values) histogram.record(value);
  return histogram;
}

/** The smallest value at or below which the share lies: the definition, over all values. */
function exactQuantile(values: readonly number[], quantile: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(quantile * sorted.length)) - 1] as number;
}

function expectClose(actual: number, exact: number, message = ''): void {
  expect(Math.abs(actual - exact), message).toBeLessThanOrEqual(exact * 0.032);
}

describe('a quantile is within 3.2 % of the exact one', () => {
  // Spread over all octaves, as times from microseconds to minutes are.
  const micros = fc.double({ min: 0, max: 31, noNaN: true }).map((octave) => Math.floor(2 ** octave));
  const quantiles = fc.double({ min: 0, max: 1, noNaN: true });

  test('whatever the values', () => {
    fc.assert(
      fc.property(fc.array(micros, { minLength: 1, maxLength: 200 }), quantiles, (values, quantile) => {
        const exact = Math.min(LONGEST, exactQuantile(values, quantile));
        expectClose(histogramOf(values).quantile(quantile), exact);
      }),
      { numRuns: 300 },
    );
  });

  test.each([1, 2, 3])('of 20,000 values spread like latencies, seed %i', (seed) => {
    const next = random(seed);
    const values = Array.from({ length: 20_000 }, () => Math.round(50 * Math.exp(8 * next() * next())));
    const histogram = histogramOf(values);
    for (const quantile of [0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1]) {
      expectClose(histogram.quantile(quantile), exactQuantile(values, quantile), `seed ${seed}, ${quantile}`);
    }
  });

  test('at every border of an octave, and just below', () => {
    for (let octave = 1; octave < 31; octave++) {
      for (const value of [2 ** octave - 1, 2 ** octave, 2 ** octave + 1]) {
        expectClose(histogramOf([value]).quantile(0.5), value, String(value));
      }
    }
  });
});

test('small values are exact', () => {
  for (let value = 0; value < 32; value++) expect(histogramOf([value]).quantile(1)).toBe(value);
});

test('without records every quantile is 0', () => {
  expect([0, 0.5, 1].map((quantile) => histogramOf([]).quantile(quantile))).toEqual([0, 0, 0]);
});

test('what is off the scale counts at its ends', () => {
  expect(histogramOf([-5]).quantile(0.5)).toBe(0);
  for (const value of [2 ** 31, 1e15, Number.POSITIVE_INFINITY]) {
    expectClose(histogramOf([value]).quantile(0.5), LONGEST);
  }
});

test('parts of microseconds are rounded', () => {
  expect(histogramOf([3.5]).quantile(0.5)).toBe(4);
  expect(histogramOf([3.4]).quantile(0.5)).toBe(3);
});

test('threads that record at the same time lose nothing', async () => {
  const memory = new SharedArrayBuffer(HISTOGRAM_WORDS * 4);
  const [threads, values, times] = [3, 31, 2000];
  const exits = Array.from({ length: threads }, () => {
    const workerData = { memory, values, times };
    return once(new Worker(new URL('./fixtures/record.mjs', import.meta.url), { workerData }), 'exit');
  });
  await Promise.all(exits);
  const records = new Int32Array(memory).reduce((sum, count) => sum + count, 0);
  expect(records).toBe(threads * values * times);
  expect(new Histogram(new Int32Array(memory)).quantile(0.5)).toBe(16);
});
