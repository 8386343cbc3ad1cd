import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { ModelLocation } from './location.js';
import { COMPUTED, type Declared, elementType, modelTensor } from './signature.js';
import type { Engine, Program, Tensor } from './types.js';
import { readArtifacts } from './weights.js';

/** Loads a layers model: Keras in the words of TensorFlow.js. Its tensors are called after the layers they belong to. */
export async function loadLayersModel(
  engine: Engine,
  location: Extract<ModelLocation, { file: string }>,
): Promise<Program> {
  return new LayersProgram(await engine.loadLayersModel(await readArtifacts(location)), location.file);
}

class LayersProgram implements Program {
  readonly inputs: Program['inputs'];
  readonly outputs: Program['outputs'];
  readonly #model: LayersModel;

  constructor(model: LayersModel, file: string) {
    this.#model = model;
    this.inputs = declared(model.inputs).map((tensor) => modelTensor(tensor, 'input', file));
    // It casts what comes to what an input is declared to be, and fails where it has no such type itself.
    for (const input of model.inputs) Object.assign(input, { dtype: COMPUTED[elementType(input.dtype)] });
    this.outputs = declared(model.outputs).map((tensor) => modelTensor(tensor, 'output', file));
  }

  predict(inputs: readonly Tensor[]): Tensor[] {
    // `predict` would cut the batch into pieces of 32 rows.
    const result = this.#model.predictOnBatch(inputs.length === 1 ? (inputs[0] as Tensor) : [...inputs]);
    return Array.isArray(result) ? result : [result];
  }

  dispose(): void {
    this.#model.dispose();
  }
}

/** Named after their layers, as in Keras; the tensor's own longer name where a layer has several. */
function declared(tensors: LayersModel['inputs']): Declared[] {
  const layers = tensors.map(({ sourceLayer }) => sourceLayer.name);
  return tensors.map(({ name, dtype, shape }, i) => {
    const layer = layers[i] as string;
    const isAlone = layers.indexOf(layer) === layers.lastIndexOf(layer);
    return { name: isAlone ? layer : name, dtype, shape };
  });
}
