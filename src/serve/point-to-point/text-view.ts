import { TEXT_HEAD_BYTES } from '../../ring/layout.js';
import type { TensorView } from '../../session/types.js';

/** Texts as a session takes them, each with room for the longest: see `RowTensor.text`. */
export function textView(name: string, dims: readonly number[], texts: readonly string[]): TensorView {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const text = Math.max(1, ...lengths);
  const size = TEXT_HEAD_BYTES + text;
  const count = dims.reduce((product, dim) => product * dim, 1);
  const bytes = Buffer.alloc(count * size);
  texts.forEach((one, i) => {
    bytes.writeUInt32LE(lengths[i] as number, i * size);
    bytes.write(one, i * size + TEXT_HEAD_BYTES);
  });
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  return { name, dtype: 'uint8', dims: [...dims, size], data, text };
}
