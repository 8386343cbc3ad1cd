// Values that Arrow has in another form than Parquet: decimals, and the timestamps of old.

const JULIAN_EPOCH_DAY = 2_440_588n;
const DAY_NANOS = 86_400_000_000_000n;

/** Nanoseconds of the day, and the day as astronomers count. */
export function int96Timestamps(bytes: Uint8Array, count: number): BigInt64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return BigInt64Array.from({ length: count }, (_, i) => {
    const day = BigInt(view.getUint32(i * 12 + 8, true)) - JULIAN_EPOCH_DAY;
    return BigInt.asIntN(64, day * DAY_NANOS + view.getBigInt64(i * 12, true));
  });
}

export function int32Decimals(bytes: Uint8Array, count: number): Uint32Array {
  const values = new Int32Array(bytes.buffer, bytes.byteOffset, count);
  const out = new Uint32Array(count * 4);
  for (let i = 0; i < count; i++) {
    const value = values[i] as number;
    out.fill(value < 0 ? 0xffffffff : 0, i * 4 + 1, i * 4 + 4);
    out[i * 4] = value;
  }
  return out;
}

export function int64Decimals(bytes: Uint8Array, count: number): Uint32Array {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, count * 2);
  const out = new Uint32Array(count * 4);
  for (let i = 0; i < count; i++) {
    const high = words[i * 2 + 1] as number;
    out[i * 4] = words[i * 2] as number;
    out[i * 4 + 1] = high;
    out.fill(high < 0 ? 0xffffffff : 0, i * 4 + 2, i * 4 + 4);
  }
  return out;
}

/** Two's complement, most significant byte first, of `length` bytes or of as many as each value has. */
export function bigEndianDecimals(bitWidth: number, length: number | undefined) {
  const width = bitWidth / 8;
  return (bytes: Uint8Array, count: number, offsets?: Int32Array): Uint32Array => {
    const out = new Uint8Array(count * width);
    for (let i = 0; i < count; i++) {
      const from = length === undefined ? (offsets?.[i] ?? 0) : i * length;
      const to = length === undefined ? (offsets?.[i + 1] ?? 0) : from + length;
      const negative = to > from && (bytes[from] as number) >= 128;
      const at = i * width;
      if (negative) out.fill(255, at, at + width);
      for (let b = 0; b < to - from; b++) {
        const byte = bytes[to - 1 - b] as number;
        if (b < width) out[at + b] = byte;
        else if (byte !== (negative ? 255 : 0))
          throw new RangeError(`a decimal does not fit into ${bitWidth} bits`);
      }
    }
    return new Uint32Array(out.buffer);
  };
}
