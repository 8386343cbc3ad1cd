import {
  Bool,
  type DataType,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
} from 'apache-arrow';
import type { DType } from '../util/dtype.js';

const TYPES: Record<DType, () => DataType> = {
  float32: () => new Float32(),
  float64: () => new Float64(),
  float16: () => new Float16(),
  int8: () => new Int8(),
  uint8: () => new Uint8(),
  int16: () => new Int16(),
  uint16: () => new Uint16(),
  int32: () => new Int32(),
  uint32: () => new Uint32(),
  int64: () => new Int64(),
  uint64: () => new Uint64(),
  bool: () => new Bool(),
};

/** The Arrow type of a tensor's elements. */
export function arrowType(dtype: DType): DataType {
  return TYPES[dtype]();
}
