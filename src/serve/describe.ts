import type { LoadedModel } from '../consume/types.js';
import type { ModelTensor } from '../session/types.js';
import { bytesOf, sizeOf } from '../util/dtype.js';
import type { Endpoint, EndpointTensor } from './types.js';

// A model, in the words of the protocol.

const PLATFORMS: Readonly<Record<string, string>> = {
  onnx: 'onnxruntime_onnx',
  tensorflow: 'tensorflow_savedmodel',
};

/** What the protocol calls a runtime. Those that it has no word for go by their own names. */
export function platformOf(runtime: string): string {
  return PLATFORMS[runtime] ?? `penstock_${runtime}`;
}

/** A model's input or output as clients see it: rows first, and −1 for what is open. */
function endpointTensor({ name, dtype, dims, isText }: ModelTensor): EndpointTensor {
  const rest = (dims ?? []).slice(1).map((dim) => (typeof dim === 'number' && dim >= 0 ? dim : -1));
  return { name, dtype, shape: [-1, ...rest], ...(isText && { isText }) };
}

/** Rows of one request, where neither the model nor the configuration says how many. */
const MOST_ROWS = 32767;

/**
 * An endpoint of a model that is loaded.
 *
 * @param outputDims of a run, without the rows, where they are known: models often declare less than they do
 */
export function describeEndpoint(
  name: string,
  runtime: string,
  model: Pick<LoadedModel, 'inputs' | 'outputs'>,
  outputDims: ReadonlyMap<string, readonly number[]> | undefined,
): Endpoint {
  const inputs = model.inputs.map(endpointTensor);
  const outputs = model.outputs
    .filter(({ unsupported }) => unsupported === undefined)
    .map(endpointTensor)
    .map((tensor) => ({
      ...tensor,
      shape: [-1, ...(outputDims?.get(tensor.name) ?? tensor.shape.slice(1))],
    }));
  const fixed = model.inputs.map(({ dims }) => dims?.[0]).find((dim) => typeof dim === 'number');
  const sizes = inputs.map(({ shape, dtype }) => sizeOf(shape.slice(1)) * bytesOf(dtype));
  const isOpen = inputs.some(({ shape, isText }) => isText || shape.slice(1).includes(-1));
  return {
    name,
    platform: platformOf(runtime),
    inputs,
    outputs,
    maxRows: fixed ?? MOST_ROWS,
    rowBytes: isOpen ? undefined : sizes.reduce((sum, bytes) => sum + bytes, 0),
  };
}
