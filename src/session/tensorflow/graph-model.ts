import type { GraphModel } from '@tensorflow/tfjs-converter';
import { messageOf } from '../../util/errors.js';
import { isObject, type ModelJson, type ModelLocation } from './location.js';
import { type Declared, modelTensor } from './signature.js';
import type { Engine, Program, Tensor } from './types.js';
import { readArtifacts } from './weights.js';

type JsonModel = Extract<ModelLocation, { file: string }>;

/** One tensor of the graph: what the user calls it, and where it is in the graph. */
interface Port extends Declared {
  readonly node: string;
}

/** Loads a graph model: what the converter makes of SavedModels, frozen graphs and Keras models. */
export async function loadGraphModel(engine: Engine, location: JsonModel): Promise<Program> {
  const model = await engine.loadGraphModel(await readArtifacts(location));
  const signature = signatureOf(location.json);
  const inputs = portsOf(signature?.inputs) ?? model.inputs.map(nodePort);
  const outputs = portsOf(signature?.outputs) ?? outputNodes(model, location.json);
  return new GraphProgram(model, inputs, outputs, location.file);
}

class GraphProgram implements Program {
  readonly inputs: Program['inputs'];
  readonly outputs: Program['outputs'];
  readonly #model: GraphModel;
  readonly #inputNodes: readonly string[];
  readonly #outputNodes: string[];
  readonly #weights: ReadonlySet<number>;
  /** Graphs with control flow run asynchronously only, which the first run finds out. */
  #isDynamic = false;

  constructor(model: GraphModel, inputs: readonly Port[], outputs: readonly Port[], file: string) {
    this.#model = model;
    this.inputs = inputs.map((port) => modelTensor(port, 'input', file));
    this.outputs = outputs.map((port) => modelTensor(port, 'output', file));
    this.#inputNodes = inputs.map(({ node }) => node);
    this.#outputNodes = outputs.map(({ node }) => node);
    this.#weights = new Set(
      Object.values(model.weights)
        .flat()
        .map(({ id }) => id),
    );
  }

  predict(inputs: readonly Tensor[]): Tensor[] | Promise<Tensor[]> {
    const feeds = Object.fromEntries(this.#inputNodes.map((node, i) => [node, inputs[i] as Tensor]));
    if (!this.#isDynamic) {
      try {
        return this.#results(this.#model.execute(feeds, this.#outputNodes));
      } catch (error) {
        if (!messageOf(error).includes('executeAsync')) throw error;
        this.#isDynamic = true;
      }
    }
    return this.#model.executeAsync(feeds, this.#outputNodes).then((made) => this.#results(made));
  }

  /** An output that is a weight as it stands comes as a copy: whoever disposes of it must leave the weight alone. */
  #results(made: Tensor | Tensor[]): Tensor[] {
    const results = Array.isArray(made) ? made : [made];
    return results.map((tensor) => (this.#weights.has(tensor.id) ? tensor.clone() : tensor));
  }

  dispose(): void {
    this.#model.dispose();
  }
}

/** The converter has written it into the metadata first, and beside the topology since. */
function signatureOf({
  userDefinedMetadata,
  signature,
}: ModelJson): Readonly<Record<string, unknown>> | undefined {
  const older = isObject(userDefinedMetadata) ? userDefinedMetadata.signature : undefined;
  return [older, signature].find(isObject);
}

/** The entries of one side of a signature; undefined where there are none. Variables that are handed in are no inputs. */
function portsOf(side: unknown): Port[] | undefined {
  if (!isObject(side)) return undefined;
  const ports = Object.entries(side).flatMap(([name, info]) => {
    if (!isObject(info) || typeof info.name !== 'string' || info.resourceId !== undefined) return [];
    return [{ name, node: info.name, dtype: dtypeOf(info.dtype), shape: shapeOf(info.tensorShape) }];
  });
  return ports.length === 0 ? undefined : ports;
}

const dtypeOf = (dtype: unknown): string | number | undefined =>
  typeof dtype === 'string' || typeof dtype === 'number' ? dtype : undefined;

function shapeOf(shape: unknown): number[] | undefined {
  if (!isObject(shape) || shape.unknownRank === true) return undefined;
  const dims = Array.isArray(shape.dim) ? shape.dim : [];
  return dims.map((dim) => (isObject(dim) ? Number(dim.size ?? 0) : -1));
}

/** A node of a graph without a signature. */
function nodePort({ name, shape, dtype }: GraphModel['inputs'][number]): Port {
  return { name, node: name, dtype, shape };
}

/** Attributes that tell the type of what an operator gives, where it is not that of its inputs. */
const OUTPUT_TYPES = ['output_type', 'out_type', 'DstT', 'dtype', 'T'];
const COMPARISON = /^(Equal|NotEqual|Greater(Equal)?|Less(Equal)?|Logical\w+|Is(Nan|Inf|Finite)|Any|All)$/;
/** They give places and sizes, whatever they are given. */
const COUNTING = /^(Where|ArgMax|ArgMin|Rank|Shape|Size|NonMaxSuppressionV\d)$/;

/** What the graph gives where no signature says it: every node whose output nobody takes. Shapes are found by running. */
function outputNodes({ outputNodes }: GraphModel, { modelTopology }: ModelJson): Port[] {
  const nodes = isObject(modelTopology) && Array.isArray(modelTopology.node) ? modelTopology.node : [];
  return outputNodes.map((name) => {
    const node = nodes.filter(isObject).find((candidate) => candidate.name === name.replace(/:\d+$/, ''));
    return { name, node: name, dtype: outputType(node), shape: undefined };
  });
}

function outputType(node: Readonly<Record<string, unknown>> | undefined): string | number | undefined {
  if (COMPARISON.test(String(node?.op))) return 'bool';
  if (COUNTING.test(String(node?.op))) return 'int32';
  const attributes = isObject(node?.attr) ? node.attr : {};
  const types = OUTPUT_TYPES.map((name) => {
    const attribute = attributes[name];
    return isObject(attribute) ? dtypeOf(attribute.type) : undefined;
  });
  return types.find((type) => type !== undefined);
}
