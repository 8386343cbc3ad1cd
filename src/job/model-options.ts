import { suggest } from './suggest.js';
import { type KeyPath, listOf, show } from './wording.js';

/** What is wrong with an option: `message` follows the key in a sentence. */
interface Breach {
  readonly path: KeyPath;
  readonly message: string;
}

type Options = Readonly<Record<string, unknown>>;
type Kinds = Readonly<Record<string, OptionKind>>;

/** What an option may be: by itself, in words, and in JSON Schema. */
interface OptionKind {
  readonly fits: (value: unknown) => boolean;
  readonly expected: string;
  readonly schema: object;
  /** For a mapping of any names: what each value may be. */
  readonly each?: OptionKind;
  /** For a mapping of its own: its keys. */
  readonly keys?: Kinds;
}

const micros: OptionKind = {
  fits: (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0,
  expected: 'a number of microseconds, 0 or more',
  schema: { type: 'number', minimum: 0 },
};
const yesOrNo: OptionKind = {
  fits: (value) => typeof value === 'boolean',
  expected: 'true or false',
  schema: { type: 'boolean' },
};
const someText: OptionKind = {
  fits: (value) => typeof value === 'string' && value !== '',
  expected: 'text',
  schema: { type: 'string', minLength: 1 },
};
const texts: OptionKind = {
  fits: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  expected: 'a list of texts',
  schema: { type: 'array', items: { type: 'string' } },
};

function wholeNumber(least: number, most = 2 ** 31 - 1): OptionKind {
  return {
    fits: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
    expected:
      most === 2 ** 31 - 1 ? `a whole number, ${least} or more` : `a whole number from ${least} to ${most}`,
    schema: { type: 'integer', minimum: least, maximum: most },
  };
}

function oneOf(...words: readonly string[]): OptionKind {
  return {
    fits: (value) => words.includes(value as string),
    expected: listOf(words, 'or'),
    schema: { enum: words },
  };
}

const isMapping = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function mappingTo(each: OptionKind, expected: string): OptionKind {
  return {
    fits: isMapping,
    expected,
    schema: { type: 'object', additionalProperties: each.schema },
    each,
  };
}

function mappingOf(keys: Kinds): OptionKind {
  return { fits: isMapping, expected: 'a mapping', schema: schemaOf(keys), keys };
}

/** An entry of ONNX Runtime's configuration, which is text there, or a group of entries. */
const configEntry: OptionKind = {
  fits: (value) => ['string', 'number', 'boolean'].includes(typeof value) || isMapping(value),
  expected: 'text, a number, true or false, or a mapping of such',
  schema: { type: ['string', 'number', 'boolean', 'object'] },
  get each() {
    return configEntry;
  },
};

const cacheMode = oneOf('disabled', 'lazyRelease', 'simple', 'bucket');

/**
 * What the runtimes take as `model.options`. onnx: those of its options that onnxruntime-node heeds, and one that it
 * should and Penstock heeds for it (freeDimensionOverrides); of the providers' own options it heeds deviceId and webgpu's.
 */
const OPTIONS: Readonly<Record<string, Kinds>> = {
  onnx: {
    deviceId: wholeNumber(0),
    allowSoftware: yesOrNo,
    graphOptimizationLevel: oneOf('disabled', 'basic', 'extended', 'layout', 'all'),
    freeDimensionOverrides: mappingTo(wholeNumber(1), 'a mapping of names of dimensions to sizes'),
    intraOpNumThreads: wholeNumber(0),
    interOpNumThreads: wholeNumber(0),
    executionMode: oneOf('sequential', 'parallel'),
    enableCpuMemArena: yesOrNo,
    enableMemPattern: yesOrNo,
    optimizedModelFilePath: someText,
    enableProfiling: yesOrNo,
    profileFilePrefix: someText,
    logId: someText,
    logSeverityLevel: wholeNumber(0, 4),
    extra: mappingTo(configEntry, 'a mapping of entries of the session’s configuration'),
    webgpu: mappingOf({
      preferredLayout: oneOf('NCHW', 'NHWC'),
      forceCpuNodeNames: texts,
      validationMode: oneOf('disabled', 'wgpuOnly', 'basic', 'full'),
      enableRobustness: yesOrNo,
      storageBufferCacheMode: cacheMode,
      uniformBufferCacheMode: cacheMode,
      queryResolveBufferCacheMode: cacheMode,
      defaultBufferCacheMode: cacheMode,
    }),
  },
  simulated: { batchMicros: micros, rowMicros: micros },
  tensorflow: { allowSoftware: yesOrNo, wasmPath: someText, tags: texts, signature: someText },
};

/** What ONNX Runtime has as an option, and a job file as a key. */
const ELSEWHERE: Readonly<Record<string, string>> = { executionProviders: 'model.providers' };

/** Options that are paths: relative ones start where those of the job file do. */
export const PATH_OPTIONS: ReadonlySet<string> = new Set([
  'optimizedModelFilePath',
  'profileFilePrefix',
  'wasmPath',
]);

/** What is wrong with `model.options`. */
export function optionBreaches(runtime: string, options: Options): Breach[] {
  const kinds = OPTIONS[runtime];
  return kinds === undefined ? [] : breaches(kinds, options, ['options'], `the ${runtime} runtime`);
}

function breaches(kinds: Kinds, options: Options, at: KeyPath, owner: string): Breach[] {
  const names = Object.keys(kinds);
  return Object.entries(options).flatMap(([key, value]) => {
    const path = [...at, key];
    const kind = Object.hasOwn(kinds, key) ? kinds[key] : undefined;
    if (kind !== undefined) return valueBreaches(kind, value, path);
    const meant = suggest(key, names);
    const has = meant === undefined ? `it has ${listOf(names, 'and')}` : `did you mean ${meant}?`;
    const elsewhere = ELSEWHERE[key];
    if (elsewhere !== undefined)
      return [{ path, message: `is not an option of ${owner}; ${elsewhere} says it` }];
    return [{ path, message: `is not an option of ${owner}; ${has}` }];
  });
}

function valueBreaches(kind: OptionKind, value: unknown, path: KeyPath): Breach[] {
  const { fits, expected, each, keys } = kind;
  if (!fits(value)) return [{ path, message: `must be ${expected}, not ${show(value)}` }];
  if (keys !== undefined) return breaches(keys, value as Options, path, String(path.at(-1)));
  if (each === undefined || !isMapping(value)) return [];
  return Object.entries(value as Options).flatMap(([key, one]) => valueBreaches(each, one, [...path, key]));
}

function schemaOf(kinds: Kinds): object {
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(kinds).map(([key, { schema }]) => [key, schema])),
    additionalProperties: false,
  };
}

/** For the section `model` in JSON Schema: a runtime's own options; onnx is the runtime of a model that names none. */
export const optionKeywords = Object.entries(OPTIONS).map(([runtime, kinds]) => ({
  if: { properties: { runtime: { const: runtime } }, required: runtime === 'onnx' ? [] : ['runtime'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema, in an object that nobody awaits
  then: { properties: { options: schemaOf(kinds) } },
}));
