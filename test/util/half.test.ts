import { describe, expect, test } from 'vitest';
import { halfToNumber, numberToHalf } from '../../src/util/half.js';
import { HALVES } from './halves.js';

describe('float16', () => {
  test('all 65536 values become numbers by the definition of the format', () => {
    for (let bits = 0; bits < 65536; bits++) expect(halfToNumber(bits)).toBe(HALVES[bits]);
  });

  test('all 65536 values come back from numbers as they were, NaN as a NaN', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const back = numberToHalf(HALVES[bits] as number);
      if (Number.isNaN(HALVES[bits])) expect(HALVES[back]).toBeNaN();
      else expect(back).toBe(bits);
    }
  });

  test('numbers between two neighbours go to the nearer, from the middle to the even one', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [HALVES[bits] as number, HALVES[bits + 1] as number];
      const step = high - low;
      expect(numberToHalf(low + step / 4)).toBe(bits);
      expect(numberToHalf(high - step / 4)).toBe(bits + 1);
      expect(numberToHalf(low + step / 2)).toBe(bits % 2 === 0 ? bits : bits + 1);
      expect(numberToHalf(-(low + step / 4))).toBe(bits | 0x8000);
    }
  });

  test('what is too large becomes infinity', () => {
    expect(numberToHalf(65519)).toBe(0x7bff);
    for (const value of [65520, 65536, 1e6, 3e38, 1e300, Number.POSITIVE_INFINITY]) {
      expect([numberToHalf(value), numberToHalf(-value)]).toEqual([0x7c00, 0xfc00]);
    }
  });

  test('a float64 goes to the nearest half, as if there were no float32 in between', () => {
    // A hair above the middle of two halves; as a float32 it would be the middle itself, and go down to the even one.
    const middle = 1 + 2 ** -11;
    expect(numberToHalf(middle)).toBe(0x3c00);
    expect(numberToHalf(middle + 2 ** -40)).toBe(0x3c01);
  });
});
