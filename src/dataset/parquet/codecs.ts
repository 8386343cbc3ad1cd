import * as zlib from 'node:zlib';
import { DataError } from '../../util/errors.js';
import { decodeLz4Block, mostLz4Bytes } from '../lz4.js';
import { loadZstd, mostZstdBytes } from '../zstd.js';
import { snappy } from './snappy.js';

/** Decompresses `input` into exactly `size` bytes, or throws. */
export type Decompress = (input: Uint8Array, size: number) => Uint8Array;

/** How each codec is had: libraries are loaded when the first file needs them. */
const CODECS: Readonly<Record<string, () => Promise<Decompress>>> = {
  UNCOMPRESSED: async () => (input) => input,
  SNAPPY: async () => snappy,
  GZIP: async () => (input, size) => zlib.gunzipSync(input, { maxOutputLength: Math.max(1, size) }),
  BROTLI: async () => (input, size) =>
    zlib.brotliDecompressSync(input, { maxOutputLength: Math.max(1, size) }),
  ZSTD: async () => {
    const decode = await loadZstd();
    return (input, size) => {
      // What is claimed is checked before it is allocated.
      if (size > mostZstdBytes(input))
        throw new RangeError(`a page claims ${size} bytes, more than it can hold`);
      return decode(input, size);
    };
  },
  LZ4_RAW: async () => lz4,
  LZ4: async () => hadoopLz4,
};

const loaded = new Map<string, Decompress>();

/** @throws DataError where this codec is not supported */
export async function decompressor(codec: string | undefined, file: string): Promise<Decompress> {
  const load = codec === undefined ? undefined : CODECS[codec];
  if (codec === undefined || load === undefined) {
    const known = Object.keys(CODECS).join(', ');
    throw new DataError(
      `${file}: is compressed with ${codec ?? 'an unknown codec'}; supported are ${known}`,
      {
        file,
      },
    );
  }
  let decompress = loaded.get(codec);
  if (decompress === undefined) {
    const plain = await load();
    decompress = (input, size) => {
      const output = plain(input, size);
      if (output.length !== size)
        throw new RangeError(`a page has ${output.length} bytes, and its header says ${size}`);
      return output;
    };
    loaded.set(codec, decompress);
  }
  return decompress;
}

const lz4: Decompress = (input, size) => {
  if (size > mostLz4Bytes(input)) throw new RangeError(`a page claims ${size} bytes, more than it can hold`);
  const output = new Uint8Array(size);
  return output.subarray(0, decodeLz4Block(input, 0, input.length, output, 0, size));
};

/** Hadoop's frames: length after and before, both big-endian, and a block. Some writers wrote plain blocks instead. */
const hadoopLz4: Decompress = (input, size) => {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const frames: { at: number; end: number; size: number }[] = [];
  let at = 0;
  let total = 0;
  while (at + 8 <= input.length && total <= size) {
    const end = at + 8 + view.getUint32(at + 4);
    const frame = { size: view.getUint32(at), at: at + 8, end };
    total += frame.size;
    frames.push(frame);
    at = end;
  }
  if (at !== input.length || total !== size) return lz4(input, size);
  if (size > mostLz4Bytes(input)) throw new RangeError(`a page claims ${size} bytes, more than it can hold`);
  const output = new Uint8Array(size);
  let to = 0;
  for (const frame of frames) {
    const end = to + frame.size;
    if (decodeLz4Block(input, frame.at, frame.end, output, to, end) !== end)
      throw new RangeError('a block of a page is shorter than it says');
    to = end;
  }
  return output;
};
