// Weights as a safetensors file (https://huggingface.co/docs/safetensors: the length of a header, the header, the numbers),
// which other frameworks read.

/**
 * @param {readonly { name: string, dims: readonly number[], values: Float32Array }[]} tensors
 * @returns {Buffer}
 */
export function safetensors(tensors) {
  const header = {};
  let end = 0;
  for (const { name, dims, values } of tensors) {
    header[name] = { dtype: 'F32', shape: dims, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const bytes = tensors.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  return Buffer.concat([length, text, ...bytes]);
}
