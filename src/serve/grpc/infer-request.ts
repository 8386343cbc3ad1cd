import { Refusal } from '../refusal.js';
import type { InferRequest, WireTensor } from '../types.js';
import { elementsOfBytes, elementsOfValues } from '../wire/elements.js';
import { checkTensorParameters, type Parameters, scheduling } from '../wire/parameters.js';
import { decoded } from '../wire/texts.js';
import type { DeclaredInput, WireEndpoint } from '../wire/wire-endpoint.js';

// Messages as they are decoded: fields that were not sent are not there, and whole numbers of 64 bits are texts.

type Choice = Readonly<Record<string, unknown>>;
type Choices = Readonly<Record<string, Choice>>;

interface InputMessage {
  readonly name?: string;
  readonly datatype?: string;
  readonly shape?: readonly string[];
  readonly parameters?: Choices;
  readonly contents?: Readonly<Record<string, readonly unknown[]>>;
}

interface OutputMessage {
  readonly name?: string;
  readonly parameters?: Choices;
}

export interface InferMessage {
  readonly model_name?: string;
  readonly model_version?: string;
  readonly id?: string;
  readonly parameters?: Choices;
  readonly inputs?: readonly InputMessage[];
  readonly outputs?: readonly OutputMessage[];
  readonly raw_input_contents?: readonly Uint8Array[];
}

/** @throws Refusal where it does not fit the endpoint */
export function parseMessage(endpoint: WireEndpoint, message: InferMessage, arrivedAt: number): InferRequest {
  const { name, inputs: expected } = endpoint.endpoint;
  const { inputs = [], raw_input_contents: raw } = message;
  if (inputs.length > expected.length)
    throw new Refusal('invalid', `${name} takes ${expected.length} inputs, and ${inputs.length} are given`);
  if (raw !== undefined && raw.length !== inputs.length)
    throw new Refusal(
      'invalid',
      `raw_input_contents has data of ${raw.length} inputs, and there are ${inputs.length}`,
    );
  const tensors = inputs.map((input, i) => tensorOf(endpoint, input, raw?.[i]));
  const outputs = message.outputs ?? [];
  return {
    endpoint: name,
    inputs: endpoint.complete(tensors),
    ...(outputs.length > 0 && { outputs: namesOf(endpoint, outputs) }),
    arrivedAt,
    ...scheduling(valuesOf(message.parameters)),
  };
}

function tensorOf(
  endpoint: WireEndpoint,
  { name = '', datatype = '', shape = [], parameters, contents }: InputMessage,
  raw: Uint8Array | undefined,
): WireTensor {
  const input = endpoint.declare(name, datatype, shape.map(Number));
  const { tensor } = input;
  checkTensorParameters('input', tensor.name, valuesOf(parameters));
  if (raw !== undefined && contents !== undefined)
    throw new Refusal(
      'invalid',
      `input ${tensor.name} has contents beside raw_input_contents: give one of them`,
    );
  const data = raw === undefined ? elementsOfContents(input, contents) : elementsOfBytes(input, raw);
  return { name: tensor.name, dtype: tensor.dtype, shape: input.shape, data };
}

/** The field of InferTensorContents that has the elements of a type. */
const FIELDS: Readonly<Record<string, string>> = {
  bool: 'bool_contents',
  int8: 'int_contents',
  int16: 'int_contents',
  int32: 'int_contents',
  int64: 'int64_contents',
  uint8: 'uint_contents',
  uint16: 'uint_contents',
  uint32: 'uint_contents',
  uint64: 'uint64_contents',
  float32: 'fp32_contents',
  float64: 'fp64_contents',
};

function elementsOfContents(
  input: DeclaredInput,
  contents: InputMessage['contents'] = {},
): WireTensor['data'] {
  const { name, dtype, isText } = input.tensor;
  const field = isText ? 'bytes_contents' : FIELDS[dtype];
  if (field === undefined)
    throw new Refusal('invalid', `input ${name}: FP16 is taken in raw_input_contents only`);
  const other = Object.keys(contents).find((key) => key !== field && (contents[key]?.length ?? 0) > 0);
  if (other !== undefined)
    throw new Refusal('invalid', `input ${name}: its elements are in ${other}, expected ${field}`);
  const values = contents[field] ?? [];
  if (isText)
    return elementsOfValues(
      input,
      values.map((bytes, i) => decoded(bytes as Buffer, name, i)),
    );
  if (dtype !== 'int64' && dtype !== 'uint64') return elementsOfValues(input, values);
  const { elements } = input;
  if (values.length !== elements)
    throw new Refusal('invalid', `input ${name} has ${values.length} elements; its shape takes ${elements}`);
  // Numbers of 64 bits, exact.
  const whole = values.map((value) => BigInt(value as string));
  return dtype === 'int64' ? BigInt64Array.from(whole) : BigUint64Array.from(whole);
}

function namesOf(endpoint: WireEndpoint, outputs: readonly OutputMessage[]): string[] {
  const { name, outputs: all } = endpoint.endpoint;
  if (outputs.length > all.length)
    throw new Refusal('invalid', `${name} has ${all.length} outputs, and ${outputs.length} are asked for`);
  const names = outputs.map((output) => {
    const tensor = endpoint.output(output.name ?? '');
    checkTensorParameters('output', tensor.name, valuesOf(output.parameters));
    return tensor.name;
  });
  if (new Set(names).size < names.length) throw new Refusal('invalid', 'an output is asked for twice');
  return names;
}

/** Of each parameter, the one value that it has. */
function valuesOf(parameters: Choices = {}): Parameters {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, choice]) => [name, Object.values(choice)[0]]),
  );
}
