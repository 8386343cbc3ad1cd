import { describe, expect, test } from 'vitest';
import { bar, bytes, duration, stopwatch, truncate, widthOf, wrap } from '../../src/cli/text.js';

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

describe('a bar', () => {
  test('is as long as its share, to an eighth of a column', () => {
    expect([0, 0.25, 0.5, 1, 1.2].map((share) => bar(share, 2))).toEqual(['', '▌', '█', '██', '██']);
    expect(bar(9 / 16, 2)).toBe('█▏');
  });

  test('shows a share as long as its number does', () => {
    expect(bar(0.0005, 10)).toBe('▏');
    expect(bar(0.0004, 10)).toBe('');
  });
});

test('text is wrapped at spaces, and a long word stands alone', () => {
  expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrap('a incomprehensibilities b', 5)).toEqual(['a', 'incomprehensibilities', 'b']);
  expect(wrap('', 5)).toEqual(['']);
});

test('wide characters take two columns, accents none', () => {
  expect([widthOf('ab'), widthOf('数字'), widthOf('e\u0301'), widthOf('🙂')]).toEqual([2, 4, 1, 2]);
  expect([truncate('digits', 6), truncate('digits', 4), truncate('数字集', 4), truncate('x', 0)]).toEqual([
    'digits',
    'dig…',
    '数…',
    '',
  ]);
});
