import type { InferResult, WireTensor } from '../types.js';
import { datatypeOfAnswer } from '../wire/datatype.js';
import { tensorBytes } from '../wire/tensor-bytes.js';
import { VERSION } from '../wire/wire-endpoint.js';
import type { RestRequest } from './infer-request.js';

/** An answer, as it goes out. */
export interface RestAnswer {
  readonly body: Buffer | string;
  /** Bytes of JSON, where binary data follows. */
  readonly jsonLength: number | undefined;
}

export function answerOf({ id, request, outputs }: RestRequest, result: InferResult): RestAnswer {
  const binary: Uint8Array[] = [];
  const described = result.outputs.map((tensor, i) => {
    const { name, shape } = tensor;
    const head = { name, datatype: datatypeOfAnswer(tensor), shape };
    if (outputs[i]?.binary !== true) return `${JSON.stringify(head).slice(0, -1)},"data":${values(tensor)}}`;
    const bytes = tensorBytes(tensor);
    binary.push(bytes);
    return JSON.stringify({ ...head, parameters: { binary_data_size: bytes.length } });
  });
  const head = { model_name: request.endpoint, model_version: VERSION, ...(id !== undefined && { id }) };
  const json = `${JSON.stringify(head).slice(0, -1)},"outputs":[${described.join(',')}]}`;
  if (binary.length === 0) return { body: json, jsonLength: undefined };
  const text = Buffer.from(json);
  return { body: Buffer.concat([text, ...binary]), jsonLength: text.length };
}

/** Elements as JSON, one after another. */
function values({ dtype, data }: WireTensor): string {
  if (!ArrayBuffer.isView(data)) return JSON.stringify(data);
  if (dtype === 'bool') return `[${Array.from(data as Uint8Array, (value) => value !== 0).join(',')}]`;
  const joined = data.join(',');
  if (dtype !== 'float32' && dtype !== 'float64') return `[${joined}]`;
  // JSON has no word for NaN, but null; and none for infinity, but numbers that are too large for any reader.
  return /[NI]/.test(joined)
    ? `[${joined.replaceAll('NaN', 'null').replaceAll('Infinity', '1e999')}]`
    : `[${joined}]`;
}
