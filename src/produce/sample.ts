import type { RecordBatch } from 'apache-arrow';
import { openFile } from '../dataset/dataset.js';
import { emptyBatch } from '../dataset/empty.js';
import { remoteStorageAtRest } from '../storage/store.js';
import { DataError, messageOf, toRecord, UsageError } from '../util/errors.js';
import { widthsOf } from './column-widths.js';
import type { SampleResult, SampleTask } from './sample-types.js';
import { decodeSchema, encodeSchema } from './schema-bytes.js';
import { StopSignal } from './stop-signal.js';
import { Transform, type Transformed, TransformFailure } from './transform.js';
import { KEEP } from './transform-types.js';

/** Rows that are enough to tell what columns a transform makes. */
const SAMPLE_ROWS = 64;

/** Runs a transform on the first rows of a source, in a thread of the pool. */
export default async function sample(task: SampleTask): Promise<SampleResult> {
  using stopping = StopSignal.ofFlag(task.stop);
  const { signal } = stopping;
  try {
    const transform = await Transform.load(task.transform, { producer: 0, signal });
    try {
      const columns = columnsFor(transform, task);
      const { batch } = await sampleOf(transform, columns, task, signal);
      return {
        columns,
        types: encodeSchema(batch.schema),
        widths: encodeSchema(widthsOf(batch, new Set(columns), task.variable)),
      };
    } finally {
      await transform.teardown();
    }
  } catch (error) {
    return { error: toRecord(error) };
  } finally {
    // A thread that ends before its requests do would take the process with it.
    await remoteStorageAtRest();
  }
}

function columnsFor({ columns }: Transform, { schema, needed, projection, transform }: SampleTask): string[] {
  const all = decodeSchema(schema).fields.map(({ name }) => name);
  for (const column of columns ?? []) {
    if (all.includes(column)) continue;
    throw new UsageError(
      `transform: ${transform.url}: asks for column ${JSON.stringify(column)}; the source's columns are ${all.join(', ')}`,
      { key: 'transform', column },
    );
  }
  return [...new Set([...needed, ...(columns ?? projection ?? all)])];
}

async function sampleOf(
  transform: Transform,
  columns: readonly string[],
  { split, files, schema }: SampleTask,
  signal: AbortSignal,
): Promise<Transformed> {
  const uri = split?.object.uri ?? 'the source';
  const context = {
    producer: 0,
    signal,
    file: uri,
    split: split?.ordinal ?? 0,
    columns,
    keep: KEEP,
  } as const;
  if (split === undefined)
    return transform.apply(emptyBatch(decodeSchema(schema).select([...columns])), context);
  const file = await openFile(split.object, files, { columns });
  try {
    let batch: RecordBatch | undefined;
    for await (const raw of file.batches(split)) {
      batch = raw.decode();
      if (batch.numRows > 0) break;
    }
    if (batch === undefined) return transform.apply(emptyBatch(file.schema.select([...columns])), context);
    return await firstGood(transform, batch.slice(0, SAMPLE_ROWS), context, uri);
  } finally {
    await file.close();
  }
}

/** On all of the sample, or where there are bad rows in it, on the first that is not. */
async function firstGood(
  transform: Transform,
  batch: RecordBatch,
  context: Parameters<Transform['apply']>[1],
  uri: string,
): Promise<Transformed> {
  try {
    return await transform.apply(batch, context);
  } catch (failure) {
    if (failure instanceof DataError || context.signal.aborted) throw failure;
    for (let row = 0; row < batch.numRows; row++) {
      const alone = await transform.apply(batch.slice(row, row + 1), context).catch(() => undefined);
      if (alone !== undefined) return alone;
    }
    const why =
      failure instanceof TransformFailure ? failure.message : `the transform: ${messageOf(failure)}`;
    throw new DataError(`${uri}: rows 0 to ${batch.numRows - 1}: ${why}`, { file: uri, row: 0 });
  }
}
