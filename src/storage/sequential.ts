import type { ObjectReader, StoredObject } from './types.js';

/** Objects are read ahead in aligned pieces of this size. */
const PIECE_BYTES = 256 * 1024;
/** A read that begins this soon behind the one before goes on from it. */
const GAP_BYTES = 128 * 1024;
/** Reads as large as this are worth a request of their own. */
const LARGE_BYTES = 1024 * 1024;
/** Pieces that are asked for ahead at a time, at most; … */
const MOST_AHEAD = 4;
/** … and that are kept: enough for formats that look at what describes their record batches before these. */
const MOST_KEPT = 20;

/** What a reader holds in memory, at most. */
export const SEQUENTIAL_BYTES = MOST_KEPT * PIECE_BYTES;

/**
 * A reader that notices when small reads go through an object from front to back, as those of files with small record
 * batches do, and then reads ahead, the more the longer it goes on: as operating systems do for files on disks. Other
 * reads are passed on as they are. Takes over the reader: closes it with itself.
 */
export function readingAhead(reader: ObjectReader): ObjectReader {
  return new SequentialReader(reader);
}

class SequentialReader implements ObjectReader {
  readonly object: StoredObject;
  readonly #reader: ObjectReader;
  /** By their index. */
  readonly #pieces = new Map<number, Promise<Uint8Array>>();
  /** Where the last read ended; −1 before the first. */
  #end = -1;
  /** Pieces to ask for next time; 0 where reads do not follow each other. */
  #ahead = 0;
  /** The piece behind the last that was asked for. */
  #frontier = 0;

  constructor(reader: ObjectReader) {
    this.object = reader.object;
    this.#reader = reader;
  }

  /** Decides before it waits: reads at the same time are told apart by the order in which they come. */
  read(offset: number, into: Uint8Array): Promise<void> {
    const end = offset + into.byteLength;
    const goesOn = this.#end >= 0 && offset >= this.#end && offset - this.#end <= GAP_BYTES;
    this.#end = end;
    if (into.byteLength >= LARGE_BYTES || end > this.object.size) return this.#reader.read(offset, into);
    const first = Math.floor(offset / PIECE_BYTES);
    const last = Math.floor(Math.max(offset, end - 1) / PIECE_BYTES);
    const pieces = this.#kept(first, last);
    if (pieces === undefined && !goesOn) {
      this.#ahead = 0;
      return this.#reader.read(offset, into);
    }
    if (pieces === undefined) this.#goOnFrom(first);
    if (this.#frontier - last <= this.#ahead / 2) {
      this.#ahead = Math.min(MOST_AHEAD, Math.max(1, 2 * this.#ahead));
      this.#askFor(this.#frontier, Math.max(last + 1, this.#frontier + this.#ahead));
    }
    const found = pieces ?? this.#kept(first, last);
    return found === undefined ? this.#reader.read(offset, into) : copy(found, offset, first, into);
  }

  /** What is missing is asked for next; what lies far away is of no use any more. */
  #goOnFrom(first: number): void {
    for (const index of this.#pieces.keys()) {
      if (Math.abs(index - first) > MOST_KEPT / 2) this.#pieces.delete(index);
    }
    this.#frontier = first;
    while (this.#pieces.has(this.#frontier)) this.#frontier++;
  }

  /** The pieces from `first` to `last`; undefined where one is not there. */
  #kept(first: number, last: number): Promise<Uint8Array>[] | undefined {
    const found: Promise<Uint8Array>[] = [];
    for (let index = first; index <= last; index++) {
      const piece = this.#pieces.get(index);
      if (piece === undefined) return undefined;
      found.push(piece);
    }
    return found;
  }

  /** Asks for pieces in one request, and drops those that lie far behind. */
  #askFor(from: number, until: number): void {
    const { size } = this.object;
    const end = Math.min(until, Math.ceil(size / PIECE_BYTES));
    if (from >= end) return;
    this.#frontier = end;
    const start = from * PIECE_BYTES;
    const bytes = new Uint8Array(Math.min(end * PIECE_BYTES, size) - start);
    const reading = this.#reader.read(start, bytes);
    for (let index = from; index < end; index++) {
      const at = index * PIECE_BYTES - start;
      const piece = reading.then(() => bytes.subarray(at, at + PIECE_BYTES));
      // Whoever needs the piece gets the error; the next one asks anew.
      piece.catch(() => this.#pieces.delete(index));
      this.#pieces.set(index, piece);
      this.#pieces.delete(index - MOST_KEPT);
    }
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

async function copy(
  pieces: readonly Promise<Uint8Array>[],
  offset: number,
  first: number,
  into: Uint8Array,
): Promise<void> {
  const bytes = await Promise.all(pieces);
  let done = 0;
  for (const [i, piece] of bytes.entries()) {
    const from = offset + done - (first + i) * PIECE_BYTES;
    const part = piece.subarray(from, from + into.byteLength - done);
    into.set(part, done);
    done += part.byteLength;
  }
}
