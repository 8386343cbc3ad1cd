import { allOver } from '../util/ahead.js';
import { checkRange } from './range.js';
import type { ObjectReader, StoredObject } from './types.js';

/** Objects up to this size are read whole, in one request. */
const WHOLE_BYTES = 256 * 1024;
/** Of larger ones, what formats look at first: the head, and the footer at the end. */
const HEAD_BYTES = 16 * 1024;
const TAIL_BYTES = 64 * 1024;

/**
 * Reads at once what opening a file takes, in as few requests as can be: a request to remote storage costs as much as a
 * hundred kilobytes. Takes over the reader: closes it with itself, and also where reading fails.
 */
export async function prefetched(reader: ObjectReader): Promise<ObjectReader> {
  const { object } = reader;
  try {
    if (object.size <= WHOLE_BYTES) {
      const whole = new Uint8Array(object.size);
      if (object.size > 0) await reader.read(0, whole);
      await reader.close();
      return new InMemory(object, whole);
    }
    const head = new Uint8Array(HEAD_BYTES);
    const tail = new Uint8Array(TAIL_BYTES);
    await allOver([reader.read(0, head), reader.read(object.size - TAIL_BYTES, tail)]);
    return new Prefetched(reader, head, tail);
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** All bytes are at hand, so reads are at once. */
class InMemory implements ObjectReader {
  readonly object: StoredObject;
  readonly #bytes: Uint8Array;

  constructor(object: StoredObject, bytes: Uint8Array) {
    this.object = object;
    this.#bytes = bytes;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    this.readSync(offset, into, 0, into.byteLength);
  }

  readSync(offset: number, into: Uint8Array, at: number, length: number): void {
    checkRange(this.object, offset, length);
    into.set(this.#bytes.subarray(offset, offset + length), at);
  }

  async close(): Promise<void> {}
}

class Prefetched implements ObjectReader {
  readonly object: StoredObject;
  readonly #reader: ObjectReader;
  readonly #head: Uint8Array;
  readonly #tail: Uint8Array;

  constructor(reader: ObjectReader, head: Uint8Array, tail: Uint8Array) {
    this.object = reader.object;
    this.#reader = reader;
    this.#head = head;
    this.#tail = tail;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    const end = offset + into.byteLength;
    const tailStart = this.object.size - this.#tail.byteLength;
    if (offset >= 0 && end <= this.#head.byteLength) into.set(this.#head.subarray(offset, end));
    else if (offset >= tailStart && end <= this.object.size)
      into.set(this.#tail.subarray(offset - tailStart, end - tailStart));
    else await this.#reader.read(offset, into);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
