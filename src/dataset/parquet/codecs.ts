import * as zlib from 'node:zlib';
import { DataError } from '../../util/errors.js';
import { snappy } from './snappy.js';

/** Decompresses `input` into exactly `size` bytes, or throws. */
export type Decompress = (input: Uint8Array, size: number) => Uint8Array;

/** Node has it from 22.15 on. */
type Zstd = (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

/** How each codec is had: libraries are loaded when the first file needs them. */
const CODECS: Readonly<Record<string, () => Promise<Decompress>>> = {
  UNCOMPRESSED: async () => (input) => input,
  SNAPPY: async () => snappy,
  GZIP: async () => (input, size) => zlib.gunzipSync(input, { maxOutputLength: Math.max(1, size) }),
  BROTLI: async () => (input, size) =>
    zlib.brotliDecompressSync(input, { maxOutputLength: Math.max(1, size) }),
  ZSTD: async () => {
    const native = (zlib as { zstdDecompressSync?: Zstd }).zstdDecompressSync;
    if (native !== undefined) return (input, size) => native(input, { maxOutputLength: Math.max(1, size) });
    const { ZSTDDecoder } = await import('zstddec');
    const decoder = new ZSTDDecoder();
    await decoder.init();
    return (input, size) => decoder.decode(input, size);
  },
  LZ4_RAW: async () => lz4Block(await import('lz4-napi')),
  LZ4: async () => hadoopLz4(lz4Block(await import('lz4-napi'))),
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

type Lz4 = { uncompressSync(data: Uint8Array): Uint8Array };

/** lz4-napi takes blocks with their length in front. */
function lz4Block({ uncompressSync }: Lz4): Decompress {
  return (input, size) => {
    const framed = new Uint8Array(4 + input.length);
    new DataView(framed.buffer).setUint32(0, size, true);
    framed.set(input, 4);
    return uncompressSync(framed);
  };
}

/** Hadoop's frames: length after and before, both big-endian, and a block. Some writers wrote plain blocks instead. */
function hadoopLz4(block: Decompress): Decompress {
  return (input, size) => {
    const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
    const frames: { at: number; bytes: number; size: number }[] = [];
    let at = 0;
    let total = 0;
    while (at + 8 <= input.length) {
      const frame = { size: view.getUint32(at), bytes: view.getUint32(at + 4), at: at + 8 };
      at = frame.at + frame.bytes;
      total += frame.size;
      frames.push(frame);
      if (total > size) break;
    }
    if (at !== input.length || total !== size) return block(input, size);
    const output = new Uint8Array(size);
    let to = 0;
    for (const frame of frames) {
      output.set(block(input.subarray(frame.at, frame.at + frame.bytes), frame.size), to);
      to += frame.size;
    }
    return output;
  };
}
