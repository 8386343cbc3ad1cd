import { StorageError } from '../../src/util/errors.js';
import { MemoryReader } from './memory-reader.js';

/** An object in memory that is read at once, as files in the page cache are. */
export class SyncMemoryReader extends MemoryReader {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, uri?: string) {
    super(bytes, undefined, uri);
    this.#bytes = bytes;
  }

  readSync(offset: number, into: Uint8Array, at: number, length: number): void {
    const end = offset + length;
    this.reads.push([offset, end]);
    if (!(offset >= 0 && end <= this.#bytes.byteLength)) {
      throw new StorageError(`${this.object.uri}: ends before byte ${end}`, { file: this.object.uri });
    }
    into.set(this.#bytes.subarray(offset, end), at);
  }
}
