import { describe, expect, test } from 'vitest';
import { bar, truncate, widthOf, wrap } from '../../src/cli/text.js';

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
  expect(wrap('idle 21 %, fetch', 9)).toEqual(['idle', '21 %,', 'fetch']);
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
