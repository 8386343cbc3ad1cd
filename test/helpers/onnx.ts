/*
 * ONNX models of one node, for tests. ONNX is Protocol Buffers; numbers of fields are those of
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
 */

type Piece = Uint8Array;

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
const integer = (field: number, value: number): Piece =>
  Uint8Array.from([...varint(field * 8), ...varint(value)]);
const bytes = (field: number, content: Uint8Array): Piece =>
  Buffer.concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(content.length)]), content]);
const text = (field: number, value: string): Piece => bytes(field, Buffer.from(value));
const message = (field: number, pieces: readonly Piece[]): Piece => bytes(field, Buffer.concat(pieces));

/** Numbers of element types. */
export const OnnxType = { float32: 1, int64: 7, string: 8, bool: 9 } as const;

export interface OnnxValue {
  readonly name: string;
  readonly type: number;
  /** A name for a dimension that is left open. */
  readonly dims: readonly (number | string)[];
}

const value = (field: number, { name, type, dims }: OnnxValue): Piece => {
  const shape = dims.map((dim) => message(1, [typeof dim === 'number' ? integer(1, dim) : text(2, dim)]));
  return message(field, [text(1, name), message(2, [message(1, [integer(1, type), message(2, shape)])])]);
};

export interface OneNode {
  readonly operator: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Attributes that are text or whole numbers. */
  readonly attributes?: Readonly<Record<string, string | number>>;
  readonly opset?: number;
}

export function onnxModel({ operator, inputs, outputs, attributes = {}, opset = 17 }: OneNode): Uint8Array {
  const INT = 2;
  const STRING = 3;
  const node = message(1, [
    ...inputs.map(({ name }) => text(1, name)),
    ...outputs.map(({ name }) => text(2, name)),
    text(4, operator),
    ...Object.entries(attributes).map(([name, content]) =>
      typeof content === 'number'
        ? message(5, [text(1, name), integer(3, content), integer(20, INT)])
        : message(5, [text(1, name), text(4, content), integer(20, STRING)]),
    ),
  ]);
  const graph = [
    node,
    text(2, 'one'),
    ...inputs.map((one) => value(11, one)),
    ...outputs.map((one) => value(12, one)),
  ];
  return Buffer.concat([integer(1, 9), message(7, graph), message(8, [integer(2, opset)])]);
}
