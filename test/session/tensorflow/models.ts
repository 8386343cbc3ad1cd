import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { load } from '../../../src/session/tensorflow/load.js';
import type { Session, SessionSpec, TensorView } from '../../../src/session/types.js';
import { arrayOf, type DType, sizeOf } from '../../../src/util/dtype.js';

export const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
export const LAYERS = at('native-models/digits/tfjs');
export const GRAPH = at('native-models/digits/tfjs-graph');

export const spec = (uri: string, changes: Partial<SessionSpec> = {}): SessionSpec => ({
  runtime: 'tensorflow',
  uri,
  providers: ['wasm'],
  deviceId: 0,
  options: {},
  intraOpNumThreads: 1,
  inputs: [],
  ...changes,
});

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

type Attributes = Readonly<Record<string, object>>;

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr: Attributes;
}

export const type = (name: string): object => ({ type: name });
const shape = (dims: readonly number[]): object => ({ dim: dims.map((size) => ({ size: String(size) })) });

export const placeholder = (name: string, dtype: string, dims: readonly number[]): GraphNode => ({
  name,
  op: 'Placeholder',
  attr: { dtype: type(dtype), shape: { shape: shape(dims) } },
});

export const operator = (
  op: string,
  name: string,
  input: readonly string[],
  attr: Attributes = {},
): GraphNode => ({ name, op, input, attr });

export const constant = (name: string, dtype = 'DT_FLOAT'): GraphNode => ({
  name,
  op: 'Const',
  attr: { dtype: type(dtype) },
});

export const info = (name: string, dtype: string, dims: readonly number[]): object => ({
  name,
  dtype,
  tensorShape: shape(dims),
});

export interface SmallGraph {
  readonly nodes: readonly GraphNode[];
  readonly signature?: { readonly inputs: object; readonly outputs: object };
  /** float32 values of the constants, a list each. */
  readonly weights?: Readonly<Record<string, readonly number[]>>;
  /** Overrides fields of the model.json. */
  readonly json?: Readonly<Record<string, unknown>>;
}

/** Writes a graph model into a folder; returns the folder. */
export function writeGraph(folder: string, { nodes, signature, weights = {}, json }: SmallGraph): string {
  mkdirSync(folder, { recursive: true });
  const values = Object.values(weights).flat();
  const specs = Object.entries(weights).map(([name, list]) => ({
    name,
    shape: [list.length],
    dtype: 'float32',
  }));
  const model = {
    format: 'graph-model',
    ...(signature && { signature }),
    modelTopology: { node: nodes, versions: { producer: 1, minConsumer: 0 } },
    weightsManifest: specs.length === 0 ? [] : [{ paths: ['weights.bin'], weights: specs }],
    ...json,
  };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(model));
  writeFileSync(join(folder, 'weights.bin'), Float32Array.from(values));
  return folder;
}

/** y = x + b, rows of three. */
export function additionGraph(folder: string, json: SmallGraph['json'] = {}): string {
  return writeGraph(folder, {
    nodes: [
      placeholder('x', 'DT_FLOAT', [-1, 3]),
      constant('b'),
      operator('AddV2', 'y', ['x', 'b'], { T: type('DT_FLOAT') }),
    ],
    weights: { b: [10, 20, 30] },
    signature: {
      inputs: { x: info('x:0', 'DT_FLOAT', [-1, 3]) },
      outputs: { y: info('y:0', 'DT_FLOAT', [-1, 3]) },
    },
    json,
  });
}
