// ONNX models, written field by field: numbers and names are those of
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
import { bytesField, integerField } from '../../../dist/session/onnx/protobuf.js';

const IR_VERSION = 8;
/** The last with which every onnxruntime since 1.12 is content. */
const OPSET = 17;

/** Numbers of element types. */
export const TYPE = { float32: 1, uint8: 2, int32: 6, int64: 7 };
const ATTRIBUTE = { float: 1, int: 2, ints: 7 };

const text = (field, value) => bytesField(field, [Buffer.from(value)]);

/**
 * A list of integers, an integer, or `{ float }`.
 * @returns {Buffer[]}
 */
function attribute(name, value) {
  if (Array.isArray(value)) {
    const items = value.map((item) => integerField(8, item));
    return bytesField(5, [...text(1, name), ...items, integerField(20, ATTRIBUTE.ints)]);
  }
  if (typeof value === 'number')
    return bytesField(5, [...text(1, name), integerField(3, value), integerField(20, ATTRIBUTE.int)]);
  const float = Buffer.alloc(5);
  float[0] = (2 << 3) | 5; // field 2, four bytes
  float.writeFloatLE(value.float, 1);
  return bytesField(5, [...text(1, name), float, integerField(20, ATTRIBUTE.float)]);
}

/** Collects the nodes and weights of a graph; every node has one output, which is its name. */
export class Graph {
  #nodes = [];
  #weights = [];

  /** @returns {string} the output */
  node(operator, inputs, output, attributes = {}) {
    const pieces = [
      ...inputs.flatMap((name) => text(1, name)),
      ...text(2, output),
      ...text(3, output),
      ...text(4, operator),
      ...Object.entries(attributes).flatMap(([name, value]) => attribute(name, value)),
    ];
    this.#nodes.push(...bytesField(1, pieces));
    return output;
  }

  /**
   * @param {Float32Array | BigInt64Array} values
   * @returns {string} the name
   */
  weight(name, dims, values) {
    const type = values instanceof Float32Array ? TYPE.float32 : TYPE.int64;
    this.#weights.push(
      ...bytesField(5, [
        ...dims.map((size) => integerField(1, size)),
        integerField(2, type),
        ...text(8, name),
        // Little-endian where Node runs, as raw_data wants it.
        ...bytesField(9, [Buffer.from(values.buffer, values.byteOffset, values.byteLength)]),
      ]),
    );
    return name;
  }

  /** @returns {string} the name of a constant list of integers */
  integers(name, values) {
    return this.weight(name, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** @returns {string} the name of a constant number */
  number(name, value) {
    return this.weight(name, [], Float32Array.of(value));
  }

  /**
   * @param {{ name: string, type: number, dims: readonly (number | string)[] }[]} inputs names of dimensions are open
   * @returns {Buffer}
   */
  model(name, inputs, outputs) {
    const graph = [
      ...this.#nodes,
      ...text(2, name),
      ...this.#weights,
      ...inputs.flatMap((one) => valueInfo(11, one)),
      ...outputs.flatMap((one) => valueInfo(12, one)),
    ];
    return Buffer.concat([
      integerField(1, IR_VERSION),
      ...text(2, 'penstock'),
      ...bytesField(7, graph),
      ...bytesField(8, [integerField(2, OPSET)]),
    ]);
  }
}

function valueInfo(field, { name, type, dims }) {
  const shape = dims.flatMap((size) =>
    bytesField(1, typeof size === 'string' ? text(2, size) : [integerField(1, size)]),
  );
  const tensor = bytesField(1, [integerField(1, type), ...bytesField(2, shape)]);
  return bytesField(field, [...text(1, name), ...bytesField(2, tensor)]);
}
