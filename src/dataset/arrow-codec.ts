import type { StoredObject } from '../storage/types.js';
import { unsupported } from './arrow-errors.js';
import { decodeLz4Frame, mostLz4Bytes } from './lz4.js';

/** How buffers are compressed. */
export interface Codec {
  readonly name: string;
  /** The most bytes that a compressed buffer may decode to, as far as can be told without decoding it. */
  most(frame: Uint8Array): number;
  /** Decodes a buffer of `bytes` bytes, into `room` where the codec can. Throws where it can't be decoded. */
  decode(frame: Uint8Array, bytes: number, room: (bytes: number) => Uint8Array): Uint8Array;
}

const lz4: Codec = {
  name: 'LZ4',
  most: mostLz4Bytes,
  decode(frame, bytes, room) {
    const out = room(bytes);
    decodeLz4Frame(frame, out);
    return out;
  },
};

async function loadZstdCodec(): Promise<Codec> {
  const { loadZstd, mostZstdBytes } = await import('./zstd.js');
  const decode = await loadZstd();
  return { name: 'ZSTD', most: mostZstdBytes, decode: (frame, bytes) => decode(frame, bytes) };
}

/** Codecs by their number in the metadata. */
const CODECS: readonly (() => Promise<Codec>)[] = [async () => lz4, loadZstdCodec];
const loaded = new Map<number, Promise<Codec>>();

/** The codec of that number, loaded when it is first asked for. */
export function loadCodec(type: number): Promise<Codec> {
  const load = CODECS[type];
  if (load === undefined) throw new RangeError(`no codec ${type}`);
  const codec = loaded.get(type) ?? load();
  loaded.set(type, codec);
  return codec;
}

/** @throws DataError for a codec that is not there */
export function checkCompression(
  object: StoredObject,
  { type, method }: { type: number; method: number },
): void {
  if (method === 0 && CODECS[type] !== undefined) return;
  const what = method === 0 ? `with codec ${type}` : `by method ${method}`;
  throw unsupported(
    object,
    `is compressed ${what}, which is not supported`,
    'Write it with lz4, zstd or uncompressed.',
  );
}
