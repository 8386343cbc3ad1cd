import { xxhash32 } from './xxhash32.js';

/*
 * LZ4 frames, decoded here rather than by a native addon: into memory that is used again, and never a byte beyond it. The
 * addons on npm allocate what the frame says; in Node the memory of an addon's buffer is given back only when the event
 * loop turns, which a producer avoids; and with the page faults of fresh memory they are no faster than this (lz4-napi 250
 * to 320 MB/s here, this 230 to 370, and at the speed of copying where nothing could be compressed).
 * Source: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md.
 */
const MAGIC = 0x184d2204;
const VERSION = 1;
const STORED = 0x80000000;
/** LZ4 can't do better: a byte of a length stands for at most 255 bytes. */
const MAX_RATIO = 255;

interface FrameHeader {
  readonly at: number;
  readonly blockBytes: number;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  readonly contentBytes: number | undefined;
}

/** The most bytes that a frame of so many bytes may decode to. */
export const mostLz4Bytes = (frame: Uint8Array): number => frame.byteLength * MAX_RATIO;

/**
 * Decodes a frame into `out`, which it must fill.
 *
 * @throws RangeError where the frame is damaged, or decodes to more or less than `out` holds
 */
export function decodeLz4Frame(frame: Uint8Array, out: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const header = readHeader(frame, view);
  if (header.contentBytes !== undefined && header.contentBytes !== out.byteLength) {
    throw new RangeError(`the frame holds ${header.contentBytes} bytes, and ${out.byteLength} are wanted`);
  }
  let { at } = header;
  let to = 0;
  for (;;) {
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const size = word & ~STORED;
    const end = at + size;
    if (size < 0 || end > frame.byteLength)
      throw new RangeError(`a block of ${size} bytes ends behind the frame`);
    const limit = Math.min(out.byteLength, to + header.blockBytes);
    to =
      (word & STORED) === 0
        ? decodeLz4Block(frame, at, end, out, to, limit)
        : store(frame, at, end, out, to, limit);
    if (header.blockChecksums) checkSum(view, end, frame.subarray(at, end), 'a block');
    at = end + (header.blockChecksums ? 4 : 0);
  }
  if (to !== out.byteLength)
    throw new RangeError(`the frame holds ${to} bytes, and ${out.byteLength} are wanted`);
  if (header.contentChecksum) checkSum(view, at, out, 'the content');
}

function readHeader(frame: Uint8Array, view: DataView): FrameHeader {
  if (view.getUint32(0, true) !== MAGIC) throw new RangeError('it does not begin as an LZ4 frame does');
  const flags = view.getUint8(4);
  if (flags >> 6 !== VERSION) throw new RangeError(`the frame is of version ${flags >> 6}`);
  if ((flags & 1) !== 0) throw new RangeError('the frame needs a dictionary');
  const blockSize = (view.getUint8(5) >> 4) & 7;
  if (blockSize < 4) throw new RangeError(`the frame has blocks of size ${blockSize}`);
  const hasContentBytes = (flags & 8) !== 0;
  const end = hasContentBytes ? 14 : 6;
  if (((xxhash32(frame.subarray(4, end)) >> 8) & 0xff) !== view.getUint8(end)) {
    throw new RangeError("the checksum of the frame's header is wrong");
  }
  return {
    at: end + 1,
    blockBytes: 1 << (8 + 2 * blockSize),
    blockChecksums: (flags & 16) !== 0,
    contentChecksum: (flags & 4) !== 0,
    contentBytes: hasContentBytes ? Number(view.getBigUint64(6, true)) : undefined,
  };
}

function checkSum(view: DataView, at: number, bytes: Uint8Array, what: string): void {
  if (view.getUint32(at, true) !== xxhash32(bytes)) throw new RangeError(`the checksum of ${what} is wrong`);
}

function store(
  from: Uint8Array,
  at: number,
  end: number,
  out: Uint8Array,
  to: number,
  limit: number,
): number {
  if (to + end - at > limit) throw tooLong(limit);
  out.set(from.subarray(at, end), to);
  return to + end - at;
}

const tooLong = (limit: number): RangeError =>
  new RangeError(`it decodes to more than the ${limit} bytes that are wanted`);

/** Shorter runs are copied by hand: a call costs more. */
const SHORT = 32;

/**
 * Decodes a block, bytes `start` to `end` of `from`, to `begin` of `out` on, and not beyond `limit`; returns where it ends
 * there. Hot: nothing is allocated but where a long run of literals is copied.
 *
 * @throws RangeError where the block is damaged, or decodes to more
 */
export function decodeLz4Block(
  from: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  begin: number,
  limit: number,
): number {
  let at = start;
  let to = begin;
  while (at < end) {
    const token = from[at++] as number;
    let literals = token >> 4;
    if (literals === 15) {
      let more: number;
      do {
        if (at >= end) throw new RangeError('a length ends behind its block');
        more = from[at++] as number;
        literals += more;
      } while (more === 255);
    }
    if (literals > 0) {
      if (at + literals > end) throw new RangeError('literals end behind their block');
      if (to + literals > limit) throw tooLong(limit);
      if (literals > SHORT) out.set(from.subarray(at, at + literals), to);
      else for (let i = 0; i < literals; i++) out[to + i] = from[at + i] as number;
      at += literals;
      to += literals;
    }
    // The last sequence of a block is literals alone.
    if (at === end) break;
    if (at + 2 > end) throw new RangeError('an offset ends behind its block');
    const offset = (from[at] as number) | ((from[at + 1] as number) << 8);
    at += 2;
    let length = (token & 15) + 4;
    if (length === 19) {
      let more: number;
      do {
        if (at >= end) throw new RangeError('a length ends behind its block');
        more = from[at++] as number;
        length += more;
      } while (more === 255);
    }
    if (offset === 0 || offset > to) throw new RangeError('a match begins before the content');
    if (to + length > limit) throw tooLong(limit);
    const match = to - offset;
    if (length > SHORT && offset >= length) out.copyWithin(to, match, match + length);
    else for (let i = 0; i < length; i++) out[to + i] = out[match + i] as number;
    to += length;
  }
  return to;
}
