import type { Schema } from 'apache-arrow';
import { listObjects, openObject, PLAIN_ACCESS, type StorageAccess } from '../storage/store.js';
import type { ObjectReader, StoredObject } from '../storage/types.js';
import { DataError } from '../util/errors.js';
import { FALLBACK, type Format, formatNamed, formatOf } from './format.js';
import type { DataFile, Dataset, FileRequest, FileUnit, Split } from './types.js';

export interface SourceOptions {
  readonly uri: string;
  /** The format's name; by default what the files themselves say. */
  readonly format?: string;
  readonly access?: StorageAccess;
  /** Rows at most, from the start; all where left out. */
  readonly limit?: number;
}

/*
 * Splits are sized by the data alone, never by the machine, so that a job resumes on another one: about 64 of them,
 * within these bounds. Small ones would make many parts; large ones make a retry dear and outputs wait long.
 */
const SPLITS_WANTED = 64;
const MIN_SPLIT_BYTES = 256 * 1024;
const MAX_SPLIT_BYTES = 16 * 1024 * 1024;

/**
 * Lists a source and cuts it into splits: runs of consecutive units of one file.
 *
 * @throws StorageError where nothing is there; DataError where a file is not what it should be, or the files'
 *   formats or schemas differ
 */
export async function openDataset({
  uri,
  format: name = 'auto',
  access = PLAIN_ACCESS,
  limit,
}: SourceOptions): Promise<Dataset> {
  const objects = await listObjects(uri, access);
  const bytes = objects.reduce((sum, object) => sum + object.size, 0);
  const target = Math.min(MAX_SPLIT_BYTES, Math.max(MIN_SPLIT_BYTES, bytes / SPLITS_WANTED));
  const splits: Split[] = [];
  let schema: Schema | undefined;
  let format: Format | undefined;
  let left = limit ?? Number.POSITIVE_INFINITY;
  for (const object of objects) {
    const reader = await openObject(object, access);
    format = await sameFormat(name, reader, format, objects[0] as StoredObject);
    const file = await format.open(reader, { columns: [] });
    try {
      schema ??= file.schema;
      checkSameSchema(objects[0] as StoredObject, schema, object, file.schema);
      for (const { first, count } of cut(file.units, target)) {
        if (left <= 0) break;
        const split = { ordinal: splits.length, object, first, count };
        // Only a limit needs the number of rows beforehand; it costs a read of each record batch's metadata.
        const rows =
          limit === undefined ? 0 : (await file.rowsBefore(first + count)) - (await file.rowsBefore(first));
        splits.push(rows > left ? { ...split, limit: left } : split);
        left -= rows;
      }
    } finally {
      await file.close();
    }
  }
  return { format: (format as Format).name, objects, schema: schema as Schema, splits, bytes };
}

/** The format of a file, which must be that of the files before it. Closes the reader where it is not. */
async function sameFormat(
  name: string,
  reader: ObjectReader,
  before: Format | undefined,
  first: StoredObject,
): Promise<Format> {
  try {
    const format = (await formatOf(name, reader)) ?? before ?? FALLBACK;
    if (before === undefined || before === format) return format;
    const { uri } = reader.object;
    throw new DataError(
      `${uri}: is of format ${format.name}, and ${first.uri} of format ${before.name}; the files of a source need the same format`,
      { file: uri, hint: 'Name the files of one of them in source.uri, for instance with a glob.' },
    );
  } catch (cause) {
    await reader.close();
    throw cause;
  }
}

/** How the files of a dataset are opened; clonable between threads. */
export interface FileAccess {
  /** The format's name. */
  readonly format: string;
  readonly storage: StorageAccess;
}

/** Opens a file of a dataset. */
export async function openFile(
  object: StoredObject,
  { format, storage }: FileAccess,
  request: FileRequest,
): Promise<DataFile> {
  return formatNamed(format).open(await openObject(object, storage), request);
}

function cut(units: readonly FileUnit[], targetBytes: number): { first: number; count: number }[] {
  const runs: { first: number; count: number }[] = [];
  let first = 0;
  let bytes = 0;
  units.forEach((unit, index) => {
    bytes += unit.bytes;
    if (bytes < targetBytes && index < units.length - 1) return;
    runs.push({ first, count: index + 1 - first });
    first = index + 1;
    bytes = 0;
  });
  return runs;
}

function checkSameSchema(
  firstObject: StoredObject,
  first: Schema,
  object: StoredObject,
  schema: Schema,
): void {
  for (const field of first.fields) {
    const other = schema.fields.find(({ name }) => name === field.name);
    if (other !== undefined && String(other.type) === String(field.type)) continue;
    const found = other === undefined ? 'has no such column' : `has it as ${other.type}`;
    throw new DataError(
      `${object.uri}: column ${JSON.stringify(field.name)} is ${field.type} in ${firstObject.uri}, and this file ${found}; ` +
        'the files of a source need the same schema',
      { file: object.uri, column: field.name },
    );
  }
}
