import { DeviceError } from '../../util/errors.js';
import type { SessionSpec } from '../types.js';
import type { Provider } from './providers.js';

/*
 * What ONNX Runtime says when a model does not load, in the words of those who have to do something about it.
 */

/** A model that is none fails on every provider; what the others say is about themselves. */
export function loadFailure(uri: string, provider: Provider, spec: SessionSpec, said: string): DeviceError {
  const { name } = provider;
  const sentence = withoutSource(said);
  const known = KNOWN.flatMap(({ said, means }) => {
    const match = said.exec(sentence);
    return match === null ? [] : [means(match)];
  })[0];
  if (known !== undefined) return new DeviceError(`${uri}: ${known.what}`, { file: uri, hint: known.hint });
  if (name === 'cpu' || /load model from|protobuf|invalid model/i.test(said)) {
    return new DeviceError(`${uri}: is no model that ONNX Runtime can load: ${sentence}`, {
      file: uri,
      hint: 'Check model.uri and model.runtime.',
    });
  }
  const device = provider.deviceId(spec);
  const shown = device.startsWith(name) ? device : `${name} on ${device}`;
  return new DeviceError(`${shown} does not start: ${sentence}`, {
    key: 'model.providers',
    hint: 'penstock doctor tells what is missing; cpu runs everywhere.',
  });
}

interface Known {
  readonly said: RegExp;
  means(match: RegExpExecArray): { readonly what: string; readonly hint: string };
}

const KNOWN: readonly Known[] = [
  {
    said: /Opset (\d+) is under development.* support for domain (\S+) is till opset (\d+)/s,
    means: ([, has, domain, most]) => ({
      what: `is of opset ${has} of ${domain}, and this ONNX Runtime goes up to ${most}`,
      hint: `Export it with opset ${most} or lower.`,
    }),
  },
  {
    said: /Unsupported model IR version: (\d+), max supported IR version: (\d+)/,
    means: ([, has, most]) => ({
      what: `is written in version ${has} of ONNX's format, and this ONNX Runtime goes up to ${most}`,
      hint: 'Save it with an older release of the onnx package.',
    }),
  },
  {
    said: /^Unsupported data type: (\d+)$/,
    means: ([, type]) => ({
      what: `has an input or output of ${TYPES[Number(type)] ?? `type ${type}`}, which is not supported`,
      hint: 'Export it with a Cast within, so that it takes and gives float32.',
    }),
  },
  {
    said: /^open file "(.+)" failed: (.+)/,
    means: ([, file, why]) => ({
      what: `can't be written optimised to ${file}: ${why}`,
      hint: 'Check model.options.optimizedModelFilePath.',
    }),
  },
];

/** Element types that onnxruntime-node has no tensors of, by ONNX Runtime's numbers. */
const TYPES: Readonly<Record<number, string>> = {
  14: 'complex64',
  15: 'complex128',
  16: 'bfloat16',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  21: 'uint4',
  22: 'int4',
  23: 'float4e2m1',
  24: 'uint2',
  25: 'int2',
  26: 'float8e8m0',
};

/** The file is named already, and places in ONNX Runtime's source mean nothing to its users. */
function withoutSource(said: string): string {
  const sentence = said.replace(/^.*?Load model from .*? failed:/s, '');
  const place = /(?:\S*\/)?\w+\.(?:cc|h):\d+ /.exec(sentence);
  if (place === null) return sentence;
  const after = sentence.slice(place.index + place[0].length);
  const rest = after.slice(signatureEnd(after)).replace(/^.* was false\. /, '');
  return sentence.slice(0, place.index) + rest.trim();
}

/** Behind a function's name with its parameters, or its bare name. */
function signatureEnd(text: string): number {
  const open = text.indexOf('(');
  const name = /^\w+ /.exec(text)?.[0].length ?? 0;
  if (open < 0 || !/^[^(]*::[^(]*$/.test(text.slice(0, open))) return name;
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0)
      return at + 1 + (/^ const/.exec(text.slice(at + 1))?.[0].length ?? 0);
  }
  return name;
}
