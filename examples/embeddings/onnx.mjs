// Writes an ONNX file, which is Protocol Buffers; numbers of fields are those of
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3. You will not need this: models come from a trainer's export.

const TYPES = { float32: 1, int64: 7 };

export function model({ inputs, outputs, nodes, tensors }) {
  const graph = [
    ...nodes.map((one) => message(1, one)),
    text(2, 'graph'),
    ...tensors.map((one) => message(5, one)),
    ...inputs.map((one) => message(11, one)),
    ...outputs.map((one) => message(12, one)),
  ];
  return Buffer.concat([integer(1, 8), message(7, graph), message(8, [integer(2, 17)])]);
}

/** An input or an output; a dimension that is a name may be of any size. */
export function value(name, type, dims) {
  const shape = dims.map((dim) => message(1, [typeof dim === 'string' ? text(2, dim) : integer(1, dim)]));
  return [text(1, name), message(2, [message(1, [integer(1, TYPES[type]), message(2, shape)])])];
}

export function tensor(name, type, dims, { buffer, byteOffset, byteLength }) {
  const data = new Uint8Array(buffer, byteOffset, byteLength);
  return [...dims.map((dim) => integer(1, dim)), integer(2, TYPES[type]), text(8, name), bytes(9, data)];
}

/** An attribute is a whole number, or a list of such. */
export function node(operator, inputs, output, attributes = {}) {
  return [
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(4, operator),
    ...Object.entries(attributes).map(([name, one]) =>
      message(5, [
        text(1, name),
        ...(Array.isArray(one) ? one.map((item) => integer(8, item)) : [integer(3, one)]),
        integer(20, Array.isArray(one) ? 7 : 2),
      ]),
    ),
  ];
}

const integer = (field, number) => Buffer.concat([varint(field << 3), varint(number)]);
const bytes = (field, content) => Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
const text = (field, content) => bytes(field, Buffer.from(content));
const message = (field, pieces) => bytes(field, Buffer.concat(pieces));

/** Seven bits a byte, the lowest first; the high bit says that more follow. For values below 2^31. */
function varint(number) {
  const encoded = [];
  let rest = number;
  for (; rest > 0x7f; rest >>>= 7) encoded.push((rest & 0x7f) | 0x80);
  return Buffer.from([...encoded, rest]);
}
