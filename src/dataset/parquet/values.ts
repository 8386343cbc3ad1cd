import type { Encoding } from 'hyparquet';
import { readDelta, readDeltaLengths } from './delta.js';
import { type ByteCursor, readHybrid, unpackBits } from './hybrid.js';
import type { LeafType } from './leaf-type.js';

/** Text of one page may not take more: a page of a few bytes can name a long word of the dictionary a million times. */
const MAX_TEXT_BYTES = 1 << 30;

/** Values that were decoded: fixed-width ones one after another, others with where each of them begins. */
export interface Values {
  readonly count: number;
  readonly bytes: Uint8Array;
  /** One more than values; undefined where they are of a fixed width. */
  readonly offsets: Int32Array | undefined;
}

export interface Dictionary extends Values {
  readonly width: number;
}

/** Where decoded values go: gives out room for so many more bytes behind those that are there. */
export interface Sink {
  /** @returns where to write `count` values of `bytes` bytes altogether */
  room(count: number, bytes: number): { bytes: Uint8Array; at: number; offsets: Int32Array; first: number };
}

/**
 * Decodes `count` values of a page.
 *
 * @throws RangeError where the page has fewer, or is encoded in a way that its type does not have
 */
export function decodeValues(
  type: LeafType,
  encoding: Encoding,
  cursor: ByteCursor,
  count: number,
  dictionary: Dictionary | undefined,
  sink: Sink,
): void {
  if (count === 0) return;
  const decode = decoderFor(type, encoding);
  if (decode === undefined)
    throw new RangeError(`a page of ${type.physical} is encoded as ${encoding}, which is not supported`);
  decode(cursor, count, type.width, sink, dictionary);
}

type Decode = (
  cursor: ByteCursor,
  count: number,
  width: number,
  sink: Sink,
  dictionary: Dictionary | undefined,
) => void;

/** Source: the table of encodings and types in Encodings.md of parquet-format. */
function decoderFor({ physical, width }: LeafType, encoding: Encoding): Decode | undefined {
  const isText = width === 0;
  const isBoolean = physical === 'BOOLEAN';
  switch (encoding) {
    case 'PLAIN':
      return isBoolean ? plainBooleans : isText ? plainTexts : plainFixed;
    case 'PLAIN_DICTIONARY':
    case 'RLE_DICTIONARY':
      return fromDictionary;
    case 'RLE':
      return isBoolean ? runsOfBooleans : undefined;
    case 'DELTA_BINARY_PACKED':
      return physical === 'INT32' || physical === 'INT64' ? deltas : undefined;
    case 'DELTA_LENGTH_BYTE_ARRAY':
      return isText ? deltaLengthTexts : undefined;
    case 'DELTA_BYTE_ARRAY':
      return isText || physical === 'FIXED_LEN_BYTE_ARRAY' ? deltaTexts : undefined;
    case 'BYTE_STREAM_SPLIT':
      return isText || isBoolean ? undefined : splitStreams;
    default:
      return undefined;
  }
}

function plainFixed(cursor: ByteCursor, count: number, width: number, sink: Sink): void {
  const from = cursor.skip(count * width);
  const { bytes, at } = sink.room(count, count * width);
  bytes.set(cursor.bytes.subarray(from, from + count * width), at);
}

function plainBooleans(cursor: ByteCursor, count: number, _width: number, sink: Sink): void {
  const from = cursor.skip(Math.ceil(count / 8));
  const { bytes, at } = sink.room(count, count);
  unpackBits(cursor.bytes, from, bytes, at, count);
}

/** A length in four bytes in front. */
function runsOfBooleans(cursor: ByteCursor, count: number, _width: number, sink: Sink): void {
  cursor.uint32();
  const { bytes, at } = sink.room(count, count);
  readHybrid(cursor, 1, bytes, at, count);
}

/** Each value with its length in four bytes in front. */
function plainTexts(cursor: ByteCursor, count: number, _width: number, sink: Sink): void {
  // They all lie in what is left: that is as much room as they can take.
  const most = cursor.end - cursor.at - 4 * count;
  if (most < 0) throw new RangeError('a page ends too early');
  const { bytes, at, offsets, first } = sink.room(count, most);
  let to = at;
  for (let i = 0; i < count; i++) {
    const length = cursor.uint32();
    const from = cursor.skip(length);
    copy(cursor.bytes, from, bytes, to, length);
    to += length;
    offsets[first + i + 1] = to;
  }
}

function deltas(cursor: ByteCursor, count: number, width: number, sink: Sink): void {
  const out = width === 4 ? new Int32Array(count) : new BigInt64Array(count);
  readDelta(cursor, out, count);
  const { bytes, at } = sink.room(count, count * width);
  bytes.set(new Uint8Array(out.buffer), at);
}

function deltaLengthTexts(cursor: ByteCursor, count: number, _width: number, sink: Sink): void {
  const lengths = readDeltaLengths(cursor, count);
  const total = sumOf(lengths);
  const from = cursor.skip(total);
  const { bytes, at, offsets, first } = sink.room(count, total);
  bytes.set(cursor.bytes.subarray(from, from + total), at);
  let to = at;
  for (let i = 0; i < count; i++) {
    to += lengths[i] as number;
    offsets[first + i + 1] = to;
  }
}

/** Each value begins with the first bytes of the one before. */
function deltaTexts(cursor: ByteCursor, count: number, width: number, sink: Sink): void {
  const prefixes = readDeltaLengths(cursor, count);
  const suffixes = readDeltaLengths(cursor, count);
  const total = checkText(sumOf(prefixes) + sumOf(suffixes));
  if (width > 0 && total !== count * width)
    throw new RangeError(`a page has ${total} bytes for ${count} values of ${width}`);
  const { bytes, at, offsets, first } = sink.room(count, total);
  let to = at;
  let before = 0;
  for (let i = 0; i < count; i++) {
    const prefix = prefixes[i] as number;
    const suffix = suffixes[i] as number;
    if (prefix > before) throw new RangeError(`a value begins with ${prefix} of ${before} bytes before it`);
    if (width > 0 && prefix + suffix !== width)
      throw new RangeError(`a page has a value of ${prefix + suffix} bytes where each has ${width}`);
    bytes.copyWithin(to, to - before, to - before + prefix);
    copy(cursor.bytes, cursor.skip(suffix), bytes, to + prefix, suffix);
    before = prefix + suffix;
    to += before;
    if (width === 0) offsets[first + i + 1] = to;
  }
}

/** First the first bytes of all values, then the second ones, and so on. */
function splitStreams(cursor: ByteCursor, count: number, width: number, sink: Sink): void {
  const from = cursor.skip(count * width);
  const { bytes, at } = sink.room(count, count * width);
  const source = cursor.bytes;
  for (let b = 0; b < width; b++) {
    const stream = from + b * count;
    for (let i = 0, to = at + b; i < count; i++, to += width) bytes[to] = source[stream + i] as number;
  }
}

/** Indices of one page: memory that serves again. */
let scratch = new Int32Array(0);
const MAX_SCRATCH = 1 << 20;

function indicesFor(count: number): Int32Array {
  if (count > MAX_SCRATCH) return new Int32Array(count);
  if (scratch.length < count) scratch = new Int32Array(count);
  return scratch.subarray(0, count);
}

function fromDictionary(
  cursor: ByteCursor,
  count: number,
  _width: number,
  sink: Sink,
  dictionary: Dictionary | undefined,
): void {
  if (dictionary === undefined) throw new RangeError('a page refers to a dictionary, and there is none');
  const bits = cursor.byte();
  const indices = indicesFor(count);
  readHybrid(cursor, bits, indices, 0, count);
  if (dictionary.width === 4) {
    wordsFrom(indices, dictionary, sink);
    return;
  }
  for (let i = 0; i < count; i++) checkIndex(indices[i] as number, dictionary.count);
  if (dictionary.offsets !== undefined) textsFrom(indices, dictionary.bytes, dictionary.offsets, sink);
  else fixedFrom(indices, dictionary, sink);
}

function checkIndex(index: number, size: number): void {
  // As unsigned: what was negative is too large.
  if (index >>> 0 >= size) throw new RangeError(`a page refers to value ${index} of a dictionary of ${size}`);
}

/** Most columns of a model are of four bytes: these are looked up as they are checked. */
function wordsFrom(indices: Int32Array, { bytes: source, count: size }: Dictionary, sink: Sink): void {
  const count = indices.length;
  const { bytes, at } = sink.room(count, count * 4);
  const from = new Uint32Array(source.buffer, source.byteOffset, source.byteLength >> 2);
  const to = new Uint32Array(bytes.buffer, bytes.byteOffset + at, count);
  for (let i = 0; i < count; i++) {
    const index = indices[i] as number;
    checkIndex(index, size);
    to[i] = from[index] as number;
  }
}

function textsFrom(indices: Int32Array, source: Uint8Array, begins: Int32Array, sink: Sink): void {
  let total = 0;
  for (const index of indices) total += (begins[index + 1] as number) - (begins[index] as number);
  const { bytes, at, offsets, first } = sink.room(indices.length, checkText(total));
  let to = at;
  for (let i = 0; i < indices.length; i++) {
    const from = begins[indices[i] as number] as number;
    const length = (begins[(indices[i] as number) + 1] as number) - from;
    copy(source, from, bytes, to, length);
    to += length;
    offsets[first + i + 1] = to;
  }
}

function fixedFrom(indices: Int32Array, { bytes: source, width }: Dictionary, sink: Sink): void {
  const count = indices.length;
  const { bytes, at } = sink.room(count, count * width);
  if (width === 8) {
    // In halves: these are aligned, and no value is boxed.
    const from = new Uint32Array(source.buffer, source.byteOffset, source.byteLength >> 2);
    const to = new Uint32Array(bytes.buffer, bytes.byteOffset + at, count * 2);
    for (let i = 0; i < count; i++) {
      const index = (indices[i] as number) * 2;
      to[i * 2] = from[index] as number;
      to[i * 2 + 1] = from[index + 1] as number;
    }
    return;
  }
  for (let i = 0; i < count; i++) copy(source, (indices[i] as number) * width, bytes, at + i * width, width);
}

/** Short ones byte by byte: a call costs more than twenty bytes do. */
function copy(source: Uint8Array, from: number, target: Uint8Array, to: number, length: number): void {
  if (length > 32) target.set(source.subarray(from, from + length), to);
  else for (let i = 0; i < length; i++) target[to + i] = source[from + i] as number;
}

function checkText(bytes: number): number {
  if (bytes > MAX_TEXT_BYTES)
    throw new RangeError(`a page has ${bytes} bytes of text, more than is supported (${MAX_TEXT_BYTES})`);
  return bytes;
}

function sumOf(values: Int32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
