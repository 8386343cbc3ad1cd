import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { allOver } from '../util/ahead.js';
import { CacheDirectory } from './cache-directory.js';
import { checkRange } from './range.js';
import type { ObjectReader, StoredObject } from './types.js';

/** A cache of remote objects on a local disk. */
export interface CacheOptions {
  readonly dir: string;
  /** Bytes that it may take. */
  readonly maxBytes: number;
}

/** Objects are kept in aligned pieces of this size. */
const BLOCK_BYTES = 4 * 2 ** 20;
/** Behind a block's bytes: a word that says what this is, and their CRC-32. */
const TRAILER_BYTES = 8;
const MAGIC = 0x314b4350;

/** One a thread and directory. */
const directories = new Map<string, CacheDirectory>();

/**
 * A reader that keeps what it reads in the cache, and reads from there what is kept. Takes over the reader: closes it
 * with itself. An object without a version can't be told from the next of its name, so it is not kept.
 */
export function cached(reader: ObjectReader, { dir, maxBytes }: CacheOptions): ObjectReader {
  if (reader.object.version === '') return reader;
  const directory = directories.get(dir) ?? new CacheDirectory(dir, maxBytes);
  directories.set(dir, directory);
  return new CachedReader(reader, directory);
}

class CachedReader implements ObjectReader {
  readonly object: StoredObject;
  readonly #reader: ObjectReader;
  readonly #directory: CacheDirectory;
  readonly #key: string;
  /** Blocks on their way, so that reads at the same time ask for them once. */
  readonly #fetching = new Map<number, Promise<Uint8Array>>();

  constructor(reader: ObjectReader, directory: CacheDirectory) {
    this.object = reader.object;
    this.#reader = reader;
    this.#directory = directory;
    const { uri, version, size } = this.object;
    this.#key = createHash('sha256').update(`${uri}\n${version}\n${size}`).digest('hex').slice(0, 40);
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    checkRange(this.object, offset, into.byteLength);
    const end = offset + into.byteLength;
    const parts: Promise<void>[] = [];
    for (let at = offset; at < end; ) {
      const block = Math.floor(at / BLOCK_BYTES);
      const partEnd = Math.min(end, (block + 1) * BLOCK_BYTES);
      parts.push(
        this.#readPart(block, at - block * BLOCK_BYTES, into.subarray(at - offset, partEnd - offset)),
      );
      at = partEnd;
    }
    await allOver(parts);
  }

  /** Fills `into` from byte `from` of a block. */
  async #readPart(block: number, from: number, into: Uint8Array): Promise<void> {
    const length = Math.min(BLOCK_BYTES, this.object.size - block * BLOCK_BYTES);
    const path = this.#directory.pathOf(`${this.#key}-${block}`);
    if (await readKept(this.#directory, path, length, from, into)) return;
    const going = this.#fetching.get(block) ?? this.#fetch(block, length, path);
    this.#fetching.set(block, going);
    try {
      into.set((await going).subarray(from, from + into.byteLength));
    } finally {
      this.#fetching.delete(block);
    }
  }

  async #fetch(block: number, length: number, path: string): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await this.#reader.read(block * BLOCK_BYTES, bytes);
    const trailer = new Uint8Array(TRAILER_BYTES);
    const view = new DataView(trailer.buffer);
    view.setUint32(0, MAGIC, true);
    view.setUint32(4, crc32(bytes), true);
    await this.#directory.keep(path, [bytes, trailer]);
    return bytes;
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

/**
 * Reads a part of a block that is kept; false where it is not, or is not whole. The first time that this thread sees a
 * block it is checked from end to end.
 */
async function readKept(
  directory: CacheDirectory,
  path: string,
  length: number,
  from: number,
  into: Uint8Array,
): Promise<boolean> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size, ino } = await file.stat();
    if (size !== length + TRAILER_BYTES) throw new Error('truncated');
    if (directory.isChecked(path, ino)) {
      const { bytesRead } = await file.read(into, 0, into.byteLength, from);
      if (bytesRead !== into.byteLength) throw new Error('truncated');
    } else {
      const all = new Uint8Array(size);
      const { bytesRead } = await file.read(all, 0, size, 0);
      const view = new DataView(all.buffer, length);
      const bytes = all.subarray(0, length);
      if (bytesRead !== size || view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== crc32(bytes))
        throw new Error('damaged');
      directory.checked(path, ino);
      into.set(bytes.subarray(from, from + into.byteLength));
    }
    await directory.used(file);
    return true;
  } catch {
    // Not there, evicted meanwhile, or damaged: whatever it is, the object itself is read, and kept anew.
    return false;
  } finally {
    await file?.close();
  }
}
