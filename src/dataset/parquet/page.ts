import { crc32 } from 'node:zlib';
import type { DataPageHeader, Encoding, PageHeader } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import type { Decompress } from './codecs.js';
import { ByteCursor } from './hybrid.js';

/** Pages have a megabyte as a rule, and some writers make one of a whole row group. */
const MAX_PAGE_BYTES = 1 << 30;
const MAX_PAGE_VALUES = 1 << 27;

type DataPageHeaderV2 = NonNullable<PageHeader['data_page_header_v2']>;

/** The header of a page, checked. */
export interface Page {
  readonly header: PageHeader;
  /** As they are stored. */
  readonly bytes: number;
}

/** A data page, decompressed: its levels and its values, still encoded. */
export interface DataPage {
  /** Entries, nulls and empty lists included. */
  readonly entries: number;
  readonly encoding: Encoding;
  readonly reps: ByteCursor | undefined;
  readonly defs: ByteCursor | undefined;
  /** Levels are bit-packed without runs, most significant bit first: the way of 2013. */
  readonly packedLevels: boolean;
  readonly values: ByteCursor;
}

/** @param uncompressed bytes that the column chunk has once it is decompressed */
export function parsePage(bytes: Uint8Array, uncompressed: number): Page {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = parquetHeader({ view, offset: 0 });
  const { compressed_page_size: stored, uncompressed_page_size: size } = header;
  if (!(Number.isInteger(stored) && stored >= 0)) throw new RangeError(`a page claims ${stored} bytes`);
  if (!(Number.isInteger(size) && size >= 0 && size <= Math.min(uncompressed, MAX_PAGE_BYTES)))
    throw new RangeError(`a page claims ${size} bytes decompressed, and its column ${uncompressed}`);
  return { header, bytes: stored };
}

/** What can be told is checked: a page with a checksum that is not its own is damaged. */
export function checkCrc({ crc }: PageHeader, body: Uint8Array): void {
  // Node has crc32 from 20.15 on.
  if (crc === undefined || crc32(body) === crc >>> 0) return;
  throw new RangeError('a page is not what its checksum says');
}

export function openDataPage(
  { header }: Page,
  body: Uint8Array,
  levels: { readonly maxDef: number; readonly maxRep: number },
  decompress: Decompress,
): DataPage {
  if (header.data_page_header_v2 !== undefined)
    return openV2(header, header.data_page_header_v2, body, decompress);
  if (header.data_page_header === undefined) throw new RangeError('a page has no header of its kind');
  return openV1(header, header.data_page_header, body, levels, decompress);
}

function openV1(
  { uncompressed_page_size: size }: PageHeader,
  header: DataPageHeader,
  body: Uint8Array,
  { maxDef, maxRep }: { readonly maxDef: number; readonly maxRep: number },
  decompress: Decompress,
): DataPage {
  const entries = countOf(header.num_values);
  const cursor = new ByteCursor(decompress(body, size));
  const packed = [header.definition_level_encoding, header.repetition_level_encoding].includes('BIT_PACKED');
  const levels = (max: number): ByteCursor | undefined => {
    if (max === 0) return undefined;
    const length = packed ? Math.ceil((entries * bitsFor(max)) / 8) : cursor.uint32();
    const at = cursor.skip(length);
    return new ByteCursor(cursor.bytes, at, at + length);
  };
  const reps = levels(maxRep);
  const defs = levels(maxDef);
  return { entries, encoding: header.encoding, reps, defs, packedLevels: packed, values: cursor };
}

function openV2(
  { uncompressed_page_size: size }: PageHeader,
  header: DataPageHeaderV2,
  body: Uint8Array,
  decompress: Decompress,
): DataPage {
  const { repetition_levels_byte_length: repBytes, definition_levels_byte_length: defBytes } = header;
  const cursor = new ByteCursor(body);
  const repsAt = cursor.skip(repBytes);
  const defsAt = cursor.skip(defBytes);
  const left = size - repBytes - defBytes;
  if (!(left >= 0)) throw new RangeError(`a page of ${size} bytes claims more bytes of levels`);
  const rest = cursor.rest();
  // A page without values may be stored as nothing at all.
  const isPlain = header.is_compressed === false || (left === 0 && rest.length === 0);
  if (isPlain && rest.length !== left) throw new RangeError(`a page has ${rest.length} bytes for ${left}`);
  return {
    entries: countOf(header.num_values),
    encoding: header.encoding,
    reps: new ByteCursor(body, repsAt, repsAt + repBytes),
    defs: new ByteCursor(body, defsAt, defsAt + defBytes),
    packedLevels: false,
    values: new ByteCursor(isPlain ? rest : decompress(rest, left)),
  };
}

/** Bits that a level of at most `max` takes. */
export const bitsFor = (max: number): number => 32 - Math.clz32(max);

export function countOf(values: number): number {
  if (!(Number.isInteger(values) && values >= 0 && values <= MAX_PAGE_VALUES))
    throw new RangeError(`a page claims ${values} values`);
  return values;
}
