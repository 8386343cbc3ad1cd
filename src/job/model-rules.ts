import { numberedProviders } from '../session/providers.js';
import type { Breach, Rule } from './rules.js';
import { suggest } from './suggest.js';
import { listOf, show } from './wording.js';

// The rules of the section `model`, and what JSON Schema can say of them.

/** What an option may be: by itself, in words, and in JSON Schema. */
interface OptionKind {
  readonly fits: (value: unknown) => boolean;
  readonly expected: string;
  readonly schema: object;
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

const deviceNumber: OptionKind = {
  fits: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0,
  expected: 'a whole number, 0 or more',
  schema: { type: 'integer', minimum: 0 },
};

/** What the runtimes take as `model.options`; ONNX Runtime is handed whatever else there is. */
const OPTIONS: Readonly<Record<string, Readonly<Record<string, OptionKind>>>> = {
  simulated: { batchMicros: micros, rowMicros: micros },
  tensorflow: { allowSoftware: yesOrNo, wasmPath: someText, tags: texts, signature: someText },
  onnx: { deviceId: deviceNumber },
};
const takesOthers = (runtime: string): boolean => runtime === 'onnx';

interface ModelKeys {
  readonly uri?: string;
  readonly runtime: string;
  readonly providers?: readonly string[];
  readonly devices?: readonly number[];
  readonly options: Readonly<Record<string, unknown>>;
}

export const modelRule: Rule<ModelKeys> = (model) => [
  ...(model.runtime === 'simulated' || model.uri !== undefined
    ? []
    : [{ path: ['uri'], message: `is missing: the ${model.runtime} runtime needs a model to run` }]),
  ...optionBreaches(model),
  ...deviceBreaches(model),
];

/** Whether a list of devices asks for no more than any provider has. */
export function isOnlyFirst(devices: readonly number[]): boolean {
  return devices.every((device) => device === 0);
}

function deviceBreaches({ runtime, providers = [], devices, options }: ModelKeys): Breach[] {
  const path = ['devices'];
  if (devices === undefined) return [];
  if (runtime === 'onnx' && options.deviceId !== undefined) {
    return [{ path, message: 'and model.options.deviceId exclude each other: devices alone says it all' }];
  }
  if (runtime === 'simulated' || isOnlyFirst(devices)) return [];
  const numbered = numberedProviders(runtime);
  if (numbered.some((provider) => providers.includes(provider))) return [];
  const why =
    numbered.length === 0
      ? `the ${runtime} runtime can't be told which device to run on`
      : `of the providers only ${listOf(numbered, 'and')} can be told which device to run on, and model.providers has none of them`;
  return [{ path, message: `must be [0] or left out: ${why}` }];
}

function optionBreaches({ runtime, options }: ModelKeys): Breach[] {
  const kinds = OPTIONS[runtime];
  if (kinds === undefined) return [];
  const names = Object.keys(kinds);
  return Object.entries(options).flatMap(([key, value]) => {
    const path = ['options', key];
    const kind = Object.hasOwn(kinds, key) ? kinds[key] : undefined;
    if (kind === undefined) {
      if (takesOthers(runtime)) return [];
      const meant = suggest(key, names);
      const has = meant === undefined ? `it has ${listOf(names, 'and')}` : `did you mean ${meant}?`;
      return [{ path, message: `is not an option of the ${runtime} runtime; ${has}` }];
    }
    return kind.fits(value) ? [] : [{ path, message: `must be ${kind.expected}, not ${show(value)}` }];
  });
}

/** onnx is what a model without a runtime has. */
const ofRuntime = (runtime: string) => ({
  properties: { runtime: { const: runtime } },
  required: runtime === 'onnx' ? [] : ['runtime'],
});

const onNumberedDevices = {
  properties: {
    runtime: { const: 'onnx' },
    providers: { type: 'array', contains: { enum: numberedProviders('onnx') } },
  },
  required: ['providers'],
};

export const modelKeywords = {
  allOf: [
    { if: ofRuntime('simulated'), else: { required: ['uri'] } },
    {
      if: { anyOf: [ofRuntime('simulated'), onNumberedDevices] },
      else: { properties: { devices: { type: 'array', items: { const: 0 } } } },
    },
    {
      if: { ...ofRuntime('onnx'), required: ['devices'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema, in an object that nobody awaits
      then: { properties: { options: { type: 'object', not: { required: ['deviceId'] } } } },
    },
    ...Object.entries(OPTIONS).map(([runtime, kinds]) => ({
      if: ofRuntime(runtime),
      // biome-ignore lint/suspicious/noThenProperty: as above
      then: {
        properties: {
          options: {
            type: 'object',
            properties: Object.fromEntries(Object.entries(kinds).map(([key, { schema }]) => [key, schema])),
            additionalProperties: takesOthers(runtime),
          },
        },
      },
    })),
  ],
};
