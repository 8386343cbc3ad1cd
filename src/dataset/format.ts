import type { ObjectReader } from '../storage/types.js';
import { ArrowFile } from './arrow-file.js';
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

/** Every format that there is. A new one is a file of its own and a line here. */
const FORMATS: readonly Format[] = [arrow];

/** The format of a source by its name in the job file; `auto`: what the object itself says. */
export async function formatOf(name: string, _reader: ObjectReader): Promise<Format> {
  const format = FORMATS.find((candidate) => candidate.name === name);
  // Whatever it is, opening it as an Arrow file says so.
  return format ?? arrow;
}

export function formatNamed(name: string): Format {
  const format = FORMATS.find((candidate) => candidate.name === name);
  if (format === undefined) throw new RangeError(`no format ${name}`);
  return format;
}
