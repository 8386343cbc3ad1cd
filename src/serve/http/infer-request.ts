import { bytesOf, sizeOf } from '../../util/dtype.js';
import { Refusal } from '../refusal.js';
import type { InferRequest, WireTensor } from '../types.js';
import { elementsOfBytes, elementsOfValues } from '../wire/elements.js';
import { checkTensorParameters, type Parameters, scheduling } from '../wire/parameters.js';
import { quoted } from '../wire/quoted.js';
import { decoded } from '../wire/texts.js';
import type { WireEndpoint } from '../wire/wire-endpoint.js';
import { parseJson } from './json.js';

/** A request of REST, and how it wants to be answered. */
export interface RestRequest {
  readonly id: string | undefined;
  readonly request: InferRequest;
  /** In the order in which they are wanted. */
  readonly outputs: readonly WantedOutput[];
}

export interface WantedOutput {
  readonly name: string;
  /** As binary data behind the JSON; else as JSON. */
  readonly binary: boolean;
}

const MOST_ID_CHARACTERS = 1024;

/**
 * The body of an inference request.
 *
 * @param jsonLength what the header Inference-Header-Content-Length says: bytes of JSON before the binary data; 0 where
 *   the body is the data of one row of the only input
 * @throws Refusal where it does not fit the endpoint
 */
export function parseRequest(
  endpoint: WireEndpoint,
  body: Uint8Array,
  jsonLength: number | undefined,
  arrivedAt: number,
): RestRequest {
  const { name } = endpoint.endpoint;
  if (jsonLength === 0) {
    const inputs = [rawInput(endpoint, body)];
    return {
      id: undefined,
      request: { endpoint: name, inputs, arrivedAt },
      outputs: endpoint.endpoint.outputs.map((output) => ({ name: output.name, binary: true })),
    };
  }
  if (jsonLength !== undefined && jsonLength > body.length)
    throw new Refusal(
      'invalid',
      `Inference-Header-Content-Length is ${jsonLength}, more than the ${body.length} bytes of the body`,
    );
  const document = record('the request', parseJson(body.subarray(0, jsonLength)));
  const parameters = parametersOf('the request', document.parameters);
  const binary = jsonLength === undefined ? undefined : body.subarray(jsonLength);
  const inputs = inputsOf(endpoint, document.inputs, binary);
  const outputs = outputsOf(endpoint, document.outputs, parameters.binary_data_output === true);
  const request: InferRequest = {
    endpoint: name,
    inputs,
    outputs: outputs.map((output) => output.name),
    arrivedAt,
    ...scheduling(parameters),
  };
  return { id: idOf(document.id), request, outputs };
}

type Fields = Readonly<Record<string, unknown>>;

function record(what: string, value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Refusal('invalid', `${what} is ${quoted(value)}, expected an object`);
}

function parametersOf(what: string, value: unknown): Parameters {
  return value === undefined ? {} : record(`parameters of ${what}`, value);
}

function idOf(id: unknown): string | undefined {
  if (id === undefined || (typeof id === 'string' && id.length <= MOST_ID_CHARACTERS)) return id;
  throw new Refusal('invalid', `id is ${quoted(id)}, expected at most ${MOST_ID_CHARACTERS} characters`);
}

/** @param binary the data behind the JSON, where there may be some */
function inputsOf(
  endpoint: WireEndpoint,
  list: unknown,
  binary: Uint8Array | undefined,
): readonly WireTensor[] {
  const { inputs: expected, name } = endpoint.endpoint;
  if (!Array.isArray(list)) throw new Refusal('invalid', `inputs is ${quoted(list)}, expected a list`);
  if (list.length > expected.length)
    throw new Refusal('invalid', `${name} takes ${expected.length} inputs, and ${list.length} are given`);
  let used = 0;
  const inputs = list.map((item, i) => {
    const { name, datatype, shape, data, parameters: given } = record(`inputs[${i}]`, item);
    const input = endpoint.declare(name, datatype, shape);
    const parameters = parametersOf(`input ${input.tensor.name}`, given);
    checkTensorParameters('input', input.tensor.name, parameters);
    const size = parameters.binary_data_size;
    const { tensor } = input;
    if (size === undefined)
      return {
        name: tensor.name,
        dtype: tensor.dtype,
        shape: input.shape,
        data: elementsOfValues(input, data),
      };
    const bytes = binaryData(tensor.name, size, data, binary?.subarray(used));
    used += bytes.length;
    return {
      name: tensor.name,
      dtype: tensor.dtype,
      shape: input.shape,
      data: elementsOfBytes(input, bytes),
    };
  });
  if (binary !== undefined && used !== binary.length)
    throw new Refusal(
      'invalid',
      `${binary.length} bytes of binary data follow the JSON, of which the inputs take ${used}`,
    );
  return endpoint.complete(inputs);
}

function binaryData(name: string, size: unknown, data: unknown, rest: Uint8Array | undefined): Uint8Array {
  if (!Number.isSafeInteger(size) || (size as number) < 0)
    throw new Refusal(
      'invalid',
      `input ${name}: binary_data_size is ${quoted(size)}, expected a number of bytes`,
    );
  if (data !== undefined)
    throw new Refusal('invalid', `input ${name} has both data and binary_data_size: give one of them`);
  if (rest === undefined)
    throw new Refusal(
      'invalid',
      `input ${name} has binary data, and the header Inference-Header-Content-Length is missing, which says where it begins`,
    );
  if ((size as number) > rest.length)
    throw new Refusal(
      'invalid',
      `input ${name}: binary_data_size is ${size}, and ${rest.length} bytes of binary data are left`,
    );
  return rest.subarray(0, size as number);
}

function outputsOf(endpoint: WireEndpoint, list: unknown, binaryByDefault: boolean): WantedOutput[] {
  const { outputs: all, name } = endpoint.endpoint;
  if (list !== undefined && !Array.isArray(list))
    throw new Refusal('invalid', `outputs is ${quoted(list)}, expected a list`);
  const wanted: readonly unknown[] = list === undefined || list.length === 0 ? all : list;
  if (wanted.length > all.length)
    throw new Refusal('invalid', `${name} has ${all.length} outputs, and ${wanted.length} are asked for`);
  const outputs = wanted.map((item, i) => {
    const { name, parameters: given } = record(`outputs[${i}]`, item);
    const tensor = endpoint.output(name);
    const parameters = parametersOf(`output ${tensor.name}`, given);
    checkTensorParameters('output', tensor.name, parameters);
    const binary = parameters.binary_data === undefined ? binaryByDefault : parameters.binary_data === true;
    if (!binary && tensor.dtype === 'float16' && !tensor.isText)
      throw new Refusal(
        'invalid',
        `output ${tensor.name} is FP16, which JSON has no numbers for: ask for it as binary data`,
      );
    return { name: tensor.name, binary };
  });
  if (new Set(outputs.map((output) => output.name)).size < outputs.length)
    throw new Refusal('invalid', 'an output is asked for twice');
  return outputs;
}

/** A body that is the data of one row, and nothing else. */
function rawInput(endpoint: WireEndpoint, body: Uint8Array): WireTensor {
  const { inputs, name } = endpoint.endpoint;
  const [tensor] = inputs;
  if (tensor === undefined || inputs.length > 1)
    throw new Refusal('invalid', `${name} has ${inputs.length} inputs: raw binary requests are for one`);
  const [, ...row] = tensor.shape;
  const open = row.filter((dim) => dim === -1).length;
  if (tensor.isText) {
    if (sizeOf(row) !== 1) throw new Refusal('invalid', `${name}: raw binary requests have one text a row`);
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
    const data = [decoded(bytes, tensor.name, 0)];
    return { name: tensor.name, dtype: tensor.dtype, shape: [1, ...row], data };
  }
  if (open > 1)
    throw new Refusal('invalid', `${name}: a raw binary request does not tell the shape of ${tensor.name}`);
  const rest = sizeOf(row.filter((dim) => dim !== -1)) * bytesOf(tensor.dtype);
  const length = rest === 0 ? 0 : Math.floor(body.length / rest);
  const shape = [1, ...row.map((dim) => (dim === -1 ? length : dim))];
  const declared = { tensor, shape, elements: sizeOf(shape) };
  return { name: tensor.name, dtype: tensor.dtype, shape, data: elementsOfBytes(declared, body) };
}
