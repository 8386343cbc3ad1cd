import * as zlib from 'node:zlib';
import { ZSTDDecoder } from 'zstddec';

/** Decodes a frame that holds `bytes` bytes; what it returns has its memory to itself. */
export type ZstdDecode = (frame: Uint8Array, bytes: number) => Uint8Array;

const MAGIC = 0xfd2fb528;
/** The most that a block decodes to, whatever the frame's window. */
const MAX_BLOCK_BYTES = 128 * 1024;
const RLE = 1;

/** The part of node:zlib that came with Node 22.15. */
interface WithZstd {
  zstdDecompressSync?(frame: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
}

/** WebAssembly's memory has 32-bit addresses, and its allocator's failure goes unnoticed by the package. */
const MAX_WASM_BYTES = 1024 * 1024 * 1024;

/** Node's own where it has one, else WebAssembly. */
export async function loadZstd(): Promise<ZstdDecode> {
  const { zstdDecompressSync } = zlib as WithZstd;
  if (zstdDecompressSync !== undefined) {
    return (frame, bytes) => zstdDecompressSync(frame, { maxOutputLength: Math.max(1, bytes) });
  }
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return (frame, bytes) => {
    if (frame.byteLength + bytes > MAX_WASM_BYTES)
      throw new RangeError(`${bytes} bytes are more than can be decompressed at once before Node 22.15`);
    return decoder.decode(frame, bytes);
  };
}

/**
 * The most bytes that the blocks of some frames, one after another, may decode to: so that what is claimed can be checked
 * before it is allocated. ZSTD has no ratio that it can't exceed.
 * Source: RFC 8878, section 3.1.1.
 */
export function mostZstdBytes(frames: Uint8Array): number {
  const view = new DataView(frames.buffer, frames.byteOffset, frames.byteLength);
  let most = 0;
  let at = 0;
  while (at < frames.byteLength) {
    const magic = view.getUint32(at, true);
    if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) {
      at += 8 + view.getUint32(at + 4, true);
      continue;
    }
    if (magic !== MAGIC) throw new RangeError('it does not begin as a ZSTD frame does');
    const descriptor = view.getUint8(at + 4);
    const singleSegment = (descriptor & 0x20) !== 0;
    const contentSizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
    at += 5 + (singleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes;
    for (let last = false; !last; ) {
      const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
      const [type, size] = [(header >> 1) & 3, header >> 3];
      if (type === 3 || size > MAX_BLOCK_BYTES)
        throw new RangeError('it has a block of a kind or size that no frame has');
      most += type === 2 ? MAX_BLOCK_BYTES : size;
      at += 3 + (type === RLE ? 1 : size);
      last = (header & 1) !== 0;
    }
    at += (descriptor & 4) !== 0 ? 4 : 0;
    if (at > frames.byteLength) throw new RangeError('it ends in the middle of a frame');
  }
  return most;
}
