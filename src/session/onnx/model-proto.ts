import { type Bytes, bytesField, bytesOf, fieldsOf, integerField, MalformedError } from './protobuf.js';

/*
 * What Penstock itself reads in an ONNX model. Numbers of fields are those of
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
 */

/** A weight that is kept in a file of its own. */
export interface ExternalTensor {
  readonly name: string;
  /** Relative to the model's folder, with slashes. */
  readonly location: string;
  readonly offset: number;
  /** Undefined where neither the model says it nor its type does. */
  readonly byteLength: number | undefined;
}

/** Where tensors are, from the model downwards: field numbers of messages by the message that has them. */
const PARTS = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparseTensor' },
  function: { 7: 'node' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparseTensor', 23: 'sparseTensor' },
  sparseTensor: { 1: 'tensor', 2: 'tensor' },
  tensor: {},
} as const satisfies Record<string, Record<number, string>>;

type Part = keyof typeof PARTS;

/** As deep as Protocol Buffers themselves go. */
const MAX_DEPTH = 100;

/**
 * The tensors of a model that lie in other files, those of subgraphs and functions among them.
 *
 * @throws MalformedError where the bytes are no model
 */
export function externalTensors(model: Bytes): ExternalTensor[] {
  const found: ExternalTensor[] = [];
  const walk = (part: Part, start: number, end: number, depth: number): void => {
    if (depth > MAX_DEPTH) throw new MalformedError('too deep');
    if (part === 'tensor') {
      const tensor = externalTensor(model, start, end);
      if (tensor !== undefined) found.push(tensor);
      return;
    }
    const parts: Readonly<Record<number, Part>> = PARTS[part];
    for (const field of fieldsOf(model, start, end)) {
      const inner = parts[field.number];
      if (inner !== undefined && field.value === undefined) walk(inner, field.start, field.end, depth + 1);
    }
  };
  walk('model', 0, model.length, 0);
  return found;
}

const Tensor = { dims: 1, type: 2, name: 8, externalData: 13, dataLocation: 14 } as const;
const EXTERNAL = 1;

function externalTensor(model: Bytes, start: number, end: number): ExternalTensor | undefined {
  let name = '';
  let type = 0;
  let isExternal = false;
  const dims: number[] = [];
  const entries = new Map<string, string>();
  for (const field of fieldsOf(model, start, end)) {
    const { number, value } = field;
    if (number === Tensor.dims) dims.push(...(value === undefined ? packed(model, field) : [value]));
    else if (number === Tensor.type) type = value ?? 0;
    else if (number === Tensor.dataLocation) isExternal = value === EXTERNAL;
    else if (number === Tensor.name) name = textIn(model, field);
    else if (number === Tensor.externalData) {
      const { key, text } = entryIn(model, field);
      entries.set(key, text);
    }
  }
  if (!isExternal) return undefined;
  const length = entries.get('length');
  return {
    name,
    location: entries.get('location') ?? '',
    offset: Number(entries.get('offset') ?? 0),
    byteLength: length === undefined ? byteLength(type, dims) : Number(length),
  };
}

/** Bits of an element, by the number of its type. */
const BITS: Readonly<Record<number, number>> = {
  ...{ 1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128 },
  ...{ 16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2 },
};

function byteLength(type: number, dims: readonly number[]): number | undefined {
  const bits = BITS[type];
  return bits === undefined ? undefined : Math.ceil((dims.reduce((size, dim) => size * dim, 1) * bits) / 8);
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Numbers that stand one after another: fields without their heads. */
function packed(bytes: Bytes, { start, end }: Range): number[] {
  const numbers: number[] = [];
  let value = 0;
  let scale = 1;
  for (let at = start; at < end; at++) {
    const byte = bytes.at(at);
    value += (byte & 127) * scale;
    scale *= 128;
    if (byte >= 128) continue;
    numbers.push(value);
    value = 0;
    scale = 1;
  }
  return numbers;
}

/** Names are short; whatever is longer is none. */
const MAX_TEXT_BYTES = 64 * 1024;

function textIn(bytes: Bytes, { start, end }: Range): string {
  if (end - start > MAX_TEXT_BYTES) throw new MalformedError('a text without an end');
  return bytes.slice(start, end).toString('utf8');
}

function entryIn(bytes: Bytes, { start, end }: Range): { key: string; text: string } {
  const entry = { key: '', text: '' };
  for (const field of fieldsOf(bytes, start, end)) {
    if (field.number === 1) entry.key = textIn(bytes, field);
    if (field.number === 2) entry.text = textIn(bytes, field);
  }
  return entry;
}

/** A model with dimensions of its inputs fixed, and the names that its inputs had for dimensions. */
export interface FixedModel {
  readonly bytes: Buffer;
  readonly names: readonly string[];
}

/** From the model to the dimensions of its inputs: the field that leads on, at each level. */
const TO_INPUT_DIMS = { graph: 7, input: 11, type: 2, tensorType: 1, shape: 2, dim: 1 } as const;
const Dim = { value: 1, name: 2 } as const;

/**
 * Writes numbers in place of the names that the inputs' dimensions have.
 *
 * @throws MalformedError where the bytes are no model
 */
export function withFixedDims(model: Buffer, sizes: Readonly<Record<string, number>>): FixedModel {
  const bytes = bytesOf(model);
  const names = new Set<string>();
  const path = Object.values(TO_INPUT_DIMS);
  const dim = (range: Range): Buffer[] => {
    const named = [...fieldsOf(bytes, range.start, range.end)].find(({ number }) => number === Dim.name);
    const name = named && textIn(bytes, named);
    if (name !== undefined) names.add(name);
    if (name === undefined || !Object.hasOwn(sizes, name)) return [bytes.slice(range.start, range.end)];
    return [integerField(Dim.value, sizes[name] as number)];
  };
  const rewrite = (level: number, { start, end }: Range): Buffer[] => {
    if (level === path.length) return dim({ start, end });
    const pieces: Buffer[] = [];
    for (const field of fieldsOf(bytes, start, end)) {
      const leads = field.number === path[level] && field.value === undefined;
      if (leads) pieces.push(...bytesField(field.number, rewrite(level + 1, field)));
      else pieces.push(bytes.slice(field.from, field.end));
    }
    return pieces;
  };
  return { bytes: Buffer.concat(rewrite(0, { start: 0, end: model.length })), names: [...names] };
}
