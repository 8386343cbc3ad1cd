import { describe, expect, test } from 'vitest';
import {
  arrayOf,
  bytesOf,
  DTYPES,
  type DType,
  describeTensor,
  isDType,
  sizeOf,
  viewOf,
} from '../../src/util/dtype.js';

const BYTES: Record<DType, number> = {
  float32: 4,
  float64: 8,
  float16: 2,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  bool: 1,
};

describe.each(DTYPES)('%s', (dtype) => {
  test('takes the bytes that its name says', () => {
    expect(bytesOf(dtype)).toBe(BYTES[dtype]);
    expect(arrayOf(dtype).BYTES_PER_ELEMENT).toBe(BYTES[dtype]);
  });

  test('is viewed in shared memory where it was asked for, without a copy', () => {
    const memory = new SharedArrayBuffer(128);
    const view = viewOf(dtype, memory, 64, 3);
    expect(view).toBeInstanceOf(arrayOf(dtype));
    expect([view.buffer, view.byteOffset, view.length]).toEqual([memory, 64, 3]);
    new Uint8Array(memory, 64, BYTES[dtype])[0] = 1;
    expect(Number(view[0])).not.toBe(0);
  });

  test('keeps the extremes of its range', () => {
    const one = new (arrayOf(dtype))(1);
    const sample = extremesOf(dtype);
    for (const value of sample) {
      one[0] = value as never;
      expect(one[0]).toBe(value);
    }
  });
});

/** float16 is kept as raw bits, bool as a byte. */
function extremesOf(dtype: DType): readonly (number | bigint)[] {
  switch (dtype) {
    case 'float32':
      return [Math.fround(3.4e38), -Math.fround(1e-45), Number.POSITIVE_INFINITY];
    case 'float64':
      return [Number.MAX_VALUE, -Number.MIN_VALUE, Number.NaN];
    case 'int64':
      return [-(2n ** 63n), 2n ** 63n - 1n];
    case 'uint64':
      return [0n, 2n ** 64n - 1n];
    case 'float16':
      return [0, 0xffff];
    case 'bool':
      return [0, 1];
    default: {
      const bits = 8 * bytesOf(dtype);
      return dtype.startsWith('u') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
    }
  }
}

test('a name is a dtype only as it is written in the list', () => {
  expect(DTYPES.every(isDType)).toBe(true);
  expect(['Float32', 'string', 'float', '', 'toString'].filter(isDType)).toEqual([]);
});

test.each([
  [[], 1],
  [[784], 784],
  [[1, 28, 28], 784],
  [[3, 0, 2], 0],
])('a tensor of dimensions %j has %i elements', (dims, elements) => {
  expect(sizeOf(dims)).toBe(elements);
});

test('a tensor is named by dtype and dimensions, known or not', () => {
  expect(describeTensor('float32', ['batch', 1, 28, 28])).toBe('float32 [batch, 1, 28, 28]');
  expect(describeTensor('int64', [])).toBe('int64 []');
});
