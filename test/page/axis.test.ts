import { expect, test } from 'vitest';
import { compact, roundUp, timeTicks } from '../../src/page/axis.js';

test.each([
  [0, 1],
  [0.7, 0.8],
  [1, 1],
  [4480, 5000],
  [679e6, 800e6],
  [10_000, 10_000],
  [0.1 + 0.2, 0.3],
])('an axis up to %d ends at %d', (value, end) => {
  expect(roundUp(value)).toBeCloseTo(end, 10);
});

test.each([
  [0.83, ['0 s', '0.2 s', '0.4 s', '0.6 s', '0.8 s']],
  [4.1, ['0 s', '1 s', '2 s', '3 s', '4 s']],
  [61.4, ['0:00', '0:10', '0:20', '0:30', '0:40', '0:50', '1:00']],
  [3600, ['0:00', '10:00', '20:00', '30:00', '40:00', '50:00', '1:00:00']],
])('an axis of %d seconds is marked at round times', (seconds, texts) => {
  const ticks = timeTicks(seconds);
  expect(ticks.map(({ text }) => text)).toEqual(texts);
  expect(ticks[0]?.at).toBe(0);
  expect(ticks.at(-1)?.at).toBeLessThanOrEqual(1);
});

test('an axis of any time has at most eight marks', () => {
  for (let seconds = 0.01; seconds < 1e6; seconds *= 1.07) {
    const ticks = timeTicks(seconds);
    expect(ticks.length).toBeLessThanOrEqual(8);
    expect(ticks.length).toBeGreaterThanOrEqual(2);
  }
});

test('numbers on axes are short', () => {
  expect([950, 12_500, 1_200_000].map(compact)).toEqual(['950', '12.5K', '1.2M']);
});
