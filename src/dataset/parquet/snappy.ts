/** Longer pieces are copied by a call, shorter ones byte by byte. */
const CALL_BYTES = 32;

/**
 * Decompresses a block of exactly `size` bytes. Numbers that hardly compress are one long literal after another, which
 * here are copied at the speed of memory; decoders on npm copy them byte by byte.
 * Source: format_description.txt of google/snappy.
 */
export function snappy(input: Uint8Array, size: number): Uint8Array {
  let at = 0;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = input[at++];
    if (byte === undefined || shift > 28) throw new RangeError('a page is no snappy block');
    length += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  if (length !== size) throw new RangeError(`a page has ${length} bytes, and its header says ${size}`);
  const output = new Uint8Array(size);
  let to = 0;
  while (at < input.length) {
    const tag = input[at++] as number;
    if ((tag & 3) === 0) {
      let literal = tag >> 2;
      if (literal >= 60) {
        const bytes = literal - 59;
        literal = 0;
        for (let b = 0; b < bytes; b++) literal += (input[at + b] ?? 0) * 2 ** (8 * b);
        at += bytes;
      }
      literal++;
      if (at + literal > input.length || to + literal > size) throw broken();
      if (literal > CALL_BYTES) output.set(input.subarray(at, at + literal), to);
      else for (let i = 0; i < literal; i++) output[to + i] = input[at + i] as number;
      at += literal;
      to += literal;
      continue;
    }
    const kind = tag & 3;
    const count = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    let back = kind === 1 ? (tag >> 5) << 8 : 0;
    const bytes = kind === 3 ? 4 : kind;
    for (let b = 0; b < bytes; b++) back += (input[at + b] ?? 0) * 2 ** (8 * b);
    at += bytes;
    if (back === 0 || back > to || to + count > size || at > input.length) throw broken();
    // What is copied may be what is just being written: then it repeats itself.
    for (let i = 0; i < count; i++, to++) output[to] = output[to - back] as number;
  }
  if (to !== size) throw broken();
  return output;
}

const broken = (): RangeError => new RangeError('a page is a broken snappy block');
