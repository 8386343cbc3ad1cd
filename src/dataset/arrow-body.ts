import type { BufferRegion } from 'apache-arrow/ipc/metadata/message';
import type { ObjectReader } from '../storage/types.js';
import type { SyncReader } from './arrow-message.js';

/** Regions closer than this are read in one go: a seek costs more than the bytes between. */
const COALESCE_GAP = 64 * 1024;
/** Arrow aligns buffers to 8 or 64 bytes; keeping offsets modulo 64 keeps typed arrays aligned. */
const ALIGNMENT = 64;

interface Piece {
  readonly start: number;
  end: number;
  /** Where it lies in memory. */
  place: number;
}

/**
 * Reads the wanted buffers of a record batch's body into memory that is used again for the next one: a fresh
 * allocation a batch costs more in page faults than reading from the page cache does.
 */
export class BodyReader {
  #memory = new Uint8Array(0);
  #pieces: Piece[] = [];

  /** Reads `regions` of the body that begins at `bodyStart`; returns the bytes read. */
  async read(reader: ObjectReader, bodyStart: number, regions: readonly BufferRegion[]): Promise<number> {
    const bytes = this.#makeRoom(regions);
    const reads = this.#pieces.map(({ start, end, place }) =>
      reader.read(bodyStart + start, this.#memory.subarray(place, place + end - start)),
    );
    await Promise.all(reads);
    return bytes;
  }

  /** The same for a reader that reads at once. */
  readSync(reader: SyncReader, bodyStart: number, regions: readonly BufferRegion[]): number {
    const bytes = this.#makeRoom(regions);
    for (const { start, end, place } of this.#pieces)
      reader.readSync(bodyStart + start, this.#memory, place, end - start);
    return bytes;
  }

  /** Returns the bytes that are to be read. */
  #makeRoom(regions: readonly BufferRegion[]): number {
    this.#pieces = coalesce(regions);
    let size = 0;
    let bytes = 0;
    for (const piece of this.#pieces) {
      piece.place = Math.ceil(size / ALIGNMENT) * ALIGNMENT + (piece.start % ALIGNMENT);
      size = piece.place + piece.end - piece.start;
      bytes += piece.end - piece.start;
    }
    if (this.#memory.byteLength < size) this.#memory = new Uint8Array(size);
    return bytes;
  }

  /** A region of what was read last. */
  bytesOf({ offset, length }: BufferRegion): Uint8Array {
    if (length === 0) return this.#memory.subarray(0, 0);
    const { place, start } = this.#pieces.find(
      (piece) => piece.start <= offset && offset < piece.end,
    ) as Piece;
    const at = place + offset - start;
    return this.#memory.subarray(at, at + length);
  }
}

function coalesce(regions: readonly BufferRegion[]): Piece[] {
  const pieces: Piece[] = [];
  for (const { offset, length } of regions
    .filter((region) => region.length > 0)
    .sort((a, b) => a.offset - b.offset)) {
    const last = pieces.at(-1);
    if (last !== undefined && offset - last.end <= COALESCE_GAP)
      last.end = Math.max(last.end, offset + length);
    else pieces.push({ start: offset, end: offset + length, place: 0 });
  }
  return pieces;
}
