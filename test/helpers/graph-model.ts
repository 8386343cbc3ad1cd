import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Graph models of TensorFlow.js, written node by node.

type Attributes = Readonly<Record<string, object>>;

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr: Attributes;
}

export const type = (name: string | number): object => ({ type: name });
const shape = (dims: readonly number[]): object => ({ dim: dims.map((size) => ({ size: String(size) })) });

export const placeholder = (name: string, dtype: string | number, dims: readonly number[]): GraphNode => ({
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

export const info = (name: string, dtype: string | number, dims: readonly number[]): object => ({
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
