import { expect, test } from 'vitest';
import { bytes, duration, gained, millis, stopwatch, times } from '../../src/util/figures.js';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [999_949, '999.9 kB'],
  [999_950, '1.0 MB'],
  [1_626_112, '1.6 MB'],
  [5e15, '5,000.0 TB'],
])('%d bytes are %s', (value, text) => {
  expect(bytes(value)).toBe(text);
});

test.each([
  [0, '0.00 s'],
  [9.994, '9.99 s'],
  [9.996, '10.0 s'],
  [59.96, '1 min 00 s'],
  [125, '2 min 05 s'],
  [3599.7, '1 h 00 min'],
  [90_000, '25 h 00 min'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test.each([
  [5.9, '0:05'],
  [65, '1:05'],
  [3723, '1:02:03'],
])('after %d seconds the stopwatch shows %s', (seconds, text) => {
  expect(stopwatch(seconds)).toBe(text);
});

test.each([
  [3.044, '3.04 ms'],
  [9.996, '10.0 ms'],
  [1234.56, '1,234.6 ms'],
])('%d milliseconds are %s', (value, text) => {
  expect(millis(value)).toBe(text);
});

test.each([
  [1.924, '1.92 ×'],
  [14.06, '14.1 ×'],
  [232.4, '232 ×'],
])('%d times is %s', (ratio, text) => {
  expect(times(ratio)).toBe(text);
});

test.each([
  [0.234, '+23 %'],
  [0, '+0 %'],
  [-0.05, '−5 %'],
  [-0.001, '+0 %'],
])('a gain of %d is %s', (share, text) => {
  expect(gained(share)).toBe(text);
});
