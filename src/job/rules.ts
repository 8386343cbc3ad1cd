import type { z } from 'zod';
import { codecsOf } from '../sink/codecs.js';
import type { Compression } from '../sink/types.js';
import { formatKey, type KeyPath, listOf, show } from './wording.js';

/** A combination of keys that can't be: `message` follows the key in a sentence. */
export interface Breach {
  readonly path: KeyPath;
  readonly message: string;
}

// Each rule is followed by what JSON Schema can say of it, as the keywords of its section.

export type Rule<T> = (value: T) => readonly Breach[];

/** A rule as the argument of zod's superRefine. */
export function obeys<T>(rule: Rule<T>) {
  return (value: T, context: z.RefinementCtx<T>): void => {
    for (const { path, message } of rule(value)) {
      context.addIssue({ code: 'custom', path: [...path], message });
    }
  };
}

/** Not access_key_id, which is a name, nor credential_path, which only says where the secret is. */
const SECRET =
  /secret|passw|token|credential|signature|(account|private|encryption|customer|api|shared)_?key/i;

/** Whether a key is one that holds a secret, in the words of the storages. */
export function isSecret(key: string): boolean {
  return SECRET.test(key) && !/(path|file)$/i.test(key);
}

export const noSecrets: Rule<Readonly<Record<string, unknown>>> = (storage) =>
  Object.keys(storage)
    .filter(isSecret)
    .map((key) => ({
      path: [key],
      message: 'is a secret, and secrets come from the environment only: take it out of the job file',
    }));

interface InputKeys {
  readonly from: string;
  readonly column?: string;
  readonly dtype?: string;
  readonly scale: number | readonly number[];
  readonly mean: number | readonly number[];
  readonly std: number | readonly number[];
  readonly channelAxis?: number;
  readonly transpose?: readonly number[];
  readonly oneHot?: number;
}

/** Scaled values have fractions, and Penstock never rounds a value silently. */
export const inputRule: Rule<InputKeys> = ({ from, column, dtype, scale, mean, std, ...input }) => {
  if (from !== 'values' && column !== undefined) {
    return [{ path: ['column'], message: `is not read for a ${from}, which is made of batch.lengthColumn` }];
  }
  const given = { scale: scale !== 1, mean: mean !== 0, std: std !== 1 };
  const changed = Object.entries(given).flatMap(([key, is]) => (is ? [key] : []));
  const { transpose, oneHot, channelAxis } = input;
  if (oneHot !== undefined) {
    const others = transpose === undefined ? changed : [...changed, 'transpose'];
    return others.map((key) => ({ path: [key], message: 'and oneHot exclude each other' }));
  }
  if (channelAxis !== undefined && [scale, mean, std].every((value) => typeof value === 'number')) {
    return [{ path: ['channelAxis'], message: 'is of use only where scale, mean or std is a list' }];
  }
  if (dtype === undefined || dtype.startsWith('float')) return [];
  return changed.map((key) => ({ path: [key], message: `needs a float tensor, and this one is ${dtype}` }));
};

export const permutation: Rule<readonly number[]> = (axes) => {
  if (axes.length > 0 && axes.every((_, axis) => axes.includes(axis))) return [];
  const expected = axes.map((_, axis) => axis).join(', ');
  return [{ path: [], message: `must have each of ${expected || 'the dimensions, from 0,'} once` }];
};

export interface BatchKeys {
  readonly size: number | 'auto';
  readonly order: string;
  readonly preferredSizes: readonly number[];
  readonly lengthColumn?: string;
  readonly buckets?: readonly number[];
  readonly maxTokens?: number;
}

export const batchRule: Rule<BatchKeys> = (batch) => {
  const { size, order, preferredSizes, lengthColumn, buckets, maxTokens } = batch;
  const breaches: Breach[] = [];
  if (size === 'auto' && order === 'fixed') {
    const message = 'can’t be auto in fixed order, which makes the same batches each time: give a number';
    breaches.push({ path: ['size'], message });
  }
  const largest = preferredSizes.at(-1);
  if (largest !== undefined && size !== 'auto' && largest > size) {
    breaches.push({
      path: ['preferredSizes'],
      message: `has ${largest}, more than batch.size, which is ${size}`,
    });
  }
  if (lengthColumn === undefined) {
    const message = 'needs batch.lengthColumn, the column that says how long a row is';
    if (buckets !== undefined) breaches.push({ path: ['buckets'], message });
    if (maxTokens !== undefined) breaches.push({ path: ['maxTokens'], message });
  }
  const longest = buckets?.at(-1);
  if (longest !== undefined && maxTokens !== undefined && maxTokens < longest) {
    const message = `of ${maxTokens} cannot hold one row of the longest bucket, ${longest}`;
    breaches.push({ path: ['maxTokens'], message });
  }
  return breaches;
};

export const batchKeywords = { dependencies: { buckets: ['lengthColumn'], maxTokens: ['lengthColumn'] } };

export const ascending: Rule<readonly number[]> = (buckets) => {
  const at = buckets.findIndex((bucket, index) => bucket <= (buckets[index - 1] ?? 0));
  if (at < 1) return [];
  return [{ path: [], message: `must ascend, but ${buckets[at]} comes after ${buckets[at - 1]}` }];
};

interface SinkKeys {
  readonly uri?: string;
  readonly format: string;
  readonly compression?: Compression;
}

export const sinkRule: Rule<SinkKeys> = ({ uri, format, compression }) => [
  ...(uri === undefined && format !== 'none'
    ? [
        {
          path: ['uri'],
          message: 'is missing: where to write; only with sink.format none is nothing written',
        },
      ]
    : []),
  ...(uri !== undefined && /^https?:/i.test(uri)
    ? [
        {
          path: ['uri'],
          message: 'is on a web server, which can only be read; write to a path, s3:, gs: or az:',
        },
      ]
    : []),
  ...codecBreaches(format, compression),
];

function codecBreaches(format: string, compression: Compression | undefined): Breach[] {
  const codecs = codecsOf(format);
  if (compression === undefined || codecs.length === 0 || codecs.includes(compression)) return [];
  const which = codecs.length === 1 ? 'is not compressed' : `is compressed with ${listOf(codecs, 'or')}`;
  return [{ path: ['compression'], message: `is ${show(compression)}, and ${format} ${which}` }];
}

const written = ['arrow', 'parquet', 'jsonl'] as const;

export const sinkKeywords = {
  if: { properties: { format: { const: 'none' } }, required: ['format'] },
  else: { required: ['uri'] },
  allOf: written.map((format) => ({
    if: { properties: { format: { const: format } }, ...(format !== 'arrow' && { required: ['format'] }) },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema, in an object that nobody awaits
    then: { properties: { compression: { enum: [...codecsOf(format)] } } },
  })),
};

interface JobKeys {
  readonly source: { readonly columns?: readonly string[] };
  readonly model: { readonly runtime: string };
  readonly inputs: Readonly<
    Record<string, { readonly column?: string; readonly dtype?: string; readonly shape?: readonly number[] }>
  >;
  readonly transform?: string;
  readonly batch: BatchKeys;
  readonly outputs?: Readonly<Record<string, { readonly as: string }>>;
  readonly sink: { readonly keep: readonly string[] };
}

/** The rules that span sections. */
export const jobRule: Rule<JobKeys> = (job) => [...simulatedInputs(job), ...columnsWrittenTwice(job)];

export const jobKeywords = {
  if: { properties: { model: { properties: { runtime: { const: 'simulated' } }, required: ['runtime'] } } },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema, in an object that nobody awaits
  then: {
    properties: {
      inputs: { type: 'object', minProperties: 1 },
    },
    required: ['inputs'],
  },
};

/** A simulated device has no model to ask for the names of its inputs. */
const simulatedInputs: Rule<JobKeys> = ({ model, inputs }) => {
  if (model.runtime !== 'simulated' || Object.keys(inputs).length > 0) return [];
  return [{ path: ['inputs'], message: 'must name the tensors for the simulated runtime' }];
};

const columnsWrittenTwice: Rule<JobKeys> = ({ outputs = {}, sink }) => {
  const writtenBy = new Map(sink.keep.map((column) => [column, 'sink.keep']));
  return Object.entries(outputs).flatMap(([name, { as }]) => {
    const other = writtenBy.get(as);
    if (other === undefined) {
      writtenBy.set(as, formatKey(['outputs', name]));
      return [];
    }
    return [
      { path: ['outputs', name, 'as'], message: `is ${show(as)}, a column that ${other} writes already` },
    ];
  });
};
