import { numberedProviders } from '../session/providers.js';
import { optionBreaches, optionKeywords } from './model-options.js';
import type { Breach, Rule } from './rules.js';
import { listOf } from './wording.js';

// The rules of the section `model`, and what JSON Schema can say of them.

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
  ...optionBreaches(model.runtime, model.options),
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
    ...optionKeywords,
  ],
};
