/** One bit for each byte that is not 0, the first in the lowest bit, as Arrow packs booleans. */
export function packBits(bytes: ArrayLike<number>): Uint8Array {
  const bits = new Uint8Array(Math.ceil(bytes.length / 8));
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== 0) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
  return bits;
}
