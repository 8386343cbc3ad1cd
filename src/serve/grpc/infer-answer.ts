import type { InferResult } from '../types.js';
import { datatypeOfAnswer } from '../wire/datatype.js';
import { tensorBytes } from '../wire/tensor-bytes.js';
import { VERSION } from '../wire/wire-endpoint.js';

/** The message of an answer: its data is raw, whatever that of the request was. */
export function messageOfResult(name: string, id: string | undefined, { outputs }: InferResult): object {
  return {
    model_name: name,
    model_version: VERSION,
    ...(id !== undefined && { id }),
    outputs: outputs.map((tensor) => ({
      name: tensor.name,
      datatype: datatypeOfAnswer(tensor),
      shape: tensor.shape,
    })),
    raw_output_contents: outputs.map(tensorBytes),
  };
}
