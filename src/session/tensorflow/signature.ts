import type { DType } from '../../util/dtype.js';
import { DeviceError } from '../../util/errors.js';
import type { ModelTensor } from '../types.js';

/**
 * Element types as TensorFlow.js computes with them, by all the names that models use: it has 32-bit numbers, booleans
 * and nothing between. What is narrower or wider in TensorFlow is one of these in it.
 */
const DTYPES: Readonly<Record<string, DType>> = {
  float32: 'float32',
  float16: 'float32',
  float64: 'float32',
  int32: 'int32',
  bool: 'bool',
  DT_FLOAT: 'float32',
  DT_HALF: 'float32',
  DT_DOUBLE: 'float32',
  DT_INT8: 'int32',
  DT_UINT8: 'int32',
  DT_INT16: 'int32',
  DT_UINT16: 'int32',
  DT_INT32: 'int32',
  DT_INT64: 'int32',
  DT_BOOL: 'bool',
};

/** As Protocol Buffers' enum has them, which JSON may hold as numbers. */
const BY_NUMBER: readonly string[] = [
  'DT_INVALID',
  'DT_FLOAT',
  'DT_DOUBLE',
  'DT_INT32',
  'DT_UINT8',
  'DT_INT16',
  'DT_INT8',
  'DT_STRING',
  'DT_COMPLEX64',
  'DT_INT64',
  'DT_BOOL',
];

/** What a model says of one of its tensors, whatever kind of model. */
export interface Declared {
  readonly name: string;
  readonly dtype: string | number | undefined;
  /** −1 or null for what is open; undefined where nothing is said. */
  readonly shape: readonly (number | null)[] | undefined;
}

/** @throws DeviceError for text and other things that are no numbers, by name */
export function modelTensor(
  { name, dtype, shape }: Declared,
  role: 'input' | 'output',
  model: string,
): ModelTensor {
  const shown = typeof dtype === 'number' ? (BY_NUMBER[dtype] ?? `type ${dtype}`) : (dtype ?? 'float32');
  const known = Object.hasOwn(DTYPES, shown) ? DTYPES[shown] : undefined;
  if (known === undefined) {
    throw new DeviceError(
      `${model}: ${role} ${JSON.stringify(publicName(name))} is a tensor of ${shown.replace(/^DT_/, '').toLowerCase()}, which is not supported`,
      { file: model },
    );
  }
  const dims = shape?.map((size, i) => (size === null || size < 0 ? (i === 0 ? 'batch' : `dim${i}`) : size));
  return { name: publicName(name), dtype: known, dims };
}

/** TensorFlow appends to a node's name which of its outputs is meant; the first needs no saying. */
export function publicName(name: string): string {
  return name.replace(/:0$/, '');
}
