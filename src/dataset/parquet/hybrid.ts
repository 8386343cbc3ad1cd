/** A run of bytes that is decoded from front to back; every step checks that it is long enough. */
export class ByteCursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  byte(): number {
    if (this.at >= this.end) throw new RangeError('a page ends too early');
    return this.bytes[this.at++] as number;
  }

  /** The place of the next `length` bytes, which are passed over. */
  skip(length: number): number {
    const at = this.at;
    if (!(length >= 0 && at + length <= this.end)) throw new RangeError('a page ends too early');
    this.at = at + length;
    return at;
  }

  uint32(): number {
    const at = this.skip(4);
    const { bytes } = this;
    return (
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)) >>>
      0
    );
  }

  /** An unsigned integer of at most 32 bits. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw new RangeError('a page has a varint of more than 32 bits');
  }

  zigzag64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    throw new RangeError('a page has a varint of more than 64 bits');
  }

  rest(): Uint8Array {
    return this.bytes.subarray(this.at, this.end);
  }
}

/** Places in an array, ascending; `at` has room for more. */
export interface Places {
  at: Int32Array;
  count: number;
}

/**
 * Decodes `count` integers of `width` bits, runs and bit-packed groups mixed, into `out` from `from` on, and tells where
 * there are zeros: a run is looked at once. Hot.
 * Source: «Run Length Encoding / Bit-Packing Hybrid» in Encodings.md of parquet-format.
 */
export function readHybrid(
  cursor: ByteCursor,
  width: number,
  out: Uint8Array | Int32Array,
  from: number,
  count: number,
  zeros?: Places,
): void {
  if (!(width <= 32)) throw new RangeError(`a page has integers of ${width} bits`);
  const valueBytes = (width + 7) >> 3;
  let done = from;
  const end = from + count;
  while (done < end) {
    const header = cursor.varint();
    const groups = header >>> 1;
    if ((header & 1) === 0) {
      let value = 0;
      for (let i = 0; i < valueBytes; i++) value |= cursor.byte() << (8 * i);
      if (width < 32 && value >>> 0 >= 2 ** width)
        throw new RangeError(`a page has ${value >>> 0} in ${width} bits`);
      const next = Math.min(end, done + groups);
      out.fill(value, done, next);
      if (zeros !== undefined && value === 0) for (let i = done; i < next; i++) zeros.at[zeros.count++] = i;
      done = next;
    } else {
      const n = Math.min(groups * 8, end - done);
      // Some writers leave out the padding of the last group.
      const at = cursor.skip(
        Math.min(groups * width, Math.max(Math.ceil((n * width) / 8), cursor.end - cursor.at)),
      );
      if (width === 1) unpackBits(cursor.bytes, at, out, done, n);
      else unpack(cursor.bytes, at, width, out, done, n);
      if (zeros !== undefined) addZeros(out, done, done + n, zeros);
      done += n;
    }
  }
}

export function addZeros(values: Uint8Array | Int32Array, from: number, end: number, zeros: Places): void {
  const { at } = zeros;
  let { count } = zeros;
  for (let i = from; i < end; i++) if (values[i] === 0) at[count++] = i;
  zeros.count = count;
}

/** The value of all `count` integers, where they are one run of it; nothing is passed over. */
export function onlyValue({ bytes, at, end }: ByteCursor, width: number, count: number): number | undefined {
  if (width > 8) return undefined;
  const ahead = new ByteCursor(bytes, at, end);
  const header = ahead.varint();
  return (header & 1) === 0 && header >>> 1 >= count ? ahead.byte() : undefined;
}

export function unpackBits(
  bytes: Uint8Array,
  from: number,
  out: Uint8Array | Int32Array,
  done: number,
  n: number,
): void {
  let at = from;
  let to = done;
  for (const whole = done + (n & ~7); to < whole; to += 8) {
    const byte = bytes[at++] as number;
    out[to] = byte & 1;
    out[to + 1] = (byte >> 1) & 1;
    out[to + 2] = (byte >> 2) & 1;
    out[to + 3] = (byte >> 3) & 1;
    out[to + 4] = (byte >> 4) & 1;
    out[to + 5] = (byte >> 5) & 1;
    out[to + 6] = (byte >> 6) & 1;
    out[to + 7] = byte >> 7;
  }
  for (let i = 0; to < done + n; i++) out[to++] = ((bytes[at] as number) >> i) & 1;
}

function unpack(
  bytes: Uint8Array,
  from: number,
  width: number,
  out: Uint8Array | Int32Array,
  done: number,
  n: number,
): void {
  let at = from;
  if (width === 0) {
    out.fill(0, done, done + n);
    return;
  }
  if (width > 24) {
    for (let i = 0; i < n; i++) out[done + i] = wideBits(bytes, from * 8 + i * width, width);
    return;
  }
  const mask = 2 ** width - 1;
  // Four bytes hold an integer wherever in the first of them it begins, as long as there are four.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = Math.min(n, Math.floor(((bytes.length - from - 4) * 8) / width));
  let shift = 0;
  let i = 0;
  for (; i < whole; i++) {
    out[done + i] = (view.getUint32(at, true) >>> shift) & mask;
    shift += width;
    at += shift >> 3;
    shift &= 7;
  }
  let buffer = 0;
  let bits = 0;
  if (i < n && shift > 0) {
    buffer = (bytes[at++] as number) >>> shift;
    bits = 8 - shift;
  }
  for (; i < n; i++) {
    while (bits < width) {
      buffer |= (bytes[at++] as number) << bits;
      bits += 8;
    }
    out[done + i] = buffer & mask;
    buffer >>>= width;
    bits -= width;
  }
}

/** An integer of at most 32 bits that begins at a bit. */
export function wideBits(bytes: Uint8Array, bit: number, width: number): number {
  let value = 0;
  for (let done = 0; done < width; ) {
    const at = bit + done;
    const shift = at % 8;
    const take = Math.min(8 - shift, width - done);
    value += (((bytes[(at - shift) / 8] as number) >> shift) & (2 ** take - 1)) * 2 ** done;
    done += take;
  }
  return value;
}
