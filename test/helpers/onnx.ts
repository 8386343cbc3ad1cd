/*
 * Small ONNX models, for tests. ONNX is Protocol Buffers; numbers of fields are those of
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
 */

type Piece = Uint8Array;

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
const integer = (field: number, value: number): Piece =>
  Uint8Array.from([...varint(field * 8), ...varint(value)]);
const bytes = (field: number, content: Uint8Array): Piece =>
  Buffer.concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(content.length)]), content]);
const text = (field: number, value: string): Piece => bytes(field, Buffer.from(value));
const message = (field: number, pieces: readonly Piece[]): Piece => bytes(field, Buffer.concat(pieces));

/** Numbers of element types. */
export const OnnxType = {
  float32: 1,
  uint8: 2,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  bfloat16: 16,
} as const;

export interface OnnxValue {
  readonly name: string;
  readonly type: number;
  /** A name for a dimension that is left open. */
  readonly dims: readonly (number | string)[];
  /** A sequence of such tensors. */
  readonly isSequence?: boolean;
}

const value = (field: number, { name, type, dims, isSequence }: OnnxValue): Piece => {
  const shape = dims.map((dim) => message(1, [typeof dim === 'number' ? integer(1, dim) : text(2, dim)]));
  const tensor = message(1, [integer(1, type), message(2, shape)]);
  return message(field, [
    text(1, name),
    message(2, isSequence ? [message(4, [message(1, [tensor])])] : [tensor]),
  ]);
};

/** A tensor that the model brings along. */
export interface OnnxWeight {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly number[];
  /** Its bytes, or where they are. */
  readonly data: Uint8Array | OnnxExternal;
}

/** Bytes in a file beside the model; entries that are left out are not in the model either. */
export interface OnnxExternal {
  readonly location: string;
  readonly offset?: number;
  readonly length?: number;
}

const weight = (field: number, { name, type, dims, data }: OnnxWeight): Piece => {
  const EXTERNAL = 1;
  const stored =
    data instanceof Uint8Array
      ? [bytes(9, data)]
      : [
          ...Object.entries(data).map(([key, entry]) => message(13, [text(1, key), text(2, String(entry))])),
          integer(14, EXTERNAL),
        ];
  return message(field, [...dims.map((dim) => integer(1, dim)), integer(2, type), text(8, name), ...stored]);
};

/** A number is an integer. */
type Attribute = string | number | readonly number[] | OnnxGraph | OnnxWeight;

export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

const attribute = (name: string, content: Attribute): Piece => {
  const [type, ...pieces] =
    typeof content === 'string'
      ? [3, text(4, content)]
      : typeof content === 'number'
        ? [2, integer(3, content)]
        : 'nodes' in content
          ? [5, message(6, graph(content))]
          : 'data' in content
            ? [4, weight(5, content)]
            : [7, ...content.map((one) => integer(8, one))];
  return message(5, [text(1, name), ...(pieces as Piece[]), integer(20, type as number)]);
};

const node = (field: number, { operator, inputs, outputs, attributes = {} }: OnnxNode): Piece =>
  message(field, [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, operator),
    ...Object.entries(attributes).map(([name, content]) => attribute(name, content)),
  ]);

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly weights?: readonly OnnxWeight[];
}

const graph = ({ nodes, inputs, outputs, weights = [] }: OnnxGraph): Piece[] => [
  ...nodes.map((one) => node(1, one)),
  text(2, 'graph'),
  ...weights.map((one) => weight(5, one)),
  ...inputs.map((one) => value(11, one)),
  ...outputs.map((one) => value(12, one)),
];

export interface OnnxModel extends OnnxGraph {
  readonly opset?: number;
  /** The version of the format. */
  readonly version?: number;
}

export function onnxGraph({ opset = 17, version = 9, ...content }: OnnxModel): Uint8Array {
  return Buffer.concat([integer(1, version), message(7, graph(content)), message(8, [integer(2, opset)])]);
}

/** A model of one node, whose inputs and outputs are the model's. */
export interface OneNode {
  readonly operator: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly opset?: number;
}

export function onnxModel({ operator, inputs, outputs, attributes = {}, ...rest }: OneNode): Uint8Array {
  const names = (values: readonly OnnxValue[]): string[] => values.map(({ name }) => name);
  const nodes = [{ operator, inputs: names(inputs), outputs: names(outputs), attributes }];
  return onnxGraph({ nodes, inputs, outputs, ...rest });
}
