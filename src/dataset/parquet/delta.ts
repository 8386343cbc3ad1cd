import { type ByteCursor, wideBits } from './hybrid.js';

/** Larger blocks would take memory that nothing vouches for; writers use 128 or 256 values. */
const MAX_BLOCK = 1 << 20;

/**
 * Decodes `count` integers that are told by their differences.
 * Source: «Delta Encoding» in Encodings.md of parquet-format.
 */
export function readDelta(cursor: ByteCursor, out: Int32Array | BigInt64Array, count: number): void {
  const block = cursor.varint();
  const minis = cursor.varint();
  const total = cursor.varint();
  const perMini = block / minis;
  if (!(block > 0 && block <= MAX_BLOCK && Number.isInteger(perMini) && perMini % 8 === 0))
    throw new RangeError(`a page has delta blocks of ${block} values in ${minis} parts`);
  if (total < count) throw new RangeError(`a page has ${total} deltas where ${count} are needed`);
  let value = cursor.zigzag64();
  if (count === 0) return;
  const big = out instanceof BigInt64Array;
  const put = (at: number): void => {
    if (big) out[at] = value;
    else out[at] = Number(BigInt.asIntN(32, value));
  };
  put(0);
  for (let done = 1; done < count; ) {
    const least = cursor.zigzag64();
    const widths = cursor.skip(minis);
    for (let mini = 0; mini < minis && done < count; mini++) {
      const width = cursor.bytes[widths + mini] as number;
      if (width > 64) throw new RangeError(`a page has deltas of ${width} bits`);
      const n = Math.min(perMini, count - done);
      const need = Math.ceil((n * width) / 8);
      const at = cursor.skip(Math.max(need, Math.min((perMini * width) / 8, cursor.end - cursor.at)));
      const low = Math.min(width, 32);
      for (let i = 0; i < n; i++) {
        const bit = at * 8 + i * width;
        let delta = BigInt(low === 0 ? 0 : wideBits(cursor.bytes, bit, low));
        if (width > 32) delta += BigInt(wideBits(cursor.bytes, bit + 32, width - 32)) << 32n;
        value = BigInt.asIntN(64, value + least + delta);
        put(done++);
      }
    }
  }
}

/** Lengths of byte arrays: none is negative. */
export function readDeltaLengths(cursor: ByteCursor, count: number): Int32Array {
  const lengths = new Int32Array(count);
  readDelta(cursor, lengths, count);
  if (lengths.some((length) => length < 0)) throw new RangeError('a page has a value of a negative length');
  return lengths;
}
