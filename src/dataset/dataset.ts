import type { Schema } from 'apache-arrow';
import { listObjects, openObject, PLAIN_ACCESS, type StorageAccess } from '../storage/store.js';
import type { StoredObject } from '../storage/types.js';
import { DataError } from '../util/errors.js';
import { columnsOf } from './filter/ast.js';
import { bindFilter } from './filter/bind.js';
import { FilteredFile } from './filter/filtered-file.js';
import { parseFilter } from './filter/parse.js';
import { type Format, formatNamed, formatOf } from './format.js';
import type { DataFile, Dataset, FileRequest, FileUnit, Split } from './types.js';

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

/**
 * Lists a source and cuts it into splits: runs of consecutive record batches of one file.
 *
 * @throws StorageError where nothing is there; DataError where a file is not what it should be, or the files'
 *   schemas differ; UsageError where the filter can't be parsed or does not fit the columns
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
  for (const object of objects) {
    const reader = await openObject(object, access);
    format ??= await formatOf(name, reader);
    const file = await format.open(reader, { columns: [] });
    try {
      if (schema === undefined) {
        schema = file.schema;
        if (expression !== undefined) bindFilter(expression, schema, filter as string);
      }
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
  return { format: (format as Format).name, objects, schema: schema as Schema, splits, bytes, filter };
}

/** How the files of a dataset are opened; clonable between threads. */
export interface FileAccess {
  /** The format's name. */
  readonly format: string;
  readonly storage: StorageAccess;
  /** Only rows for which this is true are given out. */
  readonly filter?: string | undefined;
}

/** Opens a file of a dataset. */
export async function openFile(
  object: StoredObject,
  { format: name, storage, filter }: FileAccess,
  request: FileRequest,
): Promise<DataFile> {
  const format = formatNamed(name);
  const reader = await openObject(object, storage);
  if (filter === undefined) return format.open(reader, request);
  const expression = parseFilter(filter);
  const { columns } = request;
  const decoded = columns && [...new Set([...columns, ...columnsOf(expression)])];
  // Nothing is left in the file: rows are picked from what is decoded.
  const file = await format.open(reader, decoded === undefined ? {} : { columns: decoded });
  return new FilteredFile(file, object.uri, bindFilter(expression, file.schema, filter), columns);
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
