import * as zlib from 'node:zlib';
import { type CompressionType, RecordBatchFileWriter } from 'apache-arrow';
import { encodeLz4Frame } from './lz4.js';

/** Compresses one buffer. */
export type Compress = (bytes: Uint8Array) => Uint8Array;

/** The part of node:zlib that came with Node 22.15. */
interface WithZstd {
  zstdCompressSync?(bytes: Uint8Array): Uint8Array;
}

export function zstd(): Compress {
  const { zstdCompressSync } = zlib as WithZstd;
  if (zstdCompressSync === undefined) throw new TypeError('this Node has no zstd');
  return (bytes) => zstdCompressSync(bytes);
}

export const lz4 = (): Compress => encodeLz4Frame;

/** In front of a compressed buffer: how long it was, or that it is not compressed, as 64 bits. */
const PREFIX_BYTES = 8;
const NOT_COMPRESSED = -1n;
const align = (bytes: number): number => Math.ceil(bytes / 8) * 8;

type Compressed = ReturnType<RecordBatchFileWriter['_compressBodyBuffers']>;

/**
 * The library's writer, but for how buffers are compressed: its own, in 21.2, tells the length of what was compressed
 * where the format wants the length of what it was before, and no reader can make sense of it.
 * Source: Message.fbs of the Arrow format, BodyCompressionMethod.BUFFER.
 */
export class CompressingFileWriter extends RecordBatchFileWriter {
  readonly #compress: Compress | undefined;

  constructor(type: CompressionType | undefined, compress: Compress | undefined) {
    super(type === undefined ? undefined : { compressionType: type });
    this.#compress = compress;
  }

  protected override _compressBodyBuffers(buffers: ArrayBufferView[]): Compressed {
    const compress = this.#compress;
    if (compress === undefined) throw new TypeError('no codec');
    // The writer takes them in pairs, prefix and buffer, and pads each pair.
    const pairs: Uint8Array[] = [];
    const bufferRegions: Compressed['bufferRegions'] = [];
    let offset = 0;
    for (const { buffer, byteOffset, byteLength } of buffers) {
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      const pair = byteLength === 0 ? [bytes, bytes] : prefixed(bytes, compress(bytes));
      const length = pair.reduce((sum, piece) => sum + piece.byteLength, 0);
      pairs.push(...pair);
      bufferRegions.push({ offset, length });
      offset += align(length);
    }
    return { byteLength: offset, bufferRegions, buffers: pairs };
  }
}

function prefixed(bytes: Uint8Array, compressed: Uint8Array): Uint8Array[] {
  const isShorter = compressed.byteLength < bytes.byteLength;
  const prefix = new Uint8Array(PREFIX_BYTES);
  new DataView(prefix.buffer).setBigInt64(0, isShorter ? BigInt(bytes.byteLength) : NOT_COMPRESSED, true);
  return [prefix, isShorter ? compressed : bytes];
}
