/**
 * Writes the digits model as a TensorFlow.js graph model, from the weights of the layers model:
 *
 *   node native-models/digits/graph.mjs [FOLDER]
 *
 * A graph model is TensorFlow's GraphDef in JSON, with the weights beside it: what tensorflowjs_converter makes of a
 * SavedModel. The operators are those of
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/graph.proto; the weights are the same
 * bytes.
 */

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const at = (path) => new URL(path, import.meta.url);
const FLOAT = { type: 'DT_FLOAT' };
const NHWC = { s: base64('NHWC') };

const layers = JSON.parse(readFileSync(at('tfjs/model.json'), 'utf8'));
const [{ paths, weights }] = layers.weightsManifest;

/** Weights of the dense layer read [height, width, channel], flattened: as Reshape leaves them. */
const flat = weights.find(({ name }) => name === 'logits/kernel').shape[0];

const nodes = [
  node('Placeholder', 'image', [], { dtype: FLOAT, shape: shape([-1, 28, 28, 1]) }),
  ...weights.map(({ name, shape: dims }) => constant(name, 'DT_FLOAT', dims)),
  constant('flat/shape', 'DT_INT32', [2]),
  ...stage('1', 'image'),
  ...stage('2', 'pool1'),
  ...stage('3', 'pool2'),
  node('Reshape', 'flat', ['pool3', 'flat/shape'], { T: FLOAT, Tshape: { type: 'DT_INT32' } }),
  node('MatMul', 'logits/MatMul', ['flat', 'logits/kernel'], {
    T: FLOAT,
    transpose_a: { b: false },
    transpose_b: { b: false },
  }),
  node('BiasAdd', 'logits/BiasAdd', ['logits/MatMul', 'logits/bias'], { T: FLOAT, data_format: NHWC }),
  node('Identity', 'logits', ['logits/BiasAdd'], { T: FLOAT }),
];

const model = {
  format: 'graph-model',
  generatedBy: 'penstock',
  convertedBy: null,
  signature: {
    inputs: { image: tensorInfo('image:0', [-1, 28, 28, 1]) },
    outputs: { logits: tensorInfo('logits:0', [-1, 10]) },
  },
  modelTopology: { node: nodes, library: {}, versions: { producer: 1882, minConsumer: 0 } },
  weightsManifest: [
    { paths: ['weights.bin'], weights },
    { paths: ['shapes.bin'], weights: [{ name: 'flat/shape', shape: [2], dtype: 'int32' }] },
  ],
};

const [, , folder = fileURLToPath(at('tfjs-graph'))] = process.argv;
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'model.json'), `${JSON.stringify(model, null, 2)}\n`);
copyFileSync(at(`tfjs/${paths[0]}`), join(folder, 'weights.bin'));
writeFileSync(join(folder, 'shapes.bin'), new Uint8Array(Int32Array.of(-1, flat).buffer));

/** A convolution with bias and relu, then the largest of each 2 × 2. */
function stage(number, input) {
  const [conv, relu, pool] = [`conv${number}`, `relu${number}`, `pool${number}`];
  return [
    node('Conv2D', `${conv}/Conv2D`, [input, `${conv}/kernel`], {
      T: FLOAT,
      data_format: NHWC,
      dilations: ints([1, 1, 1, 1]),
      explicit_paddings: { list: {} },
      padding: { s: base64('SAME') },
      strides: ints([1, 1, 1, 1]),
      use_cudnn_on_gpu: { b: true },
    }),
    node('BiasAdd', `${conv}/BiasAdd`, [`${conv}/Conv2D`, `${conv}/bias`], {
      T: FLOAT,
      data_format: NHWC,
    }),
    node('Relu', relu, [`${conv}/BiasAdd`], { T: FLOAT }),
    node('MaxPool', pool, [relu], {
      T: FLOAT,
      data_format: NHWC,
      explicit_paddings: { list: {} },
      ksize: ints([1, 2, 2, 1]),
      padding: { s: base64('VALID') },
      strides: ints([1, 2, 2, 1]),
    }),
  ];
}

function node(op, name, input, attr) {
  return { name, op, input, attr };
}

/** Its value is in the weights, under its name. */
function constant(name, type, dims) {
  const value = { tensor: { dtype: type, tensorShape: dimensions(dims) } };
  return node('Const', name, [], { dtype: { type }, value });
}

function tensorInfo(name, dims) {
  return { name, dtype: 'DT_FLOAT', tensorShape: dimensions(dims) };
}

function shape(dims) {
  return { shape: dimensions(dims) };
}

/** 64-bit numbers are text in the JSON of Protocol Buffers. */
function dimensions(dims) {
  return { dim: dims.map((size) => ({ size: String(size) })) };
}

function ints(values) {
  return { list: { i: values.map(String) } };
}

/** Bytes are base64 there; what TensorFlow calls a string is bytes. */
function base64(text) {
  return Buffer.from(text).toString('base64');
}
