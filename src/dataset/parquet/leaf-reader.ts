import type { Decompress } from './codecs.js';
import type { ColumnChunk } from './footer.js';
import { addZeros, ByteCursor, onlyValue, type Places, readHybrid } from './hybrid.js';
import { LeafBuffer, type LeafSlice } from './leaf-buffer.js';
import { bitsFor, checkCrc, countOf, type DataPage, openDataPage, type Page, parsePage } from './page.js';
import type { LeafColumn } from './schema.js';
import { Spare } from './spare.js';
import { type Dictionary, decodeValues, type Sink } from './values.js';
import type { ChunkWindow } from './window.js';

/** As much is decoded ahead where it is here already: fewer, larger record batches. */
const ENOUGH_ROWS = 8192;
const ENOUGH_BYTES = 512 * 1024;

/** What the column chunks of a leaf lie in, one after another. */
export interface LeafMemory {
  readonly buffer: LeafBuffer;
  readonly window: Spare;
  readonly dictionary: Spare;
}

/** Reads one column chunk from front to back: pages out of the window, decoded into a buffer, rows out of the buffer. */
export class LeafReader {
  readonly leaf: LeafColumn;
  readonly window: ChunkWindow;
  readonly #chunk: ColumnChunk;
  readonly #decompress: Decompress;
  readonly #memory: LeafMemory;
  readonly #buffer: LeafBuffer;
  #page: Page | undefined;
  #dictionary: Dictionary | undefined;
  /** Entries of the pages so far. */
  #entries = 0;

  constructor(
    leaf: LeafColumn,
    chunk: ColumnChunk,
    window: ChunkWindow,
    decompress: Decompress,
    memory: LeafMemory,
  ) {
    this.leaf = leaf;
    this.window = window;
    this.#chunk = chunk;
    this.#decompress = decompress;
    this.#memory = memory;
    this.#buffer = memory.buffer;
  }

  get isExhausted(): boolean {
    return this.#entries >= this.#chunk.values || this.window.isAtEnd;
  }

  /** To be called before anything else, once the row group before is done: it had the same memory. */
  start(): void {
    this.#buffer.reset();
  }

  /** Gives back memory for the next column chunk, once all of this one was taken. */
  release(): void {
    this.window.release();
    this.#forgetDictionary();
  }

  /** Rows that are decoded and whole: where rows have many entries, the last may go on in the next page. */
  get rows(): number {
    const { rows } = this.#buffer;
    return this.leaf.maxRep > 0 && rows > 0 && !this.isExhausted ? rows - 1 : rows;
  }

  get byteLength(): number {
    return this.#buffer.byteLength;
  }

  /** How many bytes from the window's front on are needed to decode a row; 0 where they are here. */
  get needs(): number {
    if (this.rows > 0 || this.isExhausted || this.#nextPage()) return 0;
    return this.#page?.bytes ?? this.window.front.length + 1;
  }

  /** Decodes pages that are here until there are rows, and on until there are enough. */
  decode(): void {
    while (!this.isExhausted && (this.rows === 0 || !this.#hasEnough)) {
      if (!this.#nextPage()) return;
      this.#decodePage();
    }
    if (this.isExhausted && this.#entries !== this.#chunk.values) {
      throw new RangeError(
        `its pages hold ${this.#entries} values, and the footer says ${this.#chunk.values}`,
      );
    }
  }

  /** Passes over the pages that are here, of which nothing but their headers is looked at. */
  skip(): void {
    while (!this.isExhausted && this.#nextPage()) {
      const { header, bytes } = this.#page as Page;
      this.window.take(bytes);
      this.#page = undefined;
      const { num_values: entries = 0 } = header.data_page_header ?? header.data_page_header_v2 ?? {};
      this.#entries += countOf(entries);
    }
  }

  /** The share of the chunk that was skipped. */
  get shareSkipped(): number {
    return this.isExhausted ? 1 : this.#entries / this.#chunk.values;
  }

  take(rows: number): LeafSlice {
    return this.#buffer.take(rows);
  }

  get #hasEnough(): boolean {
    return this.rows >= ENOUGH_ROWS || this.byteLength >= ENOUGH_BYTES;
  }

  /** Whether the next page is in the window, whole. */
  #nextPage(): boolean {
    if (this.#page === undefined) {
      const length = this.window.headerLength();
      if (length === undefined) return false;
      this.#page = parsePage(this.window.take(length), this.#chunk.uncompressed);
    }
    return this.window.has(this.#page.bytes);
  }

  #decodePage(): void {
    const page = this.#page as Page;
    const body = this.window.take(page.bytes);
    this.#page = undefined;
    checkCrc(page.header, body);
    const { type } = page.header;
    if (type === 'DICTIONARY_PAGE') {
      this.#forgetDictionary();
      this.#dictionary = this.#decodeDictionary(page, body);
    } else if (type === 'DATA_PAGE' || type === 'DATA_PAGE_V2') {
      this.#decodeData(openDataPage(page, body, this.leaf, this.#decompress));
    } else if (type !== 'INDEX_PAGE') throw new RangeError('a page is of an unknown kind');
  }

  #decodeData(page: DataPage): void {
    const { leaf } = this;
    const { entries } = page;
    if (this.#entries + entries > this.#chunk.values) {
      throw new RangeError(`its pages hold more values than the ${this.#chunk.values} that the footer says`);
    }
    const buffer = this.#buffer;
    const { defs, reps, at, starts } = buffer.levels(entries);
    const allThere =
      page.defs !== undefined &&
      !page.packedLevels &&
      leaf.maxDef > 0 &&
      entries > 0 &&
      onlyValue(page.defs, bitsFor(leaf.maxDef), entries) === leaf.maxDef;
    readLevels(page.reps, leaf.maxRep, reps, at, page, starts);
    readLevels(page.defs, leaf.maxDef, defs, at, page);
    this.#entries += entries;
    const there = buffer.addedLevels(entries, allThere);
    decodeValues(leaf.type, page.encoding, page.values, there, this.#dictionary, buffer);
    buffer.addedValues();
  }

  /** Values of it were copied to wherever they are used. */
  #forgetDictionary(): void {
    if (this.#dictionary !== undefined) this.#memory.dictionary.give(this.#dictionary.bytes);
    this.#dictionary = undefined;
  }

  #decodeDictionary({ header }: Page, body: Uint8Array): Dictionary {
    const { type } = this.leaf;
    const spare = this.#memory.dictionary;
    if (header.dictionary_page_header === undefined) throw new RangeError('a page has no header of its kind');
    const count = countOf(header.dictionary_page_header.num_values);
    const page = this.#decompress(body, header.uncompressed_page_size);
    const bytes = { at: new Uint8Array(0) as Uint8Array, offsets: new Int32Array(1) };
    const sink: Sink = {
      room(values, length) {
        bytes.at = spare.take(length);
        bytes.offsets = new Int32Array(type.width === 0 ? values + 1 : 0);
        return { bytes: bytes.at, at: 0, offsets: bytes.offsets, first: 0 };
      },
    };
    decodeValues(type, 'PLAIN', new ByteCursor(page), count, undefined, sink);
    return {
      count,
      bytes: bytes.at,
      offsets: type.width === 0 ? bytes.offsets : undefined,
      width: type.width,
    };
  }
}

export function memoryFor({ type, maxDef, maxRep }: LeafColumn): LeafMemory {
  return {
    buffer: new LeafBuffer(type.width, maxDef, maxRep),
    window: new Spare(),
    dictionary: new Spare(),
  };
}

function readLevels(
  cursor: ByteCursor | undefined,
  max: number,
  out: Uint8Array,
  at: number,
  { entries, packedLevels }: DataPage,
  zeros?: Places,
): void {
  if (max === 0) return;
  if (cursor === undefined) throw new RangeError('a page has no levels');
  if (!packedLevels) {
    readHybrid(cursor, bitsFor(max), out, at, entries, zeros);
    return;
  }
  readPackedLevels(cursor, bitsFor(max), out, at, entries);
  if (zeros !== undefined) addZeros(out, at, at + entries, zeros);
}

/** Source: «Bit-packed (Deprecated)» in Encodings.md of parquet-format. */
function readPackedLevels(
  cursor: ByteCursor,
  width: number,
  out: Uint8Array,
  at: number,
  count: number,
): void {
  const from = cursor.skip(Math.ceil((count * width) / 8)) * 8;
  for (let i = 0; i < count; i++) {
    let value = 0;
    for (let b = 0; b < width; b++) {
      const bit = from + i * width + b;
      value = value * 2 + (((cursor.bytes[bit >> 3] as number) >> (7 - (bit & 7))) & 1);
    }
    out[at + i] = value;
  }
}
