import type { ObjectReader } from '../storage/types.js';
import { ArrowFile } from './arrow-file.js';
import { PARQUET_MAGIC } from './parquet/footer.js';
import { ParquetFile } from './parquet/parquet-file.js';
import type { DataFile, FileRequest } from './types.js';

/** How the files of a source are written. */
export interface Format {
  /** As the job file names it. */
  readonly name: string;
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
  open: (reader, { columns, leave }) => ArrowFile.open(reader, columns, leave),
};

const parquet: Format = {
  name: 'parquet',
  open: (reader, { columns }) => ParquetFile.open(reader, columns),
};

/** Every format that there is. A new one is a file of its own and a line here. */
const FORMATS: readonly Format[] = [arrow, parquet];

/** The format of a source by its name in the job file; `auto`: what the object itself says. */
export async function formatOf(name: string, reader: ObjectReader): Promise<Format> {
  const format = FORMATS.find((candidate) => candidate.name === name);
  if (format === undefined && (await beginsWith(reader, PARQUET_MAGIC))) return parquet;
  // Whatever it is, opening it as an Arrow file says so.
  return format ?? arrow;
}

async function beginsWith(reader: ObjectReader, magic: string): Promise<boolean> {
  if (reader.object.size < magic.length) return false;
  const head = new Uint8Array(magic.length);
  await reader.read(0, head);
  return Buffer.from(head).toString('latin1') === magic;
}

export function formatNamed(name: string): Format {
  const format = FORMATS.find((candidate) => candidate.name === name);
  if (format === undefined) throw new RangeError(`no format ${name}`);
  return format;
}
