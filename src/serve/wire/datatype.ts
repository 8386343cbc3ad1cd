import type { DType } from '../../util/dtype.js';
import type { EndpointTensor, WireTensor } from '../types.js';

/** Element types, by the names of the protocol. */
const DATATYPES: Readonly<Record<DType, string>> = {
  float32: 'FP32',
  float64: 'FP64',
  float16: 'FP16',
  int8: 'INT8',
  uint8: 'UINT8',
  int16: 'INT16',
  uint16: 'UINT16',
  int32: 'INT32',
  uint32: 'UINT32',
  int64: 'INT64',
  uint64: 'UINT64',
  bool: 'BOOL',
};

/** What the protocol calls the elements of an endpoint's tensor. */
export function datatypeOf({ dtype, isText }: Pick<EndpointTensor, 'dtype' | 'isText'>): string {
  return isText ? 'BYTES' : DATATYPES[dtype];
}

/** What the protocol calls the elements of a tensor that is an answer. */
export function datatypeOfAnswer({ dtype, data }: WireTensor): string {
  return ArrayBuffer.isView(data) ? DATATYPES[dtype] : 'BYTES';
}
