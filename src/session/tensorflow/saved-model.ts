import { DeviceError } from '../../util/errors.js';
import { type Declared, modelTensor } from './signature.js';
import type {
  MetaGraph,
  Program,
  SavedModel,
  SavedModels,
  SavedTensorInfo,
  SignatureDef,
  Tensor,
} from './types.js';

export interface SavedModelOptions {
  readonly tags: readonly string[];
  readonly signature: string;
}

/** Loads one signature of a SavedModel, by libtensorflow. */
export async function loadSavedModel(
  library: SavedModels,
  folder: string,
  options: SavedModelOptions,
): Promise<Program> {
  const signature = chooseSignature(await library.getMetaGraphsFromSavedModel(folder), folder, options);
  const model = await library.loadSavedModel(folder, options.tags, options.signature);
  return new SavedProgram(model, signature, folder);
}

function chooseSignature(
  graphs: readonly MetaGraph[],
  folder: string,
  { tags, signature }: SavedModelOptions,
): SignatureDef {
  const graph = graphs.find((candidate) => [...candidate.tags].sort().join() === [...tags].sort().join());
  if (graph === undefined) {
    const there = graphs.map((candidate) => `[${candidate.tags.join(', ')}]`).join(' and ');
    throw new DeviceError(
      `${folder}: the SavedModel has no graph with the tags [${tags.join(', ')}]; it has ${there}`,
      { file: folder, key: 'model.options.tags' },
    );
  }
  const chosen = graph.signatureDefs[signature];
  if (chosen !== undefined) return chosen;
  const there = Object.keys(graph.signatureDefs).join(', ');
  throw new DeviceError(`${folder}: the SavedModel has no signature ${signature}; it has ${there}`, {
    file: folder,
    key: 'model.options.signature',
  });
}

class SavedProgram implements Program {
  readonly inputs: Program['inputs'];
  readonly outputs: Program['outputs'];
  readonly #model: SavedModel;
  readonly #keys: { readonly inputs: readonly string[]; readonly outputs: readonly string[] };

  constructor(model: SavedModel, signature: SignatureDef, folder: string) {
    this.#model = model;
    this.#keys = { inputs: Object.keys(signature.inputs), outputs: Object.keys(signature.outputs) };
    const tensors = (side: SignatureDef['inputs'], role: 'input' | 'output'): Program['inputs'] =>
      Object.entries(side).map(([name, info]) => modelTensor(declared(name, info), role, folder));
    this.inputs = tensors(signature.inputs, 'input');
    this.outputs = tensors(signature.outputs, 'output');
  }

  predict(inputs: readonly Tensor[]): Tensor[] {
    const feeds = Object.fromEntries(this.#keys.inputs.map((key, i) => [key, inputs[i] as Tensor]));
    const results = this.#model.predict(feeds) as Record<string, Tensor>;
    return this.#keys.outputs.map((key) => results[key] as Tensor);
  }

  dispose(): void {
    this.#model.dispose();
  }
}

function declared(name: string, { tfDtype, dtype, shape }: SavedTensorInfo): Declared {
  return { name, dtype: tfDtype ?? dtype, shape: shape?.map(sizeOfDim) };
}

function sizeOfDim(dim: NonNullable<SavedTensorInfo['shape']>[number]): number {
  if (typeof dim === 'number') return dim;
  return 'getSize' in dim ? dim.getSize() : dim.array[0];
}
