// A convolutional network in the shape of ResNet-50 (https://arxiv.org/abs/1512.03385, with the stride in the 3 × 3
// convolutions), which takes images as they are stored: uint8 [batch, side, side, 3]. Its weights are not trained, so
// what it says means nothing; what it costs is what ResNet-50 costs: 4.1 GFLOP (multiply-adds) for 224 × 224.
//
// WebGPU knows no integers of 8 bits: there ONNX Runtime casts on the CPU, and four times the bytes go to the device.
//
// Batch normalisation is folded into the convolutions, as every exporter does for inference.
import { Graph, TYPE } from './onnx.mjs';
import { seeded, spread } from './weights.mjs';

const SEED = 50;
const STAGES = [
  { blocks: 3, width: 64 },
  { blocks: 4, width: 128 },
  { blocks: 6, width: 256 },
  { blocks: 3, width: 512 },
];
const EXPANSION = 4;
export const CLASSES = 1000;

/** (pixel × scale + shift), by channel: ImageNet's mean and standard deviation. */
const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];
export const NORMALISATION = {
  scale: Float32Array.from(DEVIATION, (deviation) => 1 / (255 * deviation)),
  shift: Float32Array.from(MEAN, (mean, channel) => -mean / DEVIATION[channel]),
};

/**
 * @typedef {{ kind: 'conv', name: string, input: string, from: number, to: number, size: number, stride: number,
 *   pad: number, weight: Float32Array, bias: Float32Array }} Conv
 * @typedef {Conv | { kind: 'relu', name: string, input: string } | { kind: 'add', name: string, input: string,
 *   other: string } | { kind: 'maxpool', name: string, input: string } | { kind: 'mean', name: string, input: string }
 *   | { kind: 'dense', name: string, input: string, from: number, to: number, weight: Float32Array,
 *   bias: Float32Array }} Layer each names its output after itself
 */

/**
 * The layers after the input `pixels`, float32 [batch, 3, side, side], which is normalised; the last is `logits`.
 * @returns {Layer[]}
 */
export function resnetLayers() {
  const random = seeded(SEED);
  /** @type {Layer[]} */
  const layers = [];
  const conv = (name, input, from, to, size, stride, gain = 1) => {
    const weight = spread(random, to * from * size * size, gain * Math.sqrt(2 / (from * size * size)));
    const bias = spread(random, to, 0.01);
    layers.push({ kind: 'conv', name, input, from, to, size, stride, pad: (size - 1) / 2, weight, bias });
    return name;
  };
  const relu = (name, input) => {
    layers.push({ kind: 'relu', name, input });
    return name;
  };
  let at = relu('stem.relu', conv('stem', 'pixels', 3, 64, 7, 2));
  layers.push({ kind: 'maxpool', name: 'stem.pool', input: at });
  at = 'stem.pool';
  let channels = 64;
  STAGES.forEach(({ blocks, width }, stage) => {
    for (let block = 0; block < blocks; block++) {
      const name = `stage${stage + 1}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const out = width * EXPANSION;
      const first = relu(`${name}.relu1`, conv(`${name}.conv1`, at, channels, width, 1, 1));
      const second = relu(`${name}.relu2`, conv(`${name}.conv2`, first, width, width, 3, stride));
      // Each block adds a little: without training, sixteen of them would let the numbers grow without bound.
      const third = conv(`${name}.conv3`, second, width, out, 1, 1, 0.25);
      const passed = block === 0 ? conv(`${name}.down`, at, channels, out, 1, stride, Math.SQRT1_2) : at;
      layers.push({ kind: 'add', name: `${name}.add`, input: third, other: passed });
      at = relu(`${name}.out`, `${name}.add`);
      channels = out;
    }
  });
  layers.push({ kind: 'mean', name: 'pooled', input: at });
  const weight = spread(random, channels * CLASSES, Math.sqrt(1 / channels));
  const bias = spread(random, CLASSES, 0.01);
  layers.push({ kind: 'dense', name: 'logits', input: 'pooled', from: channels, to: CLASSES, weight, bias });
  return layers;
}

/**
 * Its weights, for other frameworks: [to, from, size, size] of a convolution, [from, to] of the last layer.
 * @param {readonly Layer[]} layers
 */
export function resnetTensors(layers) {
  return layers.flatMap((layer) => {
    if (layer.kind !== 'conv' && layer.kind !== 'dense') return [];
    const { name, from, to, weight, bias } = layer;
    const dims = layer.kind === 'conv' ? [to, from, layer.size, layer.size] : [from, to];
    return [
      { name: `${name}.weight`, dims, values: weight },
      { name: `${name}.bias`, dims: [to], values: bias },
    ];
  });
}

/**
 * @param {readonly Layer[]} layers
 * @param {number} side of the images, in pixels
 * @returns {Buffer} the bytes of an ONNX model: image, uint8 [batch, side, side, 3] → logits, float32 [batch, 1000]
 */
export function resnetModel(layers, side) {
  const graph = new Graph();
  graph.node('Cast', ['image'], 'image.float', { to: TYPE.float32 });
  graph.node('Mul', ['image.float', graph.weight('scale', [3], NORMALISATION.scale)], 'image.scaled');
  graph.node('Add', ['image.scaled', graph.weight('shift', [3], NORMALISATION.shift)], 'image.normal');
  graph.node('Transpose', ['image.normal'], 'pixels', { perm: [0, 3, 1, 2] });
  for (const layer of layers) addLayer(graph, layer);
  const image = { name: 'image', type: TYPE.uint8, dims: ['batch', side, side, 3] };
  const logits = { name: 'logits', type: TYPE.float32, dims: ['batch', CLASSES] };
  return graph.model('resnet50', [image], [logits]);
}

function addLayer(graph, layer) {
  const { kind, name, input } = layer;
  switch (kind) {
    case 'conv': {
      const { from, to, size, stride, pad } = layer;
      const weight = graph.weight(`${name}.weight`, [to, from, size, size], layer.weight);
      const bias = graph.weight(`${name}.bias`, [to], layer.bias);
      graph.node('Conv', [input, weight, bias], name, {
        kernel_shape: [size, size],
        strides: [stride, stride],
        pads: [pad, pad, pad, pad],
      });
      return;
    }
    case 'relu':
      graph.node('Relu', [input], name);
      return;
    case 'add':
      graph.node('Add', [input, layer.other], name);
      return;
    case 'maxpool':
      graph.node('MaxPool', [input], name, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
      return;
    case 'mean':
      graph.node('GlobalAveragePool', [input], `${name}.map`);
      graph.node('Flatten', [`${name}.map`], name);
      return;
    case 'dense': {
      const weight = graph.weight(`${name}.weight`, [layer.from, layer.to], layer.weight);
      const bias = graph.weight(`${name}.bias`, [layer.to], layer.bias);
      graph.node('Gemm', [input, weight, bias], name);
    }
  }
}
