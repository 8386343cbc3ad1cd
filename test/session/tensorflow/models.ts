import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { load } from '../../../src/session/tensorflow/load.js';
import type { Session, SessionSpec, TensorView } from '../../../src/session/types.js';
import { arrayOf, type DType, sizeOf } from '../../../src/util/dtype.js';
import { sessionSpec } from '../spec.js';

export const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
export const LAYERS = at('native-models/digits/tfjs');
export const GRAPH = at('native-models/digits/tfjs-graph');

export const spec = (uri: string, changes: Partial<SessionSpec> = {}): SessionSpec =>
  sessionSpec({ uri, runtime: 'tensorflow', providers: ['wasm'], ...changes });

export async function open(uri: string, changes: Partial<SessionSpec> = {}): Promise<Session> {
  const session = await load(spec(uri, changes));
  onTestFinished(() => session.close());
  return session;
}

/** A view over shared memory, as slots have them. */
export function view(
  name: string,
  dtype: DType,
  dims: readonly number[],
  values?: readonly number[],
): TensorView {
  const Type = arrayOf(dtype);
  const length = sizeOf(dims);
  const data = new Type(new SharedArrayBuffer(length * Type.BYTES_PER_ELEMENT), 0, length);
  if (values !== undefined) data.set(values as never);
  return { name, dtype, dims, data };
}
