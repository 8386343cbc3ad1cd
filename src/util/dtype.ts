/** Element types of tensors, by ONNX Runtime's names. */
export const DTYPES = [
  'float32',
  'float64',
  'float16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
] as const;

/** An element type of tensors, by ONNX Runtime's name. */
export type DType = (typeof DTYPES)[number];

/** Elements that JavaScript's numbers hold. float16 is kept as the bits, in a Uint16Array. */
export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** Elements of any dtype. */
export type TypedArray = NumericArray | BigInt64Array | BigUint64Array;

type TypedArrayConstructor = {
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
  new (length: number): TypedArray;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
};

/** float16 travels as its raw 16 bits: Node 20 has no Float16Array. bool is one byte an element. */
const ARRAYS: Record<DType, TypedArrayConstructor> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** Constructors by name rather than by `instanceof`: arrays may come from another realm. */
const DTYPES_OF_ARRAYS: Readonly<Record<string, DType>> = {
  Float16Array: 'float16',
  Float32Array: 'float32',
  Float64Array: 'float64',
  Int8Array: 'int8',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Buffer: 'uint8',
  Int16Array: 'int16',
  Uint16Array: 'uint16',
  Int32Array: 'int32',
  Uint32Array: 'uint32',
  BigInt64Array: 'int64',
  BigUint64Array: 'uint64',
};

/** What the elements of a typed array are; undefined for a view that is none, such as a DataView. */
export function dtypeOfArray(view: ArrayBufferView): DType | undefined {
  return DTYPES_OF_ARRAYS[view.constructor.name];
}

/** The typed array that holds elements of a dtype. */
export function arrayOf(dtype: DType): TypedArrayConstructor {
  return ARRAYS[dtype];
}

export function bytesOf(dtype: DType): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** A view of `length` elements of a dtype at a byte offset. */
export function viewOf(
  dtype: DType,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): TypedArray {
  return new ARRAYS[dtype](buffer, byteOffset, length);
}

export function isDType(name: string): name is DType {
  return (DTYPES as readonly string[]).includes(name);
}

/** Elements in a tensor of these dimensions; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** `float32 [1, 28, 28]`, as messages name a tensor. */
export function describeTensor(dtype: string, dims: readonly (number | string)[]): string {
  return `${dtype} [${dims.join(', ')}]`;
}
