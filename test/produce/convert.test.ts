import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { converter, refusal } from '../../src/produce/convert.js';
import { arrayOf, bytesOf, DTYPES, type DType, type TypedArray } from '../../src/util/dtype.js';
import { HALVES } from '../util/halves.js';

type Value = number | bigint;

/** What the reference says of a value that the target has no place for. */
const MISFIT = 'does not fit';

/** `Array.from` for elements of any type. */
const mapped = <T>(elements: ArrayLike<Value>, map: (element: Value) => T): T[] => Array.from(elements, map);

const isFloat = (dtype: DType): boolean => dtype.startsWith('float');
const isBig = (dtype: DType): boolean => dtype === 'int64' || dtype === 'uint64';

/** [smallest, largest] of an integer type. */
function rangeOf(dtype: DType): readonly [bigint, bigint] {
  if (dtype === 'bool') return [0n, 1n];
  const bits = BigInt(8 * bytesOf(dtype));
  return dtype.startsWith('u') ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
}

/** What an element means. */
const meaning = (dtype: DType, element: Value): Value =>
  dtype === 'float16' ? (HALVES[Number(element)] as number) : element;

/** The nearest of a float type to an exact value; ties go to the even one. */
function nearest(target: DType, value: number): number {
  if (target === 'float64') return value;
  return target === 'float32' ? Math.fround(value) : nearestHalf(value);
}

/** By searching the table of all finite halves. */
function nearestHalf(value: number): number {
  if (Number.isNaN(value) || Math.abs(value) === Number.POSITIVE_INFINITY) return value;
  const size = Math.abs(value);
  // Halfway between the largest finite half and the next step; the tie goes to the even one, which is infinity.
  if (size >= 65520) return Math.sign(value) * Number.POSITIVE_INFINITY;
  let [low, high] = [0, 0x7bff];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((HALVES[middle] as number) <= size) low = middle;
    else high = middle - 1;
  }
  const [below, above] = [HALVES[low] as number, low === 0x7bff ? 65536 : (HALVES[low + 1] as number)];
  const up = size - below > above - size || (size - below === above - size && low % 2 === 1);
  const result = up ? above : below;
  return value < 0 || Object.is(value, -0) ? -result : result;
}

/** The reference: one element, in exact arithmetic, but that 64-bit integers go to floats by way of float64. */
function plain(source: DType, target: DType, element: Value): Value | typeof MISFIT {
  const value = meaning(source, element);
  if (isFloat(target)) return nearest(target, Number(value));
  const whole = BigInt(value);
  const [least, most] = rangeOf(target);
  if (whole < least || whole > most) return MISFIT;
  return isBig(target) ? whole : Number(whole);
}

/** Elements of a type: any, and those at the borders of this and of all other types more often. */
function elements(dtype: DType): fc.Arbitrary<Value> {
  if (dtype === 'bool') return fc.constantFrom<Value>(0, 1);
  if (dtype === 'float16') return fc.nat({ max: 65535 });
  if (dtype === 'float32') return fc.oneof(fc.float(), fc.float({ min: -70_000, max: 70_000 }));
  if (dtype === 'float64') return fc.oneof(fc.double(), fc.double({ min: -70_000, max: 70_000 }));
  const [least, most] = rangeOf(dtype);
  const borders = DTYPES.filter((other) => !isFloat(other))
    .flatMap(rangeOf)
    .flatMap((border) => [border - 1n, border, border + 1n])
    .filter((border) => border >= least && border <= most);
  const any = fc.oneof(fc.bigInt({ min: least, max: most }), fc.constantFrom(...borders));
  return isBig(dtype) ? any : any.map(Number);
}

function fill(dtype: DType, values: readonly Value[]): TypedArray {
  const array = new (arrayOf(dtype))(values.length);
  values.forEach((value, i) => {
    array[i] = value as never;
  });
  return array;
}

const PAIRS = DTYPES.flatMap((source) => DTYPES.map((target) => [source, target] as const));
const allowed = PAIRS.filter(([source, target]) => refusal(source, target, false) === undefined);
const affineTargets = allowed.filter(([, target]) => isFloat(target));
const run = { numRuns: 60 };

describe('an element becomes what exact arithmetic says', () => {
  test.each(allowed)('%s → %s', (source, target) => {
    const convert = converter(source, target, false);
    fc.assert(
      fc.property(fc.array(elements(source), { minLength: 1, maxLength: 100 }), (values) => {
        const from = fill(source, values);
        const to = new (arrayOf(target))(values.length);
        const expected = mapped(from, (element) => plain(source, target, element));
        const misfit = expected.indexOf(MISFIT);
        expect(convert(from, 0, to, 0, values.length, 1, 0)).toBe(misfit);
        const count = misfit < 0 ? values.length : misfit;
        const got = mapped(to.subarray(0, count), (element) => meaning(target, element));
        expect(got).toEqual(expected.slice(0, count));
      }),
      run,
    );
  });

  test.each(affineTargets)('%s × factor + term → %s', (source, target) => {
    const convert = converter(source, target, true);
    const number = fc.double({ min: -1000, max: 1000, noNaN: true });
    fc.assert(
      fc.property(fc.array(elements(source), { maxLength: 100 }), number, number, (values, factor, term) => {
        const from = fill(source, values);
        const to = new (arrayOf(target))(values.length);
        expect(convert(from, 0, to, 0, values.length, factor, term)).toBe(-1);
        const expected = mapped(from, (element) =>
          nearest(target, Number(meaning(source, element)) * factor + term),
        );
        expect(mapped(to, (element) => meaning(target, element))).toEqual(expected);
      }),
      run,
    );
  });
});

test.each(allowed)('%s → %s takes the elements it is told and touches no others', (source, target) => {
  for (const affine of isFloat(target) ? [false, true] : [false]) {
    const convert = converter(source, target, affine);
    fc.assert(
      fc.property(fc.nat({ max: 60 }), fc.nat({ max: 60 }), fc.nat({ max: 60 }), (from, to, count) => {
        // 1 is 1 in every type; float16 has it in bits.
        const one = source === 'float16' ? 0x3c00 : 1;
        const elements = new (arrayOf(source))(from + count + 5);
        elements.fill((isBig(source) ? 1n : one) as never, from, from + count);
        const tensor = new (arrayOf(target))(to + count + 5);
        expect(convert(elements, from, tensor, to, count, 1, 0)).toBe(-1);
        const got = mapped(tensor, (element) => Number(meaning(target, element)));
        expect(got).toEqual([...Array(to).fill(0), ...Array(count).fill(1), ...Array(5).fill(0)]);
      }),
      { numRuns: 30 },
    );
  }
});

test('elements that lie in shared memory, anywhere in it, are written in place', () => {
  for (const [source, target] of allowed) {
    const bytes = bytesOf(target);
    const memory = new SharedArrayBuffer(64 + 10 * bytes);
    const to = new (arrayOf(target))(memory, 64, 10);
    const from = fill(source, Array(4).fill(isBig(source) ? 1n : source === 'float16' ? 0x3c00 : 1));
    converter(source, target, false)(from, 0, to, 3, 4, 1, 0);
    const got = mapped(to, (element) => Number(meaning(target, element)));
    expect(got, `${source} → ${target}`).toEqual([0, 0, 0, 1, 1, 1, 1, 0, 0, 0]);
  }
});

test('a value out of range is reported by its place, counted from where the run begins', () => {
  const convert = converter('int32', 'uint8', false);
  const values = Int32Array.from([999, 0, 255, 256, -1]);
  expect(convert(values, 1, new Uint8Array(4), 0, 2, 1, 0)).toBe(-1);
  expect(convert(values, 1, new Uint8Array(4), 0, 4, 1, 0)).toBe(2);
  expect(convert(values, 4, new Uint8Array(4), 0, 1, 1, 0)).toBe(0);
});

describe('refusal', () => {
  test('is for exactly those pairs that would round, or have no meaning', () => {
    for (const [source, target] of PAIRS) {
      const rounds = isFloat(source) && !isFloat(target);
      const noBool = target === 'bool' && source !== 'bool' && source !== 'uint8';
      expect(refusal(source, target, false) !== undefined, `${source} → ${target}`).toBe(rounds || noBool);
      expect(refusal(source, target, true) !== undefined, `${source} → ${target}`).toBe(!isFloat(target));
    }
  });

  test('says why', () => {
    expect(refusal('float32', 'int8', false)).toBe('float32 values would have to be rounded to int8');
    expect(refusal('int8', 'bool', false)).toBe('a bool tensor takes bool or uint8 columns');
    expect(refusal('uint8', 'uint8', true)).toBe(
      'scale, mean and std need a float tensor, and this one is uint8',
    );
  });
});
