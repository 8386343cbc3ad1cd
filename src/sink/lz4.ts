import { xxhash32 } from '../dataset/xxhash32.js';

/*
 * LZ4 frames, the fast way: one look at each place, and ever longer strides where nothing repeats, so that what can't be
 * compressed costs little. Blocks stand for themselves and carry no checksums, as those that Arrow's own writers make.
 * Source: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md.
 */
const MAGIC = 0x184d2204;
/** Version 1, blocks that stand for themselves. */
const FLAGS = 0x60;
const BLOCK_BYTES = 4 * 2 ** 20;
/** The code of that size of block. */
const BLOCK_SIZE = 7 << 4;
const HEADER_BYTES = 7;
const STORED = 0x80000000;

const MIN_MATCH = 4;
/** The last match of a block begins this far from its end at least; … */
const MATCH_LIMIT = 12;
/** … and the last bytes are literals. */
const LAST_LITERALS = 5;
const MAX_OFFSET = 65535;
const HASH_BITS = 14;
/** After so many misses (a power of two) strides grow by one. */
const SKIP_SHIFT = 6;

/** The most bytes that a block may become: a byte more for each 255 literals. */
const bound = (bytes: number): number => bytes + Math.ceil(bytes / 255) + 16;

/** Compresses bytes into a frame of its own. */
export function encodeLz4Frame(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.byteLength / BLOCK_BYTES);
  const out = new Uint8Array(HEADER_BYTES + 4 + blocks * 4 + bound(bytes.byteLength));
  const view = new DataView(out.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, FLAGS);
  view.setUint8(5, BLOCK_SIZE);
  view.setUint8(6, (xxhash32(out.subarray(4, 6)) >> 8) & 0xff);
  let to = HEADER_BYTES;
  const table = new Int32Array(1 << HASH_BITS);
  for (let at = 0; at < bytes.byteLength; at += BLOCK_BYTES) {
    const block = bytes.subarray(at, at + BLOCK_BYTES);
    const end = encodeBlock(block, out, to + 4, table);
    const size = end - to - 4;
    if (size < block.byteLength) view.setUint32(to, size, true);
    else {
      view.setUint32(to, (block.byteLength | STORED) >>> 0, true);
      out.set(block, to + 4);
    }
    to += 4 + Math.min(size, block.byteLength);
  }
  view.setUint32(to, 0, true);
  return out.subarray(0, to + 4);
}

/** Compresses a block to `begin` of `out` on, which must have room for it at its worst; returns where it ends. Hot. */
function encodeBlock(from: Uint8Array, out: Uint8Array, begin: number, table: Int32Array): number {
  const size = from.byteLength;
  const view = new DataView(from.buffer, from.byteOffset, size);
  // Places are stored one higher: 0 is none.
  table.fill(0);
  let to = begin;
  let anchor = 0;
  let at = 0;
  let misses = 1 << SKIP_SHIFT;
  const limit = size - MATCH_LIMIT;
  while (at <= limit) {
    const word = view.getInt32(at, true);
    const slot = Math.imul(word, -1640531535) >>> (32 - HASH_BITS);
    const match = (table[slot] as number) - 1;
    table[slot] = at + 1;
    if (match < 0 || at - match > MAX_OFFSET || view.getInt32(match, true) !== word) {
      at += misses++ >> SKIP_SHIFT;
      continue;
    }
    misses = 1 << SKIP_SHIFT;
    let start = at;
    let source = match;
    while (start > anchor && source > 0 && from[start - 1] === from[source - 1]) {
      start--;
      source--;
    }
    let end = at + MIN_MATCH;
    const last = size - LAST_LITERALS;
    for (let other = match + MIN_MATCH; end < last && from[end] === from[other]; other++) end++;
    to = writeSequence(from, anchor, start, out, to, start - source, end - start - MIN_MATCH);
    anchor = end;
    at = end;
  }
  return writeLiterals(from, anchor, size, out, to, 0);
}

function writeSequence(
  from: Uint8Array,
  anchor: number,
  start: number,
  out: Uint8Array,
  begin: number,
  offset: number,
  length: number,
): number {
  let to = writeLiterals(from, anchor, start, out, begin, Math.min(length, 15));
  out[to++] = offset & 0xff;
  out[to++] = offset >> 8;
  return length < 15 ? to : writeLength(out, to, length - 15);
}

/** A token, the literals' length and the literals. */
function writeLiterals(
  from: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  begin: number,
  match: number,
): number {
  const count = end - start;
  let to = begin;
  out[to++] = (Math.min(count, 15) << 4) | match;
  if (count >= 15) to = writeLength(out, to, count - 15);
  if (count > 32) out.set(from.subarray(start, end), to);
  else for (let i = 0; i < count; i++) out[to + i] = from[start + i] as number;
  return to + count;
}

function writeLength(out: Uint8Array, begin: number, length: number): number {
  let to = begin;
  let left = length;
  for (; left >= 255; left -= 255) out[to++] = 255;
  out[to++] = left;
  return to;
}
