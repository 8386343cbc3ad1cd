import type { Schema } from 'apache-arrow';
import { PLAIN_ACCESS, type StorageAccess } from '../storage/access.js';
import { listObjects, openObject } from '../storage/store.js';
import type { ObjectReader, StoredObject } from '../storage/types.js';
import { isRemote } from '../storage/uri.js';
import { inOrder } from '../util/ahead.js';
import { DataError } from '../util/errors.js';
import { columnsOf } from './filter/ast.js';
import { bindFilter } from './filter/bind.js';
import { FilteredFile } from './filter/filtered-file.js';
import { parseFilter } from './filter/parse.js';
import { FALLBACK, type Format, formatNamed, formatOf } from './format.js';
import type { BatchRange, DataFile, Dataset, FileRequest, FileUnit, Split } from './types.js';

export interface SourceOptions {
  readonly uri: string;
  /** The format's name; by default what the files themselves say. */
  readonly format?: string;
  readonly access?: StorageAccess;
  /** Rows at most, from the start; all where left out. Rows that the filter leaves out count. */
  readonly limit?: number;
  /** Which rows are wanted: a predicate on columns, as in SQL. */
  readonly filter?: string;
}

/*
 * Splits are sized by the data alone, never by the machine, so that a job resumes on another one: about 64 of them,
 * within these bounds. Small ones would make many parts; large ones make a retry dear and outputs wait long.
 */
const SPLITS_WANTED = 64;
const MIN_SPLIT_BYTES = 256 * 1024;
const MAX_SPLIT_BYTES = 16 * 1024 * 1024;

/** Files that are opened at the same time: from remote storage as many as hide that each takes a while. */
const REMOTE_AT_ONCE = 64;
const LOCAL_AT_ONCE = 8;

/**
 * Lists a source and cuts it into splits: runs of consecutive units of one file.
 *
 * @throws StorageError where nothing is there; DataError where a file is not what it should be, or the files'
 *   formats or schemas differ; UsageError where the filter can't be parsed or does not fit the columns
 */
export async function openDataset({
  uri,
  format: name = 'auto',
  access = PLAIN_ACCESS,
  limit,
  filter,
}: SourceOptions): Promise<Dataset> {
  const expression = filter === undefined ? undefined : parseFilter(filter);
  const objects = await listObjects(uri, access);
  const bytes = objects.reduce((sum, object) => sum + object.size, 0);
  const target = Math.min(MAX_SPLIT_BYTES, Math.max(MIN_SPLIT_BYTES, bytes / SPLITS_WANTED));
  const splits: Split[] = [];
  let schema: Schema | undefined;
  let format: Format | undefined;
  let left = limit ?? Number.POSITIVE_INFINITY;
  const look = async (object: StoredObject): Promise<Looked> => {
    const reader = await openObject(object, access);
    format = await sameFormat(name, reader, format, objects[0] as StoredObject);
    const file = await format.open(reader, { columns: [] });
    try {
      const runs = cut(file.units, target);
      // Only a limit needs the number of rows beforehand; it costs a read of each record batch's metadata.
      const rows = limit === undefined || left <= 0 ? [] : await rowsOf(file, runs, left);
      return { object, schema: file.schema, runs, rows };
    } finally {
      await file.close();
    }
  };
  const [head, ...others] = objects as [StoredObject, ...StoredObject[]];
  // The first alone: it says what the others have to be.
  for (const some of [[head], others]) {
    for await (const file of inOrder(some, isRemote(uri) ? REMOTE_AT_ONCE : LOCAL_AT_ONCE, look)) {
      if (schema === undefined) {
        schema = file.schema;
        if (expression !== undefined) bindFilter(expression, schema, filter as string);
      }
      checkSameSchema(head, schema, file.object, file.schema);
      for (const [index, run] of file.runs.entries()) {
        if (left <= 0) break;
        const rows = file.rows[index] ?? 0;
        const split = { ordinal: splits.length, object: file.object, ...run };
        splits.push(rows > left ? { ...split, limit: left } : split);
        left -= rows;
      }
    }
  }
  return {
    format: (format as unknown as Format).name,
    objects,
    schema: schema as Schema,
    splits,
    bytes,
    filter,
  };
}

/** What the splits of a file are made of. */
interface Looked {
  readonly object: StoredObject;
  readonly schema: Schema;
  readonly runs: readonly Run[];
  /** Of each run, as far as they are needed for a limit. */
  readonly rows: readonly number[];
}

/** A run of units. */
interface Run extends BatchRange {
  readonly bytes: number;
}

/** Of each run its rows, until they are as many as are wanted. */
async function rowsOf(file: DataFile, runs: readonly Run[], wanted: number): Promise<number[]> {
  const rows: number[] = [];
  let sum = 0;
  for (const { first, count } of runs) {
    if (sum >= wanted) break;
    const before = await file.rowsBefore(first + count);
    rows.push(before - sum);
    sum = before;
  }
  return rows;
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
  /** Only rows for which this is true are given out. */
  readonly filter?: string | undefined;
}

/** Opens a file of a dataset. `signal` ends what is under way, and is thrown as what it was aborted with. */
export async function openFile(
  object: StoredObject,
  { format: name, storage, filter }: FileAccess,
  request: FileRequest,
  signal?: AbortSignal,
): Promise<DataFile> {
  const format = formatNamed(name);
  const reader = await openObject(object, storage, signal);
  if (filter === undefined) return format.open(reader, request);
  const expression = parseFilter(filter);
  const { columns } = request;
  const decoded = columns && [...new Set([...columns, ...columnsOf(expression)])];
  // Nothing is left in the file: rows are picked from what is decoded.
  const file = await format.open(reader, decoded === undefined ? {} : { columns: decoded });
  return new FilteredFile(file, object.uri, bindFilter(expression, file.schema, filter), columns);
}

function cut(units: readonly FileUnit[], targetBytes: number): Run[] {
  const runs: Run[] = [];
  let first = 0;
  let bytes = 0;
  units.forEach((unit, index) => {
    bytes += unit.bytes;
    if (bytes < targetBytes && index < units.length - 1) return;
    runs.push({ first, count: index + 1 - first, bytes });
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
