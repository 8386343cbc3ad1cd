import path from 'node:path';
import { fail, faultsOf, type Kind, phraseOf, valueAt } from '../job/faults.js';
import { type JsonSchema, jsonSchemaOf } from '../job/json-schema.js';
import { settleModel, unusableNames } from '../job/load.js';
import { resolveLocation } from '../job/location.js';
import { withoutUndefined } from '../job/without-undefined.js';
import { readDocument, type WrittenDocument } from '../job/written-document.js';
import { type ServeConfig, serveSchema } from './schema.js';

let generated: JsonSchema | undefined;

/** The JSON Schema of the configuration of `penstock serve`, for editors and other tools. See `jobJsonSchema`. */
export function serveJsonSchema(): JsonSchema {
  generated ??= jsonSchemaOf(serveSchema, {
    $id: 'urn:penstock:schema:serve',
    title: 'Penstock serve configuration',
    description: 'Models that are served to online requests, and jobs that run beside them. YAML or JSON.',
  });
  return generated;
}

const SERVE: Kind = {
  thing: 'a configuration',
  file: 'a serve configuration',
  schema: serveJsonSchema,
  begin: 'Write at least a model, as in models: { digits: { model: { uri: digits.onnx } } }.',
  mark: 'models',
  other: { mark: 'source', file: 'a job file', command: 'run' },
};

/** How `loadServeConfig` reads a configuration. */
export interface LoadServeOptions {
  /** Overrides as the command line takes them: see `LoadJobOptions`. */
  readonly set?: readonly string[];
}

/**
 * Reads the configuration of a server, YAML or JSON: checks it, fills in defaults, and makes relative paths absolute,
 * starting at the folder of the file.
 *
 * @example
 * const config = await loadServeConfig('serve.yaml', { set: ['listen.port=0'] });
 *
 * @throws UsageError that names the file, the line and the key of everything that is wrong, a line each
 */
export async function loadServeConfig(file: string, options: LoadServeOptions = {}): Promise<ServeConfig> {
  return check(await readDocument(file, options.set ?? [], SERVE));
}

/** What an object does not tell by itself. */
export interface ParseServeOptions {
  /** Where relative paths start. Default: the current directory. */
  readonly baseDir?: string;
  /** The name of a server that has none. Default: `serve`. */
  readonly name?: string;
}

/**
 * Does for an object what `loadServeConfig` does for a file. A key that is undefined counts as left out.
 *
 * @example
 * const config = parseServeConfig({ models: { digits: { model: { uri: 'digits.onnx' } } } });
 *
 * @throws UsageError that names the key of everything that is wrong, a line each
 */
export function parseServeConfig(input: unknown, options: ParseServeOptions = {}): ServeConfig {
  const { baseDir = '.', name = 'serve' } = options;
  return check({ value: input, baseDir: path.resolve(baseDir), name, originOf: () => ({ prefix: '' }) });
}

const DEPTH = 5;

function check({ value, baseDir, name, originOf }: WrittenDocument): ServeConfig {
  const written = withoutUndefined(value, DEPTH);
  const result = serveSchema.safeParse(written, { error: phraseOf });
  const named = Object.keys(Object(valueAt(written, ['models']))).flatMap((model) =>
    ['inputs', 'endpoints'].map((section) => ['models', model, section]),
  );
  const faults = [
    ...unusableNames(written, [['models'], ...named]),
    ...(result.error === undefined ? [] : faultsOf(result.error, written, SERVE)),
  ];
  if (result.data === undefined || faults.length > 0) fail(faults, originOf);
  const { models, jobs, ...rest } = result.data;
  return {
    ...rest,
    name: valueAt(written, ['name']) === undefined ? name : rest.name,
    models: Object.fromEntries(
      Object.entries(models).map(([model, served]) => [model, settle(model, served, baseDir)]),
    ),
    jobs: jobs.map(({ job, ...how }) => ({ job: resolveLocation(job, baseDir), ...how })),
  };
}

type Written = ReturnType<typeof serveSchema.parse>['models'][string];

/** Defaults that depend on other keys. */
function settle(name: string, served: Written, baseDir: string): ServeConfig['models'][string] {
  const { model, inputs, endpoints } = served;
  const isSimulated = model.runtime === 'simulated';
  return {
    ...served,
    model: settleModel(model, baseDir),
    inputs: Object.fromEntries(
      Object.entries(inputs).map(([input, spec]) => [
        input,
        isSimulated ? { dtype: 'float32', ...spec } : spec,
      ]),
    ),
    endpoints:
      Object.keys(endpoints).length > 0
        ? endpoints
        : { [name]: { priority: 1, weight: 1, deadlineMs: null } },
  };
}
