import { describe, expect, test } from 'vitest';
import { type Arrivals, arrivalsWithin } from '../../src/stress/arrivals/arrivals.js';

const SECONDS = 200;
const SEED = 7;

/** How many there were in each stretch of so many seconds. */
function counts(times: Float64Array, stretch: number): number[] {
  const all = new Array<number>(SECONDS / stretch).fill(0);
  for (const time of times) {
    const at = Math.floor(time / stretch);
    all[at] = (all[at] as number) + 1;
  }
  return all;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Variance ÷ mean of counts: 0 where they are regular, 1 where they are independent, more where they come in bursts. */
function dispersion(values: readonly number[]): number {
  const middle = mean(values);
  return mean(values.map((value) => (value - middle) ** 2)) / middle;
}

function gaps(times: Float64Array): number[] {
  return Array.from(times.subarray(1), (time, i) => time - (times[i] as number));
}

const CALM_AND_BURSTS: Arrivals = {
  kind: 'bursty',
  perSecond: 50,
  factor: 10,
  calmSeconds: 1.5,
  burstSeconds: 0.5,
};

test.each<Arrivals>([
  { kind: 'constant', perSecond: 100 },
  { kind: 'poisson', perSecond: 100 },
  { kind: 'ramp', from: 20, to: 200, seconds: SECONDS },
  CALM_AND_BURSTS,
])('$kind: the same seed gives the same times, ascending, within the time', (arrivals) => {
  const times = arrivalsWithin(arrivals, SECONDS, SEED);
  expect(times).toEqual(arrivalsWithin(arrivals, SECONDS, SEED));
  expect(Math.min(...gaps(times))).toBeGreaterThanOrEqual(0);
  expect(times[0]).toBeGreaterThanOrEqual(0);
  expect(times.at(-1)).toBeLessThan(SECONDS);
  if (arrivals.kind !== 'constant') expect(times).not.toEqual(arrivalsWithin(arrivals, SECONDS, SEED + 1));
});

test('constant: all gaps are the same', () => {
  const times = arrivalsWithin({ kind: 'constant', perSecond: 100 }, SECONDS, SEED);
  expect(times).toHaveLength(100 * SECONDS);
  for (const gap of gaps(times)) expect(gap).toBeCloseTo(0.01, 9);
});

test('poisson: as many as asked for, independent of each other, with exponential gaps', () => {
  const times = arrivalsWithin({ kind: 'poisson', perSecond: 100 }, SECONDS, SEED);
  // Four standard deviations.
  expect(Math.abs(times.length - 100 * SECONDS)).toBeLessThan(4 * Math.sqrt(100 * SECONDS));
  expect(dispersion(counts(times, 1))).toBeGreaterThan(0.7);
  expect(dispersion(counts(times, 1))).toBeLessThan(1.3);
  const longer = gaps(times).filter((gap) => gap > 0.01).length / (times.length - 1);
  expect(longer).toBeCloseTo(Math.exp(-1), 1.5);
});

test('bursty: ten times as many while it bursts, and far from independent', () => {
  const times = arrivalsWithin(CALM_AND_BURSTS, SECONDS, SEED);
  const isBurst = (time: number): boolean => time % 2 >= 1.5;
  const inBursts = times.filter(isBurst).length;
  const calm = times.length - inBursts;
  const ratio = inBursts / (SECONDS / 4) / (calm / ((SECONDS / 4) * 3));
  expect(ratio).toBeGreaterThan(9);
  expect(ratio).toBeLessThan(11);
  expect(dispersion(counts(times, 0.5))).toBeGreaterThan(50);
});

describe('ramp', () => {
  const times = arrivalsWithin({ kind: 'ramp', from: 20, to: 200, seconds: SECONDS }, SECONDS, SEED);

  test('as many as the mean of both ends', () => {
    const expected = 110 * SECONDS;
    expect(Math.abs(times.length - expected)).toBeLessThan(4 * Math.sqrt(expected));
  });

  test('rises in a straight line', () => {
    const quarters = counts(times, SECONDS / 4).map((count) => count / (SECONDS / 4));
    for (const [i, rate] of quarters.entries()) {
      const expected = 20 + 180 * ((i + 0.5) / 4);
      expect(Math.abs(rate / expected - 1)).toBeLessThan(0.1);
    }
  });

  test('stays where it came to', () => {
    const long = arrivalsWithin({ kind: 'ramp', from: 50, to: 100, seconds: 10 }, SECONDS, SEED);
    const after = long.filter((time) => time >= 10).length / (SECONDS - 10);
    expect(Math.abs(after / 100 - 1)).toBeLessThan(0.05);
  });

  test('can stand still, or fall', () => {
    const level = arrivalsWithin({ kind: 'ramp', from: 100, to: 100, seconds: 10 }, 10, SEED);
    expect(Math.abs(level.length - 1000)).toBeLessThan(4 * Math.sqrt(1000));
    const falling = arrivalsWithin({ kind: 'ramp', from: 200, to: 20, seconds: SECONDS }, SECONDS, SEED);
    const [first = 0, , , last = 0] = counts(falling, SECONDS / 4);
    expect(first).toBeGreaterThan(3 * last);
  });
});

test('trace: as it was recorded', () => {
  const arrivals: Arrivals = { kind: 'trace', times: [0, 0.5, 0.5, 2, 300], rows: [1, 2, 3, 4, 5] };
  expect([...arrivalsWithin(arrivals, SECONDS, SEED)]).toEqual([0, 0.5, 0.5, 2]);
});
