import { arrayOf, bytesOf, type DType, type TypedArray, viewOf } from '../../util/dtype.js';
import { Refusal } from '../refusal.js';
import { quoted } from './quoted.js';
import { textsIn } from './texts.js';
import type { DeclaredInput } from './wire-endpoint.js';

// The elements of an input, from what a client sent: bytes, or values one by one.

/**
 * Little-endian bytes as elements: a view of them, or a copy where they don't lie as the machine wants it.
 *
 * @throws Refusal where they are not as many as the shape says
 */
export function elementsOfBytes(
  { tensor, shape, elements }: DeclaredInput,
  bytes: Uint8Array,
): TypedArray | readonly string[] {
  const { name, dtype } = tensor;
  if (tensor.isText) return textsIn(bytes, elements, name);
  const expected = elements * bytesOf(dtype);
  if (bytes.byteLength !== expected)
    throw new Refusal(
      'invalid',
      `input ${name} has ${bytes.byteLength} bytes of data; its shape [${shape.join(', ')}] takes ${expected}`,
    );
  if (dtype === 'bool') checkBools(name, bytes);
  if (bytes.byteOffset % bytesOf(dtype) === 0) return viewOf(dtype, bytes.buffer, bytes.byteOffset, elements);
  const copy = new Uint8Array(bytes);
  return viewOf(dtype, copy.buffer, 0, elements);
}

function checkBools(name: string, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++)
    if ((bytes[i] as number) > 1) throw wrongElement(name, i, bytes[i], '0 or 1');
}

/**
 * Values as elements.
 *
 * @param values as many as the shape says, one after another, or nested as the shape is
 * @throws Refusal where they are not, or one is none of the type
 */
export function elementsOfValues(input: DeclaredInput, values: unknown): TypedArray | readonly string[] {
  const { tensor, shape, elements } = input;
  const { name } = tensor;
  if (!Array.isArray(values))
    throw new Refusal('invalid', `input ${name}: its data is ${quoted(values)}, expected a list`);
  const isFlat = !Array.isArray(values[0]);
  if (isFlat && values.length !== elements)
    throw new Refusal(
      'invalid',
      `input ${name} has ${values.length} elements; its shape [${shape.join(', ')}] takes ${elements}`,
    );
  // Nothing is allocated on the word of the shape alone.
  if (!isFlat) visit(name, values, shape, () => {});
  if (tensor.isText) {
    const texts: string[] = [];
    visit(name, values, isFlat ? [elements] : shape, (list, at) => {
      for (let i = 0; i < list.length; i++) texts.push(textOf(name, list[i], at + i));
    });
    return texts;
  }
  const target = new (arrayOf(tensor.dtype))(elements);
  const write = writerOf(name, tensor.dtype, target);
  visit(name, values, isFlat ? [elements] : shape, write);
  return target;
}

/** Hands on the innermost lists, in order, with the place of their first element. */
function visit(
  name: string,
  values: readonly unknown[],
  shape: readonly number[],
  write: (list: readonly unknown[], at: number) => void,
): void {
  let at = 0;
  const descend = (value: unknown, depth: number): void => {
    if (!Array.isArray(value) || value.length !== shape[depth])
      throw new Refusal(
        'invalid',
        `input ${name}: its data is nested otherwise than its shape, [${shape.join(', ')}], says`,
      );
    if (depth < shape.length - 1) {
      for (const item of value) descend(item, depth + 1);
      return;
    }
    write(value, at);
    at += value.length;
  };
  descend(values, 0);
}

function textOf(name: string, value: unknown, index: number): string {
  if (typeof value !== 'string') throw wrongElement(name, index, value, 'text');
  return value;
}

type Write = (list: readonly unknown[], at: number) => void;

/** Least and greatest of the whole numbers that are read as such. */
const RANGES: Partial<Readonly<Record<DType, readonly [number, number]>>> = {
  int8: [-(2 ** 7), 2 ** 7 - 1],
  uint8: [0, 2 ** 8 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  uint16: [0, 2 ** 16 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  uint64: [0, Number.MAX_SAFE_INTEGER],
};

function writerOf(name: string, dtype: DType, target: TypedArray): Write {
  if (dtype === 'float16')
    throw new Refusal(
      'invalid',
      `input ${name}: FP16 is taken as binary data only, since JSON has no such numbers`,
    );
  if (dtype === 'bool') return boolWriter(name, target as Uint8Array);
  const range = RANGES[dtype];
  if (range === undefined) return floatWriter(name, target as Float32Array | Float64Array);
  if (dtype === 'int64' || dtype === 'uint64') return bigWriter(name, target as BigInt64Array, range);
  return wholeWriter(name, target as Int32Array, range);
}

function floatWriter(name: string, target: Float32Array | Float64Array): Write {
  return (list, at) => {
    for (let i = 0; i < list.length; i++) {
      const value = list[i];
      if (typeof value !== 'number') throw wrongElement(name, at + i, value, 'a number');
      target[at + i] = value;
    }
  };
}

function wholeWriter(name: string, target: Int32Array, [least, most]: readonly [number, number]): Write {
  return (list, at) => {
    for (let i = 0; i < list.length; i++) {
      const value = list[i];
      if (!isWhole(value, least, most)) throw wrongElement(name, at + i, value, wholeFrom(least, most));
      target[at + i] = value;
    }
  };
}

function bigWriter(name: string, target: BigInt64Array, [least, most]: readonly [number, number]): Write {
  const expected = `${wholeFrom(least, most)}: larger ones are not exact in JSON, send binary data`;
  return (list, at) => {
    for (let i = 0; i < list.length; i++) {
      const value = list[i];
      if (!isWhole(value, least, most)) throw wrongElement(name, at + i, value, expected);
      target[at + i] = BigInt(value);
    }
  };
}

function boolWriter(name: string, target: Uint8Array): Write {
  return (list, at) => {
    for (let i = 0; i < list.length; i++) {
      const value = list[i];
      if (typeof value !== 'boolean' && value !== 0 && value !== 1)
        throw wrongElement(name, at + i, value, 'true or false');
      target[at + i] = Number(value);
    }
  };
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

const wholeFrom = (least: number, most: number): string => `a whole number from ${least} to ${most}`;

function wrongElement(name: string, index: number, value: unknown, expected: string): Refusal {
  return new Refusal('invalid', `input ${name}: element ${index} is ${quoted(value)}, expected ${expected}`);
}
