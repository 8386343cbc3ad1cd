import type { SlotLayout } from '../ring/layout.js';
import { arrayOf, type DType, type TypedArray } from '../util/dtype.js';
import type { EndpointState } from './endpoint-state.js';
import { elementsOfRow, type RowData } from './request.js';
import type { InferRequest } from './types.js';

/** What a request brings, as its model takes it. */
export interface RequestData {
  readonly rows: number;
  /** In the order of the model's. */
  readonly inputs: readonly RowData[];
  /** Places of the outputs that are asked for, among the model's. */
  readonly wanted: readonly number[];
}

/** @throws Refusal where it is not what the model takes: it would spoil the batch of others */
export function dataOf(request: InferRequest, layout: SlotLayout, state: EndpointState): RequestData {
  const rows = request.inputs[0]?.shape[0] ?? 0;
  if (rows < 1) throw state.refusal('invalid', 'a request has one row at the least');
  return { rows, inputs: inputsOf(request, rows, layout, state), wanted: wantedOf(request, layout, state) };
}

function inputsOf(
  request: InferRequest,
  rows: number,
  layout: SlotLayout,
  state: EndpointState,
): readonly RowData[] {
  return layout.inputs.map((region) => {
    const { name, text } = region;
    const tensor = request.inputs.find((input) => input.name === name);
    if (tensor === undefined) throw state.refusal('invalid', `the input ${name} is missing`);
    const elements = rows * elementsOfRow(region);
    if (tensor.data.length !== elements || (text === undefined) === Array.isArray(tensor.data)) {
      const message = `the input ${name} has ${tensor.data.length} elements, expected ${elements}`;
      throw state.refusal('invalid', message);
    }
    if (text !== undefined) checkTexts(name, tensor.data as readonly string[], text, state);
    else if (tensor.dtype !== region.dtype || !holds(tensor.data as TypedArray, region.dtype)) {
      throw state.refusal('invalid', `the input ${name} is ${tensor.dtype}, expected ${region.dtype}`);
    }
    return tensor.data;
  });
}

function checkTexts(name: string, texts: readonly string[], most: number, state: EndpointState): void {
  for (const [place, text] of texts.entries()) {
    // Three bytes a UTF-16 unit at the most: short ones need not be counted.
    if (text.length * 3 <= most) continue;
    const bytes = Buffer.byteLength(text);
    if (bytes <= most) continue;
    const message = `the text ${place} of the input ${name} is ${bytes} bytes long, and may have ${most}`;
    throw state.refusal('invalid', message);
  }
}

function wantedOf({ outputs }: InferRequest, layout: SlotLayout, state: EndpointState): readonly number[] {
  if (outputs === undefined) return layout.outputs.map((_, place) => place);
  return outputs.map((name) => {
    const place = layout.outputs.findIndex((region) => region.name === name);
    if (place >= 0) return place;
    const names = layout.outputs.map((region) => region.name).join(', ');
    throw state.refusal('invalid', `there is no output ${name}; the outputs are ${names}`);
  });
}

/** Whether an array is of the kind that elements of a type lie in. */
function holds({ constructor: { name } }: TypedArray, dtype: DType): boolean {
  return (name === 'Buffer' ? 'Uint8Array' : name) === arrayOf(dtype).name;
}
