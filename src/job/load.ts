import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import { defaultProviders } from '../session/providers.js';
import { messageOf, UsageError } from '../util/errors.js';
import { readYaml } from './document.js';
import { type Fault, fail, faultsOf, notAJob, type Origin, phraseOf, valueAt } from './faults.js';
import { resolveLocation } from './location.js';
import { PATH_OPTIONS } from './model-options.js';
import { parseOverride, touches, withOverride } from './overrides.js';
import { type Job, jobSchema } from './schema.js';
import { formatKey, type KeyPath } from './wording.js';

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
  const yaml = readYaml(await readText(file));
  const at = (line: number): Origin => ({ prefix: `${file}:${line}: `, file, line });
  if (yaml.faults.length > 0) {
    const origins = new Map<Fault, Origin>(yaml.faults.map((fault) => [fault, at(fault.line)]));
    fail(yaml.faults, (fault) => origins.get(fault) ?? at(1));
  }
  if (yaml.value === null) throw new UsageError(`${file}: is empty`, { file });
  if (typeof yaml.value !== 'object' || Array.isArray(yaml.value)) {
    fail([{ key: [], text: notAJob(yaml.value) }], () => at(yaml.lineOf([])));
  }

  const overrides = (options.set ?? []).map(parseOverride);
  return check(overrides.reduce(withOverride, yaml.value), {
    baseDir: path.dirname(path.resolve(file)),
    name: path.parse(file).name,
    originOf: ({ key }) => {
      const override = overrides.findLast((candidate) => touches(candidate, key));
      return override === undefined ? at(yaml.lineOf(key)) : { prefix: `${override.shown}: ` };
    },
  });
}

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
  return check(input, { baseDir: path.resolve(baseDir), name, originOf: () => ({ prefix: '' }) });
}

interface Context {
  readonly baseDir: string;
  readonly name: string;
  readonly originOf: (fault: Fault) => Origin;
}

function check(input: unknown, { baseDir, name, originOf }: Context): Job {
  const written = withoutUndefined(input, 3);
  const result = jobSchema.safeParse(written, { error: phraseOf });
  const faults = [
    ...unusableNames(written),
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
  const providers = model.providers ?? [...defaultProviders(model.runtime)];
  return { ...job, model: { ...model, providers }, inputs, ...(named && { outputs }) };
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
    model: {
      ...model,
      ...(model.uri !== undefined && { uri: resolve(model.uri) }),
      options: Object.fromEntries(
        Object.entries(model.options).map(([key, value]) => [
          key,
          PATH_OPTIONS.has(key) && typeof value === 'string' ? resolve(value) : value,
        ]),
      ),
    },
    ...(transform !== undefined && { transform: resolve(transform) }),
    sink: { ...sink, ...(sink.uri !== undefined && { uri: resolve(sink.uri) }) },
  };
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'is a folder, expected a job file',
};

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = valueAt(cause, ['code']);
    const known = typeof code === 'string' ? UNREADABLE[code] : undefined;
    throw new UsageError(`${file}: ${known ?? `can't be read: ${messageOf(cause)}`}`, { file, cause });
  }
}

/** `limit: flags.limit` with no limit is how JavaScript leaves a key out. No section lies deeper than `depth`. */
function withoutUndefined(value: unknown, depth: number): unknown {
  if (depth === 0 || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([key, field]) => [key, withoutUndefined(field, depth - 1)]),
  );
}

/** Where users choose the names, zod drops this one without a word. */
function unusableNames(job: unknown): Fault[] {
  const sections: KeyPath[] = [
    ['inputs'],
    ['outputs'],
    ['source', 'storage'],
    ['sink', 'storage'],
    ['model', 'options'],
  ];
  return sections
    .map((section) => [...section, '__proto__'])
    .filter((key) => valueAt(job, key) !== undefined)
    .map((key) => ({ key, text: `${formatKey(key)} is a name that can't be used` }));
}
