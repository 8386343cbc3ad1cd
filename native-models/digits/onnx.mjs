/**
 * Writes the trained network as an ONNX model.
 *
 * ONNX is Protocol Buffers. A model this small needs three ways to write a field and no library; numbers and names
 * of the fields are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
 */

import * as tf from '@tensorflow/tfjs-core';

const IR_VERSION = 8; // with opset 17: read by every onnxruntime since 1.12
const OPSET = 17;
const DATA_TYPE_FLOAT = 1;
const ATTRIBUTE_TYPE_INTS = 7;

/**
 * TensorFlow.js keeps images as [batch, height, width, channel], ONNX as [batch, channel, height, width]. The
 * weights are rearranged here, once, so that the graph needs no Transpose.
 *
 * @param network the layers model of network.mjs
 * @returns {Buffer} the bytes of digits.onnx
 */
export function toOnnx(network) {
  const [conv1, bias1, conv2, bias2, conv3, bias3, dense, denseBias] = network.getWeights();
  const flat = network.getLayer('pool3').outputShape.slice(1); // height, width, channel
  return tf.tidy(() =>
    encodeModel(
      [
        ...stage(1, 'image'),
        ...stage(2, 'pool1'),
        ...stage(3, 'pool2'),
        node('Flatten', ['pool3'], 'flat'),
        node('Gemm', ['flat', 'logits.weight', 'logits.bias'], 'logits'),
      ],
      [
        initializer('conv1.weight', filtersFirst(conv1)),
        initializer('conv1.bias', bias1),
        initializer('conv2.weight', filtersFirst(conv2)),
        initializer('conv2.bias', bias2),
        initializer('conv3.weight', filtersFirst(conv3)),
        initializer('conv3.bias', bias3),
        initializer('logits.weight', channelsFirst(dense, flat)),
        initializer('logits.bias', denseBias),
      ],
    ),
  );
}

function stage(number, input) {
  const [conv, relu, pool] = [`conv${number}`, `relu${number}`, `pool${number}`];
  return [
    node('Conv', [input, `${conv}.weight`, `${conv}.bias`], conv, {
      kernel_shape: [3, 3],
      strides: [1, 1],
      pads: [1, 1, 1, 1],
    }),
    node('Relu', [conv], relu),
    node('MaxPool', [relu], pool, { kernel_shape: [2, 2], strides: [2, 2] }),
  ];
}

/** [height, width, in, out] → [out, in, height, width]. */
function filtersFirst(kernel) {
  return tf.transpose(kernel, [3, 2, 0, 1]);
}

/** Rows of the dense kernel, in the order in which a flattened [channel, height, width] meets them. */
function channelsFirst(kernel, [height, width, channels]) {
  const byPlace = tf.reshape(kernel, [height, width, channels, -1]);
  return tf.reshape(tf.transpose(byPlace, [2, 0, 1, 3]), kernel.shape);
}

function encodeModel(nodes, initializers) {
  const graph = [
    ...nodes,
    text(2, 'digits'), // name
    ...initializers,
    text(10, 'Three 3x3 convolutions, each with relu and 2x2 max pooling, then a dense layer.'), // doc_string
    message(11, valueInfo('image', ['batch', 1, 28, 28], 'Ink from 0 (paper) to 1.')), // input
    message(12, valueInfo('logits', ['batch', 10], 'One score a digit; the largest names it.')), // output
  ];
  return Buffer.concat([
    integer(1, IR_VERSION),
    text(2, 'penstock'), // producer_name
    text(6, 'Handwritten digits, trained by native-models/digits/train.mjs.'), // doc_string
    message(7, graph),
    message(8, [integer(2, OPSET)]), // opset_import: version; no domain is the default one
  ]);
}

function node(operator, inputs, output, attributes = {}) {
  return message(1, [
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(3, output), // name
    text(4, operator), // op_type
    ...Object.entries(attributes).map(([name, values]) =>
      message(5, [
        text(1, name),
        ...values.map((value) => integer(8, value)),
        integer(20, ATTRIBUTE_TYPE_INTS),
      ]),
    ),
  ]);
}

function initializer(name, tensor) {
  const values = tensor.dataSync(); // little-endian where Node runs, as raw_data wants it
  return message(5, [
    ...tensor.shape.map((size) => integer(1, size)), // dims
    integer(2, DATA_TYPE_FLOAT),
    text(8, name),
    bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)), // raw_data
  ]);
}

/** A dimension that is a name (dim_param) may be of any size; a number (dim_value) is fixed. */
function valueInfo(name, shape, doc) {
  const dimensions = shape.map((size) =>
    message(1, [typeof size === 'string' ? text(2, size) : integer(1, size)]),
  );
  const tensorType = [integer(1, DATA_TYPE_FLOAT), message(2, dimensions)];
  return [text(1, name), message(2, [message(1, tensorType)]), text(3, doc)];
}

// Protocol Buffers: a field is a key, then a value. The key is its number and, in the low three bits, its wire type.

const VARINT = 0;
const LENGTH_DELIMITED = 2;

function integer(field, value) {
  return Buffer.concat([varint((field << 3) | VARINT), varint(value)]);
}

function bytes(field, content) {
  return Buffer.concat([varint((field << 3) | LENGTH_DELIMITED), varint(content.length), content]);
}

function text(field, content) {
  return bytes(field, Buffer.from(content));
}

function message(field, fields) {
  return bytes(field, Buffer.concat(fields));
}

/** Seven bits a byte, the lowest first; the high bit says that more follow. For values below 2^31. */
function varint(value) {
  const encoded = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) encoded.push((rest & 0x7f) | 0x80);
  return Buffer.from([...encoded, rest]);
}
