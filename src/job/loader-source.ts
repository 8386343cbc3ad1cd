import { RecordBatch, Schema } from 'apache-arrow';
import { openDataset } from '../dataset/dataset.js';
import type { Dataset } from '../dataset/types.js';
import type { FeedItem } from '../produce/feeder.js';
import { hasDictionary, leafOf } from '../produce/leaf.js';
import type { ModelTensor } from '../session/types.js';
import type { StorageAccess } from '../storage/access.js';
import type { DType } from '../util/dtype.js';
import { UsageError } from '../util/errors.js';
import { accessOf } from './access.js';
import { isAffine } from './elements.js';
import { type InputPlan, planInputs } from './inputs.js';
import { type LoaderSource, type ParsedLoaderOptions, parseFileSource } from './loader-options.js';
import { type RowHints, schemaOfRow } from './row-schema.js';
import type { InputSpec } from './schema.js';

/** A loader's source, opened as far as it must be to know its columns. */
export type OpenedSource =
  | {
      readonly kind: 'files';
      readonly dataset: Dataset;
      readonly access: StorageAccess;
      readonly schema: Schema;
      readonly name: string;
    }
  | {
      readonly kind: 'iterable';
      readonly items: AsyncIterableIterator<FeedItem>;
      /** Undefined where it yields nothing. */
      readonly schema: Schema | undefined;
      readonly name: string;
    };

export async function openSource(source: LoaderSource, options: ParsedLoaderOptions): Promise<OpenedSource> {
  if (typeof source === 'string') return openSource({ uri: source }, options);
  if (!isIterable(source)) {
    const { limit, filter, ...files } = parseFileSource(source);
    const access = accessOf(files);
    const dataset = await openDataset({
      uri: files.uri,
      access,
      ...(limit === undefined ? {} : { limit }),
      ...(filter === undefined ? {} : { filter }),
    });
    return { kind: 'files', dataset, access, schema: dataset.schema, name: source.uri };
  }
  if (options.transform !== undefined) {
    throw new UsageError(
      'transform: runs over files; rows of an iterable can be transformed before they are yielded',
      { key: 'transform' },
    );
  }
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  const first = await iterator.next();
  const inputs = Object.entries(options.inputs ?? {});
  const wanted = plainTypes(inputs);
  const hints = { variable: options.batch.lengthColumn !== undefined, wanted };
  const schema = first.done ? undefined : schemaOf(first.value, hints);
  return { kind: 'iterable', items: putBack(first, iterator), schema, name: 'the source' };
}

/**
 * Without a model, what the columns are is what the tensors are, unless `inputs` says otherwise.
 *
 * @throws UsageError where they do not fit, or no column can be a tensor
 */
export function planTensors(
  { inputs, batch }: ParsedLoaderOptions,
  schema: Schema,
  source: string,
): InputPlan {
  const { lengthColumn } = batch;
  const specs = inputs ?? defaultInputs(schema, lengthColumn);
  if (Object.keys(specs).length === 0) {
    const columns = schema.fields.map(({ name, type }) => `${name} (${type})`).join(', ');
    throw new UsageError(`${source}: no column holds numbers of a fixed shape; its columns are ${columns}`, {
      hint: 'Name the inputs; for lists of variable length give batch.lengthColumn too.',
    });
  }
  const model = Object.entries(specs).map(([name, spec]) => tensorOf(name, spec, schema));
  return planInputs({ inputs: specs, lengthColumn, source }, model, schema);
}

function defaultInputs(schema: Schema, lengthColumn: string | undefined): Record<string, InputSpec> {
  const fitting = schema.fields.filter(({ type }) => {
    const leaf = hasDictionary(type) ? undefined : leafOf(type);
    return leaf !== undefined && (leaf.width !== undefined || lengthColumn !== undefined);
  });
  const plain: InputSpec = { from: 'values', scale: 1, mean: 0, std: 1, pad: 0 };
  return Object.fromEntries(fitting.map(({ name }) => [name, plain]));
}

/** What plain numbers of columns are wanted as. */
function plainTypes(specs: readonly (readonly [string, InputSpec])[]): Map<string, DType> {
  return new Map(
    specs.flatMap(([name, { column = name, dtype, oneHot }]): [string, DType][] => {
      // Places of ones are whole numbers, whatever becomes of them.
      const plain = oneHot === undefined ? dtype : 'int32';
      return plain === undefined ? [] : [[column, plain]];
    }),
  );
}

/** The columns that tensors are made of, as far as they are known before there is a transform; and their types. */
export function neededColumns(
  { inputs, batch: { lengthColumn } }: ParsedLoaderOptions,
  schema: Schema,
): { needed: string[]; plain: Map<string, DType> } {
  const specs = Object.entries(inputs ?? defaultInputs(schema, lengthColumn));
  const needed = specs.map(([name, { column = name }]) => column);
  return {
    plain: plainTypes(specs),
    needed: lengthColumn === undefined ? needed : [...needed, lengthColumn],
  };
}

function tensorOf(name: string, spec: InputSpec, schema: Schema): ModelTensor {
  const { column = name, dtype, shape, from, oneHot } = spec;
  const field = schema.fields.find((candidate) => candidate.name === column);
  const stored = field && leafOf(field.type)?.dtype;
  const made = isAffine(spec) || oneHot !== undefined;
  const natural = from !== 'values' ? 'int64' : made ? 'float32' : stored;
  return { name, dtype: dtype ?? natural ?? 'float32', dims: shape && ['batch', ...shape] };
}

type Iterables = AsyncIterable<FeedItem> | Iterable<FeedItem>;

function isIterable(source: Exclude<LoaderSource, string>): source is Iterables {
  return Symbol.asyncIterator in source || Symbol.iterator in source;
}

function schemaOf(item: FeedItem, hints: RowHints): Schema {
  if (item instanceof RecordBatch) return item.schema;
  if (typeof item === 'object' && item !== null && 'schema' in item && item.schema instanceof Schema) {
    return item.schema;
  }
  return schemaOfRow(item, hints);
}

/** The iterator with an item that was looked at in front again. */
function putBack(
  first: IteratorResult<FeedItem>,
  iterator: AsyncIterator<FeedItem> | Iterator<FeedItem>,
): AsyncIterableIterator<FeedItem> {
  let pending: IteratorResult<FeedItem> | undefined = first;
  const again: AsyncIterableIterator<FeedItem> = {
    [Symbol.asyncIterator]: () => again,
    next: async () => {
      const item = pending ?? (await iterator.next());
      pending = undefined;
      return item;
    },
    return: async () => {
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
  return again;
}
