import { pathToFileURL } from 'node:url';
import type { Schema } from 'apache-arrow';
import type { Dataset } from '../dataset/types.js';
import type { Producers } from '../produce/producers.js';
import { decodeSchema, encodeSchema } from '../produce/schema-bytes.js';
import type { ProducerContext } from '../produce/types.js';
import type { StorageAccess } from '../storage/access.js';
import type { DType } from '../util/dtype.js';

/** What is asked of a transform. */
export interface TransformRequest {
  /** A path, or a `file:` URL. */
  readonly module: string;
  readonly access: StorageAccess;
  /** Columns that the stream is made of, whether they are the source's or the transform's. */
  readonly needed: readonly string[];
  /** `source.columns` */
  readonly projection: readonly string[] | undefined;
  readonly lengthColumn: string | undefined;
  /** What tensors are made of columns: plain numbers in them become that. */
  readonly plain: ReadonlyMap<string, DType>;
}

/** A source's columns as they are behind the transform. */
export interface TransformedSource {
  readonly schema: Schema;
  readonly transform: ProducerContext['transform'];
}

/**
 * Tries a transform on the first rows of a source, in a producer's thread, to learn which columns it makes.
 *
 * @throws what the module or reading fails with
 */
export async function planTransform(
  producers: Producers,
  { splits, schema, format }: Dataset,
  { module, access, needed, projection, lengthColumn, plain }: TransformRequest,
  signal: AbortSignal | undefined,
): Promise<TransformedSource> {
  const url = module.startsWith('file:') ? module : pathToFileURL(module).href;
  const sample = await producers.sample(
    {
      transform: { url, plain },
      files: { format, storage: access },
      schema: encodeSchema(schema),
      split: splits[0],
      needed: needed.filter((name) => schema.fields.some((field) => field.name === name)),
      projection,
      variable: lengthColumn !== undefined,
    },
    signal,
  );
  return {
    schema: decodeSchema(sample.widths),
    transform: { plan: { url, plain, columns: sample.columns }, types: sample.types },
  };
}
