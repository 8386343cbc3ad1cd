import path from 'node:path';
import type { z } from 'zod';
import { defaultProviders } from '../session/providers.js';
import { type Fault, fail, faultsOf, JOB, phraseOf, valueAt } from './faults.js';
import { resolveLocation } from './location.js';
import { PATH_OPTIONS } from './model-options.js';
import { type Job, jobSchema } from './schema.js';
import { withoutUndefined } from './without-undefined.js';
import { formatKey, type KeyPath } from './wording.js';
import { readDocument, type WrittenDocument } from './written-document.js';

/** How `loadJob` reads a job file. */
export interface LoadJobOptions {
  /**
   * Overrides as the command line takes them, `key.path=value`, the value in YAML: `batch.size=7`,
   * `source.columns=[id, pixels]`. The last one for a key holds. Relative paths start at the folder of the job file,
   * as those in the file do.
   */
  readonly set?: readonly string[];
}

/**
 * Reads a job file, YAML or JSON: checks it against the schema, fills in defaults, and makes relative paths absolute,
 * starting at the folder of the file. A job without a name is called as the file is, without its extension.
 *
 * @example
 * const job = await loadJob('job.yaml', { set: ['batch.size=128'] });
 *
 * @throws UsageError that names the file, the line and the key of everything that is wrong, a line each
 */
export async function loadJob(file: string, options: LoadJobOptions = {}): Promise<Job> {
  return check(await readDocument(file, options.set ?? [], JOB));
}

/** What an object does not tell by itself. */
export interface ParseJobOptions {
  /** Where relative paths start. Default: the current directory. */
  readonly baseDir?: string;
  /** The name of a job that has none. Default: `job`. */
  readonly name?: string;
}

/**
 * Does for an object what `loadJob` does for a file. A key that is undefined counts as left out.
 *
 * @example
 * const job = parseJob({ source: { uri: 'a.arrow' }, model: { uri: 'm.onnx' }, sink: { format: 'none' } });
 *
 * @throws UsageError that names the key of everything that is wrong, a line each
 */
export function parseJob(input: unknown, options: ParseJobOptions = {}): Job {
  const { baseDir = '.', name = 'job' } = options;
  return check({ value: input, baseDir: path.resolve(baseDir), name, originOf: () => ({ prefix: '' }) });
}

function check({ value, baseDir, name, originOf }: WrittenDocument): Job {
  const written = withoutUndefined(value, 3);
  const result = jobSchema.safeParse(written, { error: phraseOf });
  const faults = [
    ...unusableNames(written, SECTIONS_OF_NAMES),
    ...(result.error === undefined ? [] : faultsOf(result.error, written)),
  ];
  if (result.data === undefined || faults.length > 0) fail(faults, originOf);

  const job = valueAt(written, ['name']) === undefined ? { ...result.data, name } : result.data;
  return withAbsolutePaths(withLateDefaults(job), baseDir);
}

type Parsed = z.output<typeof jobSchema>;

/** Defaults that depend on other keys. */
function withLateDefaults({ outputs, model, ...job }: Parsed): Parsed & Pick<Job, 'model'> {
  const inputs: Parsed['inputs'] = { ...job.inputs };
  if (model.runtime === 'simulated') {
    for (const [name, input] of Object.entries(inputs)) inputs[name] = { dtype: 'float32', ...input };
  }
  const named = outputs !== undefined && Object.keys(outputs).length > 0;
  return { ...job, model: withProviders(model), inputs, ...(named && { outputs }) };
}

function withProviders(model: Parsed['model']): Parsed['model'] & Pick<Job['model'], 'providers'> {
  return { ...model, providers: model.providers ?? [...defaultProviders(model.runtime)] };
}

/** The section `model` of another document than a job. */
export function settleModel(model: Parsed['model'], baseDir: string): Job['model'] {
  return withAbsoluteModel(withProviders(model), baseDir);
}

function withAbsoluteModel(model: ReturnType<typeof withProviders>, baseDir: string): Job['model'] {
  const resolve = (location: string): string => resolveLocation(location, baseDir);
  return {
    ...model,
    ...(model.uri !== undefined && { uri: resolve(model.uri) }),
    options: Object.fromEntries(
      Object.entries(model.options).map(([key, value]) => [
        key,
        PATH_OPTIONS.has(key) && typeof value === 'string' ? resolve(value) : value,
      ]),
    ),
  };
}

function withAbsolutePaths(
  { source, model, sink, transform, ...job }: ReturnType<typeof withLateDefaults>,
  baseDir: string,
): Job {
  const resolve = (location: string): string => resolveLocation(location, baseDir);
  return {
    ...job,
    source: {
      ...source,
      uri: resolve(source.uri),
      ...(source.cache !== undefined && { cache: { ...source.cache, dir: resolve(source.cache.dir) } }),
    },
    model: withAbsoluteModel(model, baseDir),
    ...(transform !== undefined && { transform: resolve(transform) }),
    sink: { ...sink, ...(sink.uri !== undefined && { uri: resolve(sink.uri) }) },
  };
}

const SECTIONS_OF_NAMES: readonly KeyPath[] = [
  ['inputs'],
  ['outputs'],
  ['source', 'storage'],
  ['sink', 'storage'],
  ['model', 'options'],
];

/** Where users choose the names, zod drops this one without a word. */
export function unusableNames(written: unknown, sections: readonly KeyPath[]): Fault[] {
  return sections
    .map((section) => [...section, '__proto__'])
    .filter((key) => valueAt(written, key) !== undefined)
    .map((key) => ({ key, text: `${formatKey(key)} is a name that can't be used` }));
}
