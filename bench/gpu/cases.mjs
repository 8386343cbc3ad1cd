// The models that are measured: what they are made of, on what data, and how a job feeds them.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUCKETS, imageBytes, textTokens, writeImages, writeTexts } from './data.mjs';
import { EPSILON, encoderModel, encoderTensors, encoderWeights, SHAPE } from './models/encoder.mjs';
import { encoderReference } from './models/encoder-reference.mjs';
import { NORMALISATION, resnetLayers, resnetModel, resnetTensors } from './models/resnet.mjs';
import { resnetReference } from './models/resnet-reference.mjs';
import { safetensors } from './models/safetensors.mjs';

const repository = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** How large everything is: enough for a GPU of a data centre, or a first look that a CPU gets through. */
export const SIZES = {
  full: {
    side: 224,
    images: { files: 8, rows: 512 },
    texts: { files: 8, rows: 8192 },
    parityRows: 64,
    runSeconds: 15,
  },
  quick: {
    side: 64,
    images: { files: 2, rows: 64 },
    texts: { files: 2, rows: 512 },
    parityRows: 8,
    runSeconds: 3,
  },
};

/** A batch for the first look at a device; the knee decides afterwards. */
const BATCH = { cpu: { image: 4, text: 8 }, gpu: { image: 64, text: 128 } };

/** Models that ship with Penstock, by the runtime and the engines that can run them. */
export const SHIPPED = [
  {
    name: 'digits',
    runtime: 'onnx',
    model: repository('native-models/digits/digits.onnx'),
    shape: [1, 28, 28],
    reference: 'cpu',
  },
  {
    name: 'digits-tfjs',
    runtime: 'tensorflow',
    model: repository('native-models/digits/tfjs-graph/model.json'),
    shape: [28, 28, 1],
    reference: 'wasm',
  },
];

export function shippedJob({ name, runtime, model, shape }, provider, options) {
  return {
    name,
    source: { uri: repository('examples/digits/digits.arrow') },
    model: { uri: model, runtime, providers: [provider], options },
    inputs: { image: { column: 'pixels', shape, scale: 1 / 255 } },
    batch: { size: 64 },
    outputs: { logits: { as: 'output' } },
  };
}

/**
 * @typedef {object} HeavyCase
 * @property {string} name
 * @property {string} about
 * @property {(folder: string) => Promise<void>} prepare makes model and data
 * @property {number} referenceRows
 * @property {() => Float64Array[]} reference what the first rows come to, in float64
 * @property {(folder: string, provider: string, options: object) => object} job without a sink
 * @property {(folder: string) => object} torch the same for pytorch/main.py, with its weights in a file
 */

/** @returns {HeavyCase[]} */
export function heavyCases(size) {
  return [resnetCase(size), encoderCase(size)];
}

function resnetCase({ side, images }) {
  const layers = resnetLayers();
  return {
    name: 'resnet50',
    about: `ResNet-50's shape on uint8 images of ${side} × ${side} × 3, which the device casts and normalises`,
    async prepare(folder) {
      writeFileSync(join(folder, 'resnet50.onnx'), resnetModel(layers, side));
      await writeImages(join(folder, 'images'), { ...images, side });
    },
    referenceRows: 1,
    reference: () => [resnetReference(layers, imageBytes(0, side * side * 3), side)],
    job: (folder, provider, options) => ({
      name: 'resnet50',
      source: { uri: join(folder, 'images') },
      model: { uri: join(folder, 'resnet50.onnx'), providers: [provider], options },
      inputs: { image: { column: 'image', dtype: 'uint8', shape: [side, side, 3] } },
      batch: { size: batchFor(provider).image },
      outputs: { logits: { as: 'output' } },
    }),
    torch: (folder) => ({
      kind: 'images',
      column: 'image',
      files: filesIn(join(folder, 'images')),
      weights: weightsFile(folder, 'resnet50', resnetTensors(layers)),
      options: {
        shape: [side, side, 3],
        scale: [...NORMALISATION.scale],
        shift: [...NORMALISATION.shift],
      },
    }),
  };
}

function encoderCase({ texts }) {
  const weights = encoderWeights();
  return {
    name: 'encoder',
    about: `6 layers, 384 wide, over texts of 8 to 512 tokens in buckets of ${BUCKETS.join(', ')}`,
    async prepare(folder) {
      writeFileSync(join(folder, 'encoder.onnx'), encoderModel(weights));
      await writeTexts(join(folder, 'texts'), texts);
    },
    referenceRows: 2,
    reference: () => [0, 1].map((row) => encoderReference(weights, textTokens(row))),
    job: (folder, provider, options) => ({
      name: 'encoder',
      source: { uri: join(folder, 'texts') },
      model: { uri: join(folder, 'encoder.onnx'), providers: [provider], options },
      inputs: {
        input_ids: { column: 'tokens' },
        attention_mask: { from: 'mask' },
      },
      batch: { size: batchFor(provider).text, lengthColumn: 'tokens', buckets: BUCKETS },
      outputs: { embedding: { as: 'output' } },
    }),
    torch: (folder) => ({
      kind: 'texts',
      column: 'tokens',
      files: filesIn(join(folder, 'texts')),
      weights: weightsFile(folder, 'encoder', encoderTensors(weights)),
      options: { buckets: BUCKETS, layers: SHAPE.layers, heads: SHAPE.heads, epsilon: EPSILON },
    }),
  };
}

function filesIn(folder) {
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
}

function weightsFile(folder, name, tensors) {
  const file = join(folder, `${name}.safetensors`);
  writeFileSync(file, safetensors(tensors));
  return file;
}

function batchFor(provider) {
  return provider === 'cpu' ? BATCH.cpu : BATCH.gpu;
}
