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

/** With what it is for, which editors and the reference of the job file show. */
function about(kind: OptionKind, description: string): OptionKind {
  return { ...kind, schema: { ...kind.schema, description } };
}

/**
 * What the runtimes take as `model.options`. onnx: those of its options that onnxruntime-node heeds, and one that it
 * should and Penstock heeds for it (freeDimensionOverrides); of the providers' own options it heeds deviceId and webgpu's.
 */
const OPTIONS: Readonly<Record<string, Kinds>> = {
  onnx: {
    deviceId: about(wholeNumber(0), 'Which of the GPUs, from 0, for cuda, tensorrt and dml. By default 0.'),
    allowSoftware: about(yesOrNo, 'Takes webgpu even where the adapter is software. By default false.'),
    graphOptimizationLevel: about(
      oneOf('disabled', 'basic', 'extended', 'layout', 'all'),
      'How far the graph is rewritten when it is loaded. By default all.',
    ),
    freeDimensionOverrides: about(
      mappingTo(wholeNumber(1), 'a mapping of names of dimensions to sizes'),
      'Sizes of dimensions that the model leaves open, by their names; one of the batch fixes the size of batches.',
    ),
    intraOpNumThreads: about(
      wholeNumber(0),
      'Threads of one run on the CPU. By default what the producers and other instances leave.',
    ),
    interOpNumThreads: about(
      wholeNumber(0),
      'Branches of the graph that run side by side, where executionMode is parallel.',
    ),
    executionMode: about(
      oneOf('sequential', 'parallel'),
      'parallel: branches of the graph run side by side. By default sequential.',
    ),
    enableCpuMemArena: about(yesOrNo, 'Keeps memory for the next run. By default true.'),
    enableMemPattern: about(yesOrNo, 'Plans memory by the shapes of the run before. By default true.'),
    optimizedModelFilePath: about(someText, 'Where to write the model as it is after optimisation.'),
    enableProfiling: about(
      yesOrNo,
      'Writes a trace of ONNX Runtime’s own when the job ends. By default false.',
    ),
    profileFilePrefix: about(someText, 'What the name of that trace begins with.'),
    logId: about(someText, 'What lines of ONNX Runtime’s log begin with.'),
    logSeverityLevel: about(
      wholeNumber(0, 4),
      'The least that ONNX Runtime logs, from 0, everything, to 4, which is the default: what is fatal.',
    ),
    extra: about(
      mappingTo(configEntry, 'a mapping of entries of the session’s configuration'),
      'Entries of the session’s configuration, such as session.set_denormal_as_zero.',
    ),
    webgpu: about(
      mappingOf({
        preferredLayout: about(oneOf('NCHW', 'NHWC'), 'How images lie in memory.'),
        forceCpuNodeNames: about(texts, 'Names of nodes that run on the CPU.'),
        validationMode: about(
          oneOf('disabled', 'wgpuOnly', 'basic', 'full'),
          'How much WebGPU checks what it is told.',
        ),
        enableRobustness: about(yesOrNo, 'Checks of bounds in shaders.'),
        storageBufferCacheMode: about(cacheMode, 'How buffers of tensors are kept for later.'),
        uniformBufferCacheMode: about(cacheMode, 'How buffers of parameters are kept for later.'),
        queryResolveBufferCacheMode: about(cacheMode, 'How buffers of timings are kept for later.'),
        defaultBufferCacheMode: about(cacheMode, 'How all other buffers are kept for later.'),
      }),
      'Options of the provider webgpu.',
    ),
  },
  simulated: {
    batchMicros: about(micros, 'Microseconds that a batch takes, whatever its rows. By default 0.'),
    rowMicros: about(micros, 'Microseconds that each row of a batch adds. By default 0.'),
  },
  tensorflow: {
    allowSoftware: about(yesOrNo, 'Takes webgpu even where the adapter is software. By default false.'),
    wasmPath: about(someText, 'The folder of the WebAssembly files. By default that of the package.'),
    tags: about(texts, 'Which graph of a SavedModel. By default serve.'),
    signature: about(someText, 'Which of its signatures. By default serving_default.'),
  },
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
