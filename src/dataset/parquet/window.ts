import type { ObjectReader } from '../../storage/types.js';
import type { SyncReader } from '../arrow-message.js';
import type { Spare } from './spare.js';
import { checkThrift } from './thrift.js';

/** Metadata of a page that is longer is not waited for: the longest part of it are the least and greatest value. */
const MAX_HEADER_BYTES = 4 * 1024 * 1024;

/** Part of a column chunk in memory, which moves on over the chunk as pages are taken from its front. */
export class ChunkWindow {
  readonly #reader: ObjectReader;
  /** Bytes read at a time, at the least. */
  readonly #step: number;
  readonly #spare: Spare;
  #bytes: Uint8Array;
  /** Whether it lies in memory of its own. */
  #isOwn = false;
  #from = 0;
  #to: number;
  /** Where in the file `#to` is, and where the chunk ends. */
  #next: number;
  readonly #end: number;
  #ahead: Promise<Uint8Array> | undefined;
  /** Bytes read from storage. */
  bytesRead = 0;

  /**
   * @param spare memory for what is read
   * @param held the chunk's first bytes, where they are in memory already
   */
  constructor(
    reader: ObjectReader,
    { start, bytes }: { start: number; bytes: number },
    step: number,
    spare: Spare,
    held: Uint8Array = new Uint8Array(0),
  ) {
    this.#reader = reader;
    this.#step = step;
    this.#spare = spare;
    this.#bytes = held;
    this.#to = held.length;
    this.#next = start + held.length;
    this.#end = start + bytes;
  }

  /** Where in the file the next page begins. */
  get position(): number {
    return this.#next - (this.#to - this.#from);
  }

  get isAtEnd(): boolean {
    return this.position >= this.#end;
  }

  /** The bytes from the next page on, as far as they are here. */
  get front(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  /** Length of the next page's header; undefined where not all of it is here. */
  headerLength(): number | undefined {
    try {
      return checkThrift(this.front, 0);
    } catch (cause) {
      if (this.#next < this.#end && this.front.length < MAX_HEADER_BYTES) return undefined;
      throw cause;
    }
  }

  /** Whether the next `length` bytes are here. */
  has(length: number): boolean {
    if (length > this.#end - this.position)
      throw new RangeError(
        `a page claims ${length} bytes, and its column has ${this.#end - this.position} left`,
      );
    return length <= this.#to - this.#from;
  }

  /** The next `length` bytes, which are passed over; valid until the next read. */
  take(length: number): Uint8Array {
    this.#from += length;
    return this.#bytes.subarray(this.#from - length, this.#from);
  }

  /** Reads on, so far that `length` bytes are here, or all that are left; at the least one step. */
  async fill(length: number): Promise<void> {
    const ahead = this.#ahead;
    if (ahead !== undefined) {
      this.#ahead = undefined;
      this.#append(await ahead);
    }
    const missing = length - (this.#to - this.#from);
    if (ahead === undefined || missing > 0) this.#append(await this.#read(Math.max(missing, this.#step)));
  }

  /** The same for a reader that reads at once. */
  fillSync(reader: SyncReader, length: number): void {
    const wanted = Math.min(Math.max(length - (this.#to - this.#from), this.#step), this.#end - this.#next);
    this.#makeRoom(wanted);
    reader.readSync(this.#next, this.#bytes, this.#to, wanted);
    this.#took(wanted);
  }

  /** Starts to read the next step, while what is here is worked on. */
  readAhead(): void {
    if (this.#ahead !== undefined || this.#next >= this.#end) return;
    if (this.#to - this.#from >= this.#step) return;
    this.#ahead = this.#read(this.#step);
    // Reported by whoever awaits it.
    this.#ahead.catch(() => {});
  }

  /** Waits for what is under way. */
  async settle(): Promise<void> {
    await this.#ahead?.catch(() => {});
  }

  /** Gives back its memory, once all of the chunk was taken and looked at. */
  release(): void {
    this.#replace(new Uint8Array(0), false);
    this.#from = 0;
    this.#to = 0;
  }

  async #read(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.min(length, this.#end - this.#next));
    await this.#reader.read(this.#next, bytes);
    return bytes;
  }

  #append(bytes: Uint8Array): void {
    if (this.#from === this.#to) {
      this.#replace(bytes, true);
      this.#from = 0;
      this.#to = 0;
    } else {
      this.#makeRoom(bytes.length);
      this.#bytes.set(bytes, this.#to);
    }
    this.#took(bytes.length);
  }

  #took(length: number): void {
    this.#to += length;
    this.#next += length;
    this.bytesRead += length;
  }

  /** Moves what is left to the front, and makes place for so many bytes behind it. */
  #makeRoom(length: number): void {
    const left = this.front;
    if (left.length + length > this.#bytes.length || !this.#isOwn) {
      const target = this.#spare.take(left.length + length);
      target.set(left);
      this.#replace(target, true);
    } else this.#bytes.set(left);
    this.#from = 0;
    this.#to = left.length;
  }

  #replace(bytes: Uint8Array, isOwn: boolean): void {
    if (this.#isOwn) this.#spare.give(this.#bytes);
    this.#bytes = bytes;
    this.#isOwn = isOwn;
  }
}
