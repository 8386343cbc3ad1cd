/**
 * Trains the digits model and writes all that ships of it:
 *
 *   node native-models/digits/train.mjs
 *
 * Every choice is seeded and the arithmetic is WebAssembly's, so a second run writes the same bytes.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { PIXELS, SIDE, seededRandom, shuffle, splitDigits } from './data.mjs';
import { toArrowFile } from './heldout.mjs';
import { buildNetwork, startTraining } from './network.mjs';
import { toOnnx } from './onnx.mjs';

const EPOCHS = 20;
const BATCH = 64;
const LEARNING_RATE = 2e-3; // at the start; falls to zero along half a cosine
const MAX_SHIFT = 1; // pixels; a digit that is drawn a little off is still that digit
const TRAINING_SEED = 7;

await startTraining();
const { training, heldOut } = splitDigits();
const network = buildNetwork();
train(network, training);
console.log(`held out: ${countRight(network, heldOut)} of ${heldOut.length} right`);
await write(network, heldOut);

function train(network, digits) {
  const random = seededRandom(TRAINING_SEED);
  const optimizer = tf.train.adam(LEARNING_RATE);
  const stepsPerEpoch = Math.ceil(digits.length / BATCH);
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const order = shuffle([...digits], random);
    let lossSum = 0;
    for (let step = 0; step < stepsPerEpoch; step++) {
      const progress = (epoch + step / stepsPerEpoch) / EPOCHS;
      optimizer.learningRate = (LEARNING_RATE * (1 + Math.cos(Math.PI * progress))) / 2;
      const batch = order.slice(step * BATCH, (step + 1) * BATCH);
      lossSum += learn(network, optimizer, batch, random);
    }
    console.log(`epoch ${epoch + 1} of ${EPOCHS}: loss ${(lossSum / stepsPerEpoch).toFixed(4)}`);
  }
}

/** One step down the gradient; returns the mean loss of the batch before it. */
function learn(network, optimizer, digits, random) {
  return tf.tidy(() => {
    const images = toTensor(digits, () => Math.floor(random() * (2 * MAX_SHIFT + 1)) - MAX_SHIFT);
    // Cast apart: oneHot's own dtype argument leaves the bits of an int32 in wasm, so that every 1 reads as 1e-45.
    const labels = tf.cast(tf.oneHot(labelsOf(digits), 10), 'float32');
    const loss = () => tf.losses.softmaxCrossEntropy(labels, network.apply(images, { training: true }));
    return optimizer.minimize(loss, true).dataSync()[0];
  });
}

function countRight(network, digits) {
  return tf.tidy(() => {
    const guesses = tf.argMax(network.predict(toTensor(digits, () => 0)), 1);
    return tf.sum(tf.equal(guesses, labelsOf(digits))).dataSync()[0];
  });
}

function labelsOf(digits) {
  return tf.tensor1d(
    digits.map((digit) => digit.label),
    'int32',
  );
}

/** [rows, 28, 28, 1] in [0, 1]; `shift` is asked twice a digit how many pixels to move it, right and down. */
function toTensor(digits, shift) {
  const values = new Float32Array(digits.length * PIXELS);
  digits.forEach(({ pixels }, row) => {
    const right = shift();
    const down = shift();
    for (let y = Math.max(0, down); y < Math.min(SIDE, SIDE + down); y++) {
      for (let x = Math.max(0, right); x < Math.min(SIDE, SIDE + right); x++) {
        values[row * PIXELS + y * SIDE + x] = pixels[(y - down) * SIDE + (x - right)] / 255;
      }
    }
  });
  return tf.tensor4d(values, [digits.length, SIDE, SIDE, 1]);
}

async function write(network, heldOut) {
  const at = (path) => new URL(path, import.meta.url);
  mkdirSync(at('tfjs/'), { recursive: true });
  mkdirSync(at('../../examples/digits/'), { recursive: true });
  writeFileSync(at('digits.onnx'), toOnnx(network));
  writeFileSync(at('../../examples/digits/digits.arrow'), toArrowFile(heldOut));
  const { modelTopology, weightSpecs, weightData } = await artifactsOf(network);
  const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
  const model = {
    format: 'layers-model',
    generatedBy: 'penstock',
    convertedBy: null,
    modelTopology,
    weightsManifest,
  };
  writeFileSync(at('tfjs/model.json'), `${JSON.stringify(model, null, 2)}\n`);
  writeFileSync(at('tfjs/weights.bin'), new Uint8Array(weightData));
}

/** What `save` would hand to a storage: TensorFlow.js without tfjs-node has none that knows files. */
async function artifactsOf(network) {
  let artifacts;
  await network.save({
    save: async (saved) => {
      artifacts = saved;
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(saved) };
    },
  });
  return artifacts;
}
