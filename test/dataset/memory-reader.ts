import type { ObjectReader, StoredObject } from '../../src/storage/types.js';
import { StorageError } from '../../src/util/errors.js';

/** A range of bytes that was read: from, and up to. */
export type Range = readonly [start: number, end: number];

/** An object in memory that remembers what was read of it. */
export class MemoryReader implements ObjectReader {
  readonly object: StoredObject;
  readonly reads: Range[] = [];
  closed = false;
  readonly #bytes: Uint8Array;
  readonly #delay: () => Promise<void>;

  /** `delay` is awaited before each read is answered: it decides in which order reads are. */
  constructor(bytes: Uint8Array, delay: () => Promise<void> = () => Promise.resolve(), uri = 'memory.arrow') {
    this.#bytes = bytes;
    this.#delay = delay;
    this.object = { uri, size: bytes.byteLength, version: '1' };
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    const end = offset + into.byteLength;
    this.reads.push([offset, end]);
    await this.#delay();
    if (!(offset >= 0 && end <= this.#bytes.byteLength)) {
      throw new StorageError(`${this.object.uri}: ends before byte ${end}`, { file: this.object.uri });
    }
    into.set(this.#bytes.subarray(offset, end));
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
