import { bytesOf, type DType, type TypedArray } from '../util/dtype.js';
import { halfTable, numberToHalf } from '../util/half.js';

/**
 * Writes `count` elements of `source` from `from` on into `target` from `to` on, each as `value * factor + term`.
 * Returns −1, or the index of the first element (counted from `from`) that does not fit the target's type.
 */
export type Convert = (
  source: TypedArray,
  from: number,
  target: TypedArray,
  to: number,
  count: number,
  factor: number,
  term: number,
) => number;

const INTEGER_RANGES: Partial<Record<DType, readonly [bigint, bigint]>> = {
  int8: [-128n, 127n],
  uint8: [0n, 255n],
  int16: [-32768n, 32767n],
  uint16: [0n, 65535n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  bool: [0n, 1n],
};

export const isFloat = (dtype: DType): boolean => dtype.startsWith('float');
export const isInteger = (dtype: DType): boolean => dtype in INTEGER_RANGES && dtype !== 'bool';
export const isBig = (dtype: DType): boolean => dtype === 'int64' || dtype === 'uint64';

/**
 * Why a column's elements can't become a tensor's, as the end of a sentence; undefined where they can.
 * Floats are never rounded to integers silently; integers that may not fit are checked value by value.
 */
export function refusal(source: DType, target: DType, affine: boolean): string | undefined {
  if (affine && !isFloat(target)) return `scale, mean and std need a float tensor, and this one is ${target}`;
  if (source === target) return undefined;
  if (isFloat(source) && !isFloat(target)) return `${source} values would have to be rounded to ${target}`;
  if (target === 'bool') return source === 'uint8' ? undefined : 'a bool tensor takes bool or uint8 columns';
  return undefined;
}

const cache = new Map<string, Convert>();

/** Whether some values of one type do not fit the other. */
function narrows(source: DType, target: DType): boolean {
  const [from, to] = [INTEGER_RANGES[source], INTEGER_RANGES[target]];
  return from !== undefined && to !== undefined && (from[0] < to[0] || from[1] > to[1]);
}

/**
 * The loop for one pair of types. Loops are generated from one table, a function a pair, so that each sees one type
 * of array only and V8 compiles it to plain loads and stores.
 */
export function converter(source: DType, target: DType, affine: boolean): Convert {
  const key = `${source} ${target} ${affine}`;
  let convert = cache.get(key);
  if (convert === undefined) {
    convert = source === target && !affine ? copy(bytesOf(source)) : generate(source, target, affine);
    cache.set(key, convert);
  }
  return convert;
}

/** Typed arrays' `set` is a memmove, but making the subarray costs more than moving a few elements does. */
function copy(bytes: number): Convert {
  const few = 64 / bytes;
  return (source, from, target, to, count) => {
    if (count <= few) for (let i = 0; i < count; i++) target[to + i] = source[from + i] as never;
    else target.set(source.subarray(from, from + count) as never, to);
    return -1;
  };
}

function generate(source: DType, target: DType, affine: boolean): Convert {
  const read = readText(source);
  const value = affine ? `${numberText(source)} * factor + term` : numberText(source);
  let body = '';
  if (isFloat(target)) body = storeText(target, value);
  else if (!isBig(target) || isBig(source)) body = checkedBody(source, target, read);
  const text =
    isBig(target) && !isBig(source)
      ? wideningText(source, target)
      : `return function convert(source, from, target, to, count, factor, term) {
    for (let i = 0; i < count; i++) { ${body} }
    return -1;
  };`;
  return compile<Convert>(text);
}

// The pieces that loops are made of: element `from + i` of the source, into element `to + i` of the target.

const readText = (source: DType): string =>
  source === 'float16' ? 'halves[source[from + i]]' : 'source[from + i]';

export const numberText = (source: DType): string =>
  isBig(source) ? `Number(${readText(source)})` : readText(source);

/** Floats only: integers have to be checked. */
export const storeText = (target: DType, value: string): string =>
  `target[to + i] = ${target === 'float16' ? `toHalf(${value})` : value};`;

export function compile<T>(text: string): T {
  const make = new Function('halves', 'toHalf', text) as (
    halves: Float32Array,
    toHalf: (value: number) => number,
  ) => T;
  return make(halfTable(), numberToHalf);
}

/** Looks for a value that does not fit, and writes nothing. Returns as `Convert` does. */
export type Scan = (source: TypedArray, from: number, count: number) => number;

/** The loop that looks for values that do not fit; undefined where all fit. */
export function scanner(source: DType, target: DType): Scan | undefined {
  if (!narrows(source, target)) return undefined;
  const check = outsideText(source, target);
  return compile<Scan>(`return function scan(source, from, count) {
    for (let i = 0; i < count; i++) { const v = source[from + i]; if (${check}) return i; }
    return -1;
  };`);
}

/** Integers of up to 32 bits into 64 without making BigInts: the target is written as pairs of 32-bit halves. */
function wideningText(source: DType, target: DType): string {
  const signed = source.startsWith('int');
  const check = signed && target === 'uint64' ? 'if (v < 0) return i;' : '';
  return `return function convert(source, from, target, to, count) {
    const halves = new Int32Array(target.buffer, target.byteOffset + to * 8, count * 2);
    for (let i = 0; i < count; i++) {
      const v = source[from + i]; ${check}
      halves[2 * i] = v; halves[2 * i + 1] = ${signed ? 'v >> 31' : '0'};
    }
    return -1;
  };`;
}

function checkedBody(source: DType, target: DType, read: string): string {
  const outside = outsideText(source, target);
  const check = outside === '' ? '' : `if (${outside}) return i;`;
  const result = isBig(source) && !isBig(target) ? 'Number(v)' : 'v';
  return `const v = ${read}; ${check} target[to + i] = ${result};`;
}

/** The condition under which the integer `v` does not fit; empty where all do. */
function outsideText(source: DType, target: DType): string {
  const [from, to] = [INTEGER_RANGES[source], INTEGER_RANGES[target]];
  if (from === undefined || to === undefined)
    throw new TypeError(`no conversion from ${source} to ${target}`);
  const suffix = isBig(source) ? 'n' : '';
  const below = from[0] < to[0] ? `v < ${to[0]}${suffix}` : '';
  const above = from[1] > to[1] ? `v > ${to[1]}${suffix}` : '';
  return [below, above].filter(Boolean).join(' || ');
}
