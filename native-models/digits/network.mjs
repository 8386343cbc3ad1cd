/** The network, and a TensorFlow.js backend that can train it in minutes. */

import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { initializers, layers, sequential } from '@tensorflow/tfjs-layers';
import { SIDE } from './data.mjs';

/** Image in, ten logits out. There is no softmax: argmax doesn't need one, and logits can be compared. */
export function buildNetwork() {
  const convolution = (name, filters, seed, shape) =>
    layers.conv2d({
      name,
      filters,
      kernelSize: 3,
      padding: 'same',
      activation: 'relu',
      kernelInitializer: initializers.heNormal({ seed }),
      ...shape,
    });
  return sequential({
    name: 'digits',
    layers: [
      convolution('conv1', 16, 1, { inputShape: [SIDE, SIDE, 1] }),
      layers.maxPooling2d({ name: 'pool1', poolSize: 2 }),
      convolution('conv2', 32, 2),
      layers.maxPooling2d({ name: 'pool2', poolSize: 2 }),
      convolution('conv3', 64, 3),
      layers.maxPooling2d({ name: 'pool3', poolSize: 2 }),
      layers.flatten({ name: 'flatten' }),
      layers.dense({ name: 'logits', units: 10, kernelInitializer: initializers.glorotUniform({ seed: 4 }) }),
    ],
  });
}

/**
 * WebAssembly with SIMD. The wasm backend lacks one kernel that training a convolution needs, the gradient of
 * its filter, and the backend that has it (tfjs-backend-cpu, plain JavaScript) took 100 times longer for a batch.
 * But that gradient is itself a convolution, which wasm is good at: so it is written as one.
 */
export async function startTraining() {
  const require = createRequire(import.meta.url);
  setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
  if (!(await tf.setBackend('wasm'))) throw new Error('The wasm backend of TensorFlow.js did not start.');
  tf.unregisterGradient('Conv2D');
  tf.registerGradient({
    kernelName: 'Conv2D',
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, [x, filter], { strides, pad }) => ({
      x: () => tf.conv2dTranspose(dy, filter, x.shape, strides, pad),
      filter: () => filterGradient(x, dy, filter.shape[0]),
    }),
  });
}

/**
 * The gradient of the filter [h, w, in, out] of a stride 1, `same` padded convolution: slide `dy` over the padded
 * `x` and sum over the batch. Batch and channels change places, so that the sum over channels that a convolution
 * makes is the sum over the batch.
 */
function filterGradient(x, dy, kernelSize) {
  const edge = (kernelSize - 1) / 2;
  const padded = tf.pad(x, [
    [0, 0],
    [edge, edge],
    [edge, edge],
    [0, 0],
  ]);
  const images = tf.transpose(padded, [3, 1, 2, 0]); // [in, height, width, batch]
  const filters = tf.transpose(dy, [1, 2, 0, 3]); // [height, width, batch, out]
  return tf.transpose(tf.conv2d(images, filters, 1, 'valid'), [1, 2, 0, 3]);
}
