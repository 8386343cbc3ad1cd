import type { Schema } from 'apache-arrow';
import { listLocal, openLocal } from '../storage/local.js';
import type { StoredObject } from '../storage/types.js';
import { DataError } from '../util/errors.js';
import { ArrowFile } from './arrow-file.js';
import type { BatchFile, Dataset, Split } from './types.js';

export interface SourceOptions {
  readonly uri: string;
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
 * Lists a source and cuts it into splits: runs of consecutive record batches of one file.
 *
 * @throws StorageError where nothing is there; DataError where a file is not what it should be, or the files'
 *   schemas differ
 */
export async function openDataset({ uri, limit }: SourceOptions): Promise<Dataset> {
  const objects = await listLocal(uri);
  const bytes = objects.reduce((sum, object) => sum + object.size, 0);
  const target = Math.min(MAX_SPLIT_BYTES, Math.max(MIN_SPLIT_BYTES, bytes / SPLITS_WANTED));
  const splits: Split[] = [];
  let schema: Schema | undefined;
  let left = limit ?? Number.POSITIVE_INFINITY;
  for (const object of objects) {
    const file = await ArrowFile.open(await openLocal(object), []);
    try {
      schema ??= file.schema;
      checkSameSchema(objects[0] as StoredObject, schema, object, file.schema);
      for (const { first, count } of cut(file, target)) {
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
  return { objects, schema: schema as Schema, splits, bytes };
}

/** Opens the file of a split, to read the named columns; those in `leave` may be left in the file: see `RawBatch`. */
export async function openSplitFile(
  object: StoredObject,
  columns: readonly string[],
  leave: ReadonlySet<string>,
): Promise<BatchFile> {
  return ArrowFile.open(await openLocal(object), columns, leave);
}

function cut(file: ArrowFile, targetBytes: number): { first: number; count: number }[] {
  const runs: { first: number; count: number }[] = [];
  let first = 0;
  let bytes = 0;
  file.blocks.forEach((block, index) => {
    bytes += block.bodyLength;
    if (bytes < targetBytes && index < file.blocks.length - 1) return;
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
