import { availableMemory } from '../util/memory.js';
import type { Codec } from './arrow-codec.js';

/** In front of each compressed buffer: how many bytes it decodes to. */
const PREFIX_BYTES = 8;
/** As a prefix: the rest is not compressed, since that made it no smaller. */
const NOT_COMPRESSED = -1n;
const ALIGNMENT = 64;
/** Typed arrays of more could not be made of a buffer on every platform, and no writer makes such buffers. */
const MAX_BUFFER_BYTES = 0x7fffffff;

/** Decompresses the buffers of a record batch, into memory that is used again for the next one. */
export class Expander {
  #memory = new Uint8Array(0);
  #size = 0;
  #at = 0;

  /** Prepares for buffers of so many bytes. Nothing is allocated yet; nothing may be where `bytes` exceeds `limit`. */
  makeRoom(claims: readonly number[]): { bytes: number; limit: number } {
    this.#at = 0;
    this.#size = claims.reduce((sum, bytes) => sum + padded(bytes), 0);
    memory ??= availableMemory();
    return { bytes: this.#size, limit: Math.floor(memory / 4) };
  }

  /**
   * A buffer as it was before it was compressed; valid until room is made again.
   *
   * @param claimed what `claimOf` says of it
   * @throws RangeError for a buffer that does not hold what it claims
   */
  expand(codec: Codec, chunk: Uint8Array, claimed: number): Uint8Array {
    if (claimed === 0) return chunk.subarray(0, 0);
    const compressed = chunk.subarray(PREFIX_BYTES);
    if (prefixOf(chunk) === NOT_COMPRESSED) return compressed;
    const out = codec.decode(compressed, claimed, this.#room);
    if (out.byteLength !== claimed)
      throw new RangeError(
        `a buffer decodes to ${out.byteLength} bytes of ${codec.name}, and claims ${claimed}`,
      );
    return out;
  }

  // Taken only where the codec writes into it.
  readonly #room = (bytes: number): Uint8Array => {
    if (this.#memory.byteLength < this.#size) this.#memory = new Uint8Array(this.#size);
    const piece = this.#memory.subarray(this.#at, this.#at + bytes);
    this.#at += padded(bytes);
    return piece;
  };
}

let memory: number | undefined;

const padded = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

const prefixOf = (chunk: Uint8Array): bigint =>
  new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength).getBigInt64(0, true);

/**
 * The bytes that a buffer claims to hold, once that is found possible: a few bytes can't claim gigabytes.
 *
 * @throws RangeError where they can't be, or are fewer than `need`
 */
export function claimOf(codec: Codec, chunk: Uint8Array, need: number | undefined): number {
  if (chunk.byteLength === 0) {
    if (need !== undefined && need > 0)
      throw new RangeError(`a buffer is empty where ${need} bytes are needed`);
    return 0;
  }
  if (chunk.byteLength < PREFIX_BYTES)
    throw new RangeError(`a compressed buffer has ${chunk.byteLength} bytes`);
  const claimed = prefixOf(chunk);
  const compressed = chunk.subarray(PREFIX_BYTES);
  const bytes = claimed === NOT_COMPRESSED ? compressed.byteLength : Number(claimed);
  if (bytes < (need ?? 0)) throw new RangeError(`a buffer of ${bytes} bytes is to hold ${need}`);
  if (claimed === NOT_COMPRESSED || bytes === 0) return bytes;
  const most = Math.min(codec.most(compressed), MAX_BUFFER_BYTES);
  if (!(bytes >= 0 && bytes <= most))
    throw new RangeError(`a buffer claims ${claimed} bytes, and its ${codec.name} holds ${most} at most`);
  return bytes;
}
