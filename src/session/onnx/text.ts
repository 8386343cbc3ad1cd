import { TEXT_HEAD_BYTES } from '../../ring/layout.js';
import { sizeOf } from '../../util/dtype.js';
import type { TensorView } from '../types.js';

/** The texts of a view, each behind its length in bytes: see `RowTensor.text`. */
export function textsOf({ data, dims, text = 0 }: TensorView): string[] {
  const bytes = Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const size = TEXT_HEAD_BYTES + text;
  return Array.from({ length: sizeOf(dims.slice(0, -1)) }, (_, i) => {
    const from = i * size + TEXT_HEAD_BYTES;
    return bytes.toString('utf8', from, from + Math.min(text, bytes.readUInt32LE(i * size)));
  });
}
