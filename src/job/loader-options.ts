import { z } from 'zod';
import type { FeedItem } from '../produce/feeder.js';
import type { TypedArray } from '../util/dtype.js';
import { loaderBatch } from './batch-schema.js';
import { fail, faultsOf, phraseOf } from './faults.js';
import { autoOrWholeNumber, localPath, named, wholeNumber } from './fields.js';
import { input } from './input-schema.js';
import { resolveLocation } from './location.js';
import type { JobInput } from './schema.js';
import { source } from './source-schema.js';
import { withoutUndefined } from './without-undefined.js';

/** Files, with how they are read. */
export interface FileSource {
  /** A file, a directory or a glob, as a path or a URL; relative paths start at the working directory. */
  readonly uri: string;
  /** Rows to read at most, before the filter. */
  readonly limit?: number;
  /** Which rows to read: a predicate on columns, as in the job file. */
  readonly filter?: string;
  /** Options of remote storage, as in the job file. */
  readonly storage?: JobInput['source']['storage'];
  /** A cache of remote storage on a local disk, as in the job file. */
  readonly cache?: JobInput['source']['cache'];
}

/** Where a loader's rows come from. */
export type LoaderSource =
  /** A file, a directory or a glob, as a path or a URL; relative paths start at the working directory. */
  | string
  | FileSource
  /** Rows (`{ column: number | array of numbers }`), or Arrow record batches or tables. Read once. */
  | AsyncIterable<FeedItem>
  | Iterable<FeedItem>;

/** What `createLoader` reads, and what it makes of it. */
export interface LoaderOptions {
  /** Files, rows or record batches. */
  readonly source: LoaderSource;
  /**
   * Tensor name → what it is made of, as in the job file. By default every column of numbers, or of fixed-size lists of
   * numbers, becomes a tensor of its name, type and shape.
   */
  readonly inputs?: JobInput['inputs'];
  /**
   * A module whose default export runs in the producers on whole record batches, before they become tensors, as in the
   * job file: a path, which starts at the working directory, or a `file:` URL. For files only.
   */
  readonly transform?: string | URL;
  /** Size, delay, order and buckets, as in the job file. Default size: 64 rows. */
  readonly batch?: JobInput['batch'];
  /** Threads that read and collate. Default: a core less than there are, at most eight. An iterable needs none. */
  readonly producers?: number | 'auto';
  /** Batches that are made ready while you hold one. Default 7. Memory: `(prefetch + 1) × bytes of a batch`. */
  readonly prefetch?: number;
  /** Bytes that all batches together may take. Default: a quarter of the memory that the process may use. */
  readonly maxBytes?: number;
  /** Ends the iteration with an InterruptedError. */
  readonly signal?: AbortSignal;
}

/** One tensor of a batch: pass it on as `new Tensor(type, data, dims)`. */
export interface BatchTensor {
  /** Of its elements, as ONNX Runtime names it: `float32`, `uint8`, `int64`, … */
  readonly type: string;
  /** A view of shared memory, valid until the batch is released; `data.slice()` is a copy of your own. */
  readonly data: TypedArray;
  /** The batch dimension, which is `rows`, in front. */
  readonly dims: readonly number[];
}

/** Where a row comes from. */
export interface RowId {
  /** The split, in the order of the data set. */
  readonly split: number;
  /** The row, from the start of the split. */
  readonly row: number;
}

/** Rows of tensors, in memory that goes back to the loader with `release()`. */
export interface Batch extends Disposable {
  /** By the names of `inputs`. */
  readonly tensors: Readonly<Record<string, BatchTensor>>;
  /** How many rows: `batch.size`, or fewer where there was nothing more, or a bucket was not full. */
  readonly rows: number;
  /** One a row. */
  readonly ids: readonly RowId[];
  /** Gives the memory back: call it once you are done with `tensors`, or declare the batch with `using`. */
  release(): void;
}

/** Of the keys of an input, and of the options of a storage. */
const DEPTH = 3;

const optionsSchema = z.strictObject({
  inputs: named(input).exactOptional(),
  transform: z
    .union([localPath('a path or file: URL of a module'), z.instanceof(URL).transform(({ href }) => href)], {
      error: 'a path or file: URL of a module',
    })
    .exactOptional(),
  batch: loaderBatch.prefault({}),
  producers: autoOrWholeNumber().default('auto'),
  prefetch: wholeNumber(1, 255).default(7),
  maxBytes: wholeNumber(1).exactOptional(),
});

const fileOptionsSchema = z.strictObject({
  source: source.pick({ uri: true, limit: true, filter: true, storage: true, cache: true }),
});

export type ParsedFileSource = z.output<typeof fileOptionsSchema>['source'];

/** @throws UsageError that names the key */
export function parseFileSource(given: FileSource): ParsedFileSource {
  const options = withoutUndefined({ source: given }, DEPTH);
  const result = fileOptionsSchema.safeParse(options, { error: phraseOf });
  if (result.data === undefined) return fail(faultsOf(result.error, options), () => ({ prefix: '' }));
  const { uri, ...rest } = result.data.source;
  // Paths stay as they are given, so that messages name them so; only URLs of files must become paths.
  return { ...rest, uri: /^file:/i.test(uri) ? resolveLocation(uri, process.cwd()) : uri };
}

export type ParsedLoaderOptions = z.output<typeof optionsSchema>;

/** @throws UsageError that names the option */
export function parseLoaderOptions({
  source: _,
  signal: __,
  ...options
}: LoaderOptions): ParsedLoaderOptions {
  const given = withoutUndefined(options, DEPTH);
  const result = optionsSchema.safeParse(given, { error: phraseOf });
  if (result.success) return result.data;
  return fail(faultsOf(result.error, given), () => ({ prefix: '' }));
}
