import type { DType } from '../../util/dtype.js';
import { DeviceError } from '../../util/errors.js';
import type { ModelTensor } from '../types.js';

/** TensorFlow's names of element types, where they are not those used here. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  float: 'float32',
  double: 'float64',
  half: 'float16',
};

/**
 * As Protocol Buffers' enum numbers them. Source: tensorflow/core/framework/types.proto; what no file of a model that
 * runs here has is left out.
 */
const BY_NUMBER: readonly (string | undefined)[] = [
  'invalid',
  'float32',
  'float64',
  'int32',
  'uint8',
  'int16',
  'int8',
  'string',
  'complex64',
  'int64',
  'bool',
  ...Array(3).fill(undefined),
  'bfloat16',
  ...Array(2).fill(undefined),
  'uint16',
  'complex128',
  'float16',
  'resource',
  'variant',
  'uint32',
  'uint64',
];

/** What a model says of one of its tensors, whatever kind of model. */
export interface Declared {
  readonly name: string;
  readonly dtype: string | number | undefined;
  /** −1 or null for what is open; undefined where nothing is said. */
  readonly shape: readonly (number | null)[] | undefined;
}

/** An element type by all the names that models use: `DT_HALF`, `half`, 19 and `float16` are `float16`. */
export function elementType(dtype: Declared['dtype']): string {
  if (typeof dtype === 'number') return BY_NUMBER[dtype] ?? `type ${dtype}`;
  const name = (dtype ?? 'float32').replace(/^DT_/, '').toLowerCase();
  return OTHER_NAMES[name] ?? name;
}

type Types = Readonly<Record<string, DType>>;

/**
 * What TensorFlow.js computes with: 32-bit numbers, booleans and nothing between. What is narrower or wider in
 * TensorFlow is one of these in it.
 */
export const COMPUTED: Types = {
  float16: 'float32',
  float32: 'float32',
  float64: 'float32',
  int8: 'int32',
  uint8: 'int32',
  int16: 'int32',
  uint16: 'int32',
  int32: 'int32',
  int64: 'int32',
  bool: 'bool',
};

/** An input narrower than what it becomes keeps its own type: what does not fit it is no value that the model knows. */
const TAKEN: Types = { ...COMPUTED, int8: 'int8', uint8: 'uint8', int16: 'int16', uint16: 'uint16' };

/**
 * @param special types of this kind of model that are handed over as they are
 * @throws DeviceError for text and other things that are no numbers, by name
 */
export function modelTensor(
  { name, dtype, shape }: Declared,
  role: 'input' | 'output',
  model: string,
  special: Types = {},
): ModelTensor {
  const type = elementType(dtype);
  const types = { ...(role === 'input' ? TAKEN : COMPUTED), ...special };
  const known = Object.hasOwn(types, type) ? types[type] : undefined;
  if (known === undefined) {
    throw new DeviceError(
      `${model}: ${role} ${JSON.stringify(publicName(name))} is a tensor of ${type}, which is not supported`,
      { file: model },
    );
  }
  const dims = shape?.map((size, i) => (size === null || size < 0 ? (i === 0 ? 'batch' : `dim${i}`) : size));
  return { name: publicName(name), dtype: known, dims };
}

/** TensorFlow appends to a node's name which of its outputs is meant; the first needs no saying. */
function publicName(name: string): string {
  return name.replace(/:0$/, '');
}
