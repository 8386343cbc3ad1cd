import { type FileMetaData, parquetMetadata } from 'hyparquet';
import type { ObjectReader, StoredObject } from '../../storage/types.js';
import { DataError, messageOf } from '../../util/errors.js';
import { corrupt } from '../arrow-errors.js';
import { ENCRYPTED_MAGIC, PARQUET_MAGIC } from './magic.js';
import { checkThrift } from './thrift.js';

/** Length of the metadata, and magic. */
const TAIL_BYTES = 8;
const HEAD_BYTES = 4;
/** Read at once in the hope that the footer is in it: one round trip instead of two. */
const FIRST_READ = 64 * 1024;

/** One column of one row group, as far as it is checked: it lies within the file. */
export interface ColumnChunk {
  readonly path: readonly string[];
  readonly codec: string;
  readonly start: number;
  readonly bytes: number;
  /** Once decompressed. */
  readonly uncompressed: number;
  /** Entries, nulls and empty lists included. */
  readonly values: number;
  readonly statistics: ColumnStatistics | undefined;
}

export interface ColumnStatistics {
  readonly min: unknown;
  readonly max: unknown;
  readonly nulls: number | undefined;
}

export interface RowGroup {
  readonly rows: number;
  /** Of all columns, as they are stored. */
  readonly bytes: number;
  readonly columns: readonly ColumnChunk[];
}

export interface ParquetFooter {
  readonly elements: FileMetaData['schema'];
  readonly rowGroups: readonly RowGroup[];
  readonly keyValues: ReadonlyMap<string, string>;
}

/** The footer of a Parquet file; a DataError that says what the file is instead, where it is none. */
export async function readParquetFooter(reader: ObjectReader): Promise<ParquetFooter> {
  const { object } = reader;
  const { uri, size } = object;
  if (size === 0) {
    throw new DataError(`${uri}: the file is empty; expected a Parquet file`, {
      file: uri,
      hint: 'Check how it was written or copied.',
    });
  }
  let tail = new Uint8Array(Math.min(size, FIRST_READ));
  await reader.read(size - tail.length, tail);
  checkMagic(object, tail);
  const length = new DataView(tail.buffer).getUint32(tail.length - TAIL_BYTES, true);
  if (length === 0 || length > size - TAIL_BYTES - HEAD_BYTES) {
    throw corrupt(object, `its footer claims ${length} bytes of a file of ${size}`);
  }
  if (length + TAIL_BYTES > tail.length) {
    tail = new Uint8Array(length + TAIL_BYTES);
    await reader.read(size - tail.length, tail);
  }
  try {
    checkThrift(tail.subarray(0, -TAIL_BYTES), tail.length - TAIL_BYTES - length);
    // Statistics are wanted as they are stored: whole numbers of days, of microseconds, and so on.
    const parsers = {
      dateFromDays: (days: number) => days,
      timestampFromMilliseconds: (millis: bigint) => millis,
      timestampFromMicroseconds: (micros: bigint) => micros,
      timestampFromNanoseconds: (nanos: bigint) => nanos,
      uuidFromBytes: (bytes: Uint8Array) => bytes,
      stringFromBytes: (bytes: Uint8Array) => bytes,
    };
    return parse(object, parquetMetadata(tail, { parsers: parsers as never, geoparquet: false }));
  } catch (cause) {
    throw corrupt(object, `its footer can't be decoded: ${messageOf(cause)}`, cause);
  }
}

function checkMagic(object: StoredObject, tail: Uint8Array): void {
  const { uri, size } = object;
  const end = text(tail.subarray(-4));
  if (end === ENCRYPTED_MAGIC) throw encrypted(object);
  if (end === PARQUET_MAGIC && size >= TAIL_BYTES + HEAD_BYTES) return;
  const head = text(tail.subarray(0, 4));
  const whole = tail.length === size;
  if (whole && head !== PARQUET_MAGIC) {
    const is = head === 'ARRO' ? 'an Arrow file' : `not a Parquet file: it begins with ${shown(head)}`;
    throw new DataError(`${uri}: is ${is}; expected a Parquet file, which begins and ends with "PAR1"`, {
      file: uri,
      ...(head === 'ARRO' && { hint: 'Set source.format to arrow, or to auto.' }),
    });
  }
  throw new DataError(
    `${uri}: is no Parquet file, or a truncated one: it has ${size} bytes and does not end with "PAR1"`,
    { file: uri, hint: 'Copy or write it again; or set source.format to what it is, or to auto.' },
  );
}

function parse(object: StoredObject, metadata: FileMetaData): ParquetFooter {
  const { schema, row_groups: groups, key_value_metadata: pairs = [] } = metadata;
  if (schema.length === 0) throw new RangeError('it has no schema');
  return {
    elements: schema,
    rowGroups: groups.map((group, index) => parseGroup(object, group, `row group ${index}`)),
    keyValues: new Map(pairs.map(({ key, value }) => [key, value ?? ''])),
  };
}

function parseGroup(object: StoredObject, group: FileMetaData['row_groups'][number], what: string): RowGroup {
  const rows = wholeNumber(group.num_rows, `the rows of ${what}`);
  const columns = group.columns.map((column, index) => {
    const where = `${what}, column ${index}`;
    if (column.crypto_metadata !== undefined) throw encrypted(object);
    const { meta_data: meta, file_path: path } = column;
    if (meta === undefined) throw new RangeError(`${where} has no metadata`);
    if (path !== undefined) {
      throw new DataError(`${object.uri}: its columns lie in other files (${path}), which is not supported`, {
        file: object.uri,
      });
    }
    // Without rows there need be no page, and some writers then give places where none is.
    const bytes = rows === 0 ? 0 : wholeNumber(meta.total_compressed_size, `the bytes of ${where}`);
    const data = wholeNumber(meta.data_page_offset, `the place of ${where}`);
    // Old writers say 0 where there is no dictionary.
    const dictionary = Number(meta.dictionary_page_offset ?? 0);
    const start = rows === 0 ? HEAD_BYTES : dictionary > 0 && dictionary < data ? dictionary : data;
    if (start < HEAD_BYTES || start + bytes > object.size - TAIL_BYTES) {
      throw new RangeError(
        `${where} is said to lie at bytes ${start} to ${start + bytes} of a file of ${object.size}`,
      );
    }
    const values = wholeNumber(meta.num_values, `the values of ${where}`);
    const uncompressed = wholeNumber(meta.total_uncompressed_size, `the decompressed bytes of ${where}`);
    return {
      path: meta.path_in_schema,
      codec: meta.codec,
      start,
      bytes,
      uncompressed,
      values,
      statistics: parseStatistics(meta.statistics),
    };
  });
  return { rows, bytes: columns.reduce((sum, { bytes }) => sum + bytes, 0), columns };
}

/** Only the newer min_value and max_value: how the older min and max were ordered depends on the writer. */
function parseStatistics(
  statistics: NonNullable<FileMetaData['row_groups'][number]['columns'][number]['meta_data']>['statistics'],
): ColumnStatistics | undefined {
  if (statistics === undefined) return undefined;
  const { min_value: min, max_value: max, null_count: nulls } = statistics;
  return { min, max, nulls: nulls === undefined ? undefined : Number(nulls) };
}

function wholeNumber(value: unknown, what: string): number {
  const number = Number(value);
  if (!(Number.isSafeInteger(number) && number >= 0)) throw new RangeError(`${what} are said to be ${value}`);
  return number;
}

function encrypted({ uri }: StoredObject): DataError {
  return new DataError(`${uri}: is encrypted, which is not supported`, {
    file: uri,
    hint: 'Write it without encryption, on storage that encrypts.',
  });
}

const text = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

const shown = (head: string): string => JSON.stringify(head.replace(/[^\x20-\x7e]/g, '.'));
