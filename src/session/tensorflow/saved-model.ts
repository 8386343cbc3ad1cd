import path from 'node:path';
import { DeviceError } from '../../util/errors.js';
import { insideModel } from './inside.js';
import { readSavedModel, type SavedGraph, type SavedSignature } from './saved-model-file.js';
import { elementType, modelTensor } from './signature.js';
import type { Program, SavedModels, Tensor } from './types.js';

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
  const file = path.join(folder, 'saved_model.pb');
  const graphs = await readSavedModel(file);
  for (const asset of graphs.flatMap(({ assets }) => assets)) {
    // libtensorflow joins the names to the folder's as they are.
    await insideModel({ file, folder: path.join(folder, 'assets') }, asset, 'asset');
  }
  checkTypes(graphs, folder);
  const signature = chooseSignature(graphs, folder, options);
  const inputs = signature.inputs.map((tensor) => modelTensor(tensor, 'input', folder, EXACT));
  const outputs = signature.outputs.map((tensor) => modelTensor(tensor, 'output', folder, EXACT));
  const model = await library.load(folder, options.tags, options.signature);
  return {
    inputs,
    outputs,
    predict(tensors) {
      const feeds = Object.fromEntries(signature.inputs.map(({ name }, i) => [name, tensors[i] as Tensor]));
      const results = model.predict(feeds);
      return signature.outputs.map(({ name, dtype }) => {
        const result = results[name] as Tensor;
        return elementType(dtype) === 'uint8' ? library.widenUint8(result) : result;
      });
    },
    dispose: () => model.dispose(),
  };
}

/** What TensorFlow.js has no type for, and libtensorflow does. */
const EXACT = { uint8: 'uint8', int64: 'int64' } as const;

/** Types that tfjs-node knows. It refuses a model that has another in any of its signatures, not saying where. */
const KNOWN = ['float32', 'int32', 'uint8', 'int64', 'bool', 'string', 'complex64'];

function checkTypes(graphs: readonly SavedGraph[], folder: string): void {
  for (const [name, { inputs, outputs }] of graphs.flatMap(({ signatures }) => [...signatures])) {
    for (const tensor of [...inputs, ...outputs]) {
      const type = elementType(tensor.dtype);
      if (KNOWN.includes(type)) continue;
      throw new DeviceError(
        `${folder}: ${JSON.stringify(tensor.name)} of signature ${name} is a tensor of ${type}, which tfjs-node can't hand over`,
        { file: folder, hint: 'Export the model with a cast to float32, int32 or bool inside it.' },
      );
    }
  }
}

function chooseSignature(
  graphs: readonly SavedGraph[],
  folder: string,
  { tags, signature }: SavedModelOptions,
): SavedSignature {
  const graph = graphs.find((candidate) => [...candidate.tags].sort().join() === [...tags].sort().join());
  if (graph === undefined) {
    const there = graphs.map((candidate) => `[${candidate.tags.join(', ')}]`).join(' and ');
    throw new DeviceError(
      `${folder}: the SavedModel has no graph with the tags [${tags.join(', ')}]; it has ${there || 'none'}`,
      { file: folder, key: 'model.options.tags' },
    );
  }
  const chosen = graph.signatures.get(signature);
  if (chosen !== undefined) return chosen;
  const there = [...graph.signatures.keys()].join(', ');
  throw new DeviceError(`${folder}: the SavedModel has no signature ${signature}; it has ${there}`, {
    file: folder,
    key: 'model.options.signature',
  });
}
