import type { ObjectReader } from '../storage/types.js';
import { ArrowFile } from './arrow-file.js';
import { claimsFile, claimsStream } from './arrow-sniff.js';
import { ArrowStream } from './arrow-stream.js';
import { claimsParquet } from './parquet/magic.js';
import type { DataFile, FileRequest } from './types.js';

/** How the files of a source are written. */
export interface Format {
  /** As the job file names it. */
  readonly name: string;
  /** Whether an object of `size` bytes that begins with these is of this format. */
  claims(head: Uint8Array, size: number): boolean;
  /**
   * Opens a file, as far as it must be to know its schema and units. Takes over the reader: closes it with the file, and
   * also where opening fails.
   *
   * @throws DataError where the file is not of this format, or damaged
   */
  open(reader: ObjectReader, request: FileRequest): Promise<DataFile>;
}

const arrow: Format = {
  name: 'arrow',
  claims: claimsFile,
  open: (reader, request) => ArrowFile.open(reader, request),
};

const arrowStream: Format = {
  name: 'arrow-stream',
  claims: claimsStream,
  open: (reader, request) => ArrowStream.open(reader, request),
};

const parquet: Format = {
  name: 'parquet',
  claims: claimsParquet,
  // Loaded on first use: threads that read Arrow start sooner without it.
  open: async (reader, { columns }) =>
    (await import('./parquet/parquet-file.js')).ParquetFile.open(reader, columns),
};

/** Every format that there is, those with a plainer mark first. A new one is a file of its own and a line here. */
const FORMATS: readonly Format[] = [arrow, parquet, arrowStream];

/** What of an object is looked at to tell its format. */
const HEAD_BYTES = 16;

/**
 * The format of an object by its name in the job file; `auto`: what the object itself says, whatever its name ends with.
 * Undefined where it says nothing that is known.
 */
export async function formatOf(name: string, reader: ObjectReader): Promise<Format | undefined> {
  if (name !== 'auto') return formatNamed(name);
  const { size } = reader.object;
  const head = new Uint8Array(Math.min(size, HEAD_BYTES));
  if (size > 0) await reader.read(0, head);
  return FORMATS.find((format) => format.claims(head, size));
}

/** Opening a file that is of no known format as this one says what the file is instead. */
export const FALLBACK: Format = arrow;

export function formatNamed(name: string): Format {
  const format = FORMATS.find((candidate) => candidate.name === name);
  if (format === undefined) throw new RangeError(`no format ${name}`);
  return format;
}
