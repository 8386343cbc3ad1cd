/*
 * An ONNX model of one node, for its price alone: y [batch] = ReduceMean(x [batch, width]). ONNX is Protocol Buffers;
 * numbers of fields are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
 */
const varint = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
const integer = (field, value) => Buffer.from([...varint(field << 3), ...varint(value)]);
const bytes = (field, content) =>
  Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(content.length)]), content]);
const text = (field, content) => bytes(field, Buffer.from(content));
const message = (field, ...pieces) => bytes(field, Buffer.concat(pieces));

const FLOAT = 1;
const INT = 2;
const INTS = 7;

function value(field, name, ...dims) {
  const shape = dims.map((dim) => message(1, typeof dim === 'number' ? integer(1, dim) : text(2, dim)));
  return message(field, text(1, name), message(2, message(1, integer(1, FLOAT), message(2, ...shape))));
}

export function meanModel(width) {
  const node = message(
    1,
    text(1, 'x'),
    text(2, 'y'),
    text(4, 'ReduceMean'),
    message(5, text(1, 'axes'), integer(8, 1), integer(20, INTS)),
    message(5, text(1, 'keepdims'), integer(3, 0), integer(20, INT)),
  );
  const graph = [node, text(2, 'mean'), value(11, 'x', 'batch', width), value(12, 'y', 'batch')];
  return Buffer.concat([integer(1, 8), message(7, ...graph), message(8, integer(2, 13))]);
}
