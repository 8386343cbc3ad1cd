/*
 * An ONNX model of a few hundred bytes: y = relu(x · W + b), x float32 [2, 4]. All its numbers are small integers, so
 * that every device, whatever it rounds to, has to come to the same results exactly.
 *
 * ONNX is Protocol Buffers; numbers of fields are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
 */
const ROWS = 2;
const INNER = 4;
const COLUMNS = 3;
const FLOAT = 1;

const WEIGHT = Float32Array.from({ length: INNER * COLUMNS }, (_, i) => (i % 5) - 2);
const BIAS = Float32Array.from([1, -3, 2]);

export const TINY_INPUT = {
  name: 'x',
  dims: [ROWS, INNER],
  data: Float32Array.from({ length: ROWS * INNER }, (_, i) => (i % 7) - 3),
} as const;

/** What y has to be. */
export function tinyExpected(): number[] {
  return Array.from({ length: ROWS * COLUMNS }, (_, at) => {
    const [row, column] = [Math.floor(at / COLUMNS), at % COLUMNS];
    let sum = BIAS[column] as number;
    for (let k = 0; k < INNER; k++) {
      sum += (TINY_INPUT.data[row * INNER + k] as number) * (WEIGHT[k * COLUMNS + column] as number);
    }
    return Math.max(0, sum);
  });
}

/** IR version 8 with opset 17 is read by every onnxruntime since 1.12. */
export function tinyModel(): Uint8Array {
  const graph = [
    node('MatMul', ['x', 'W'], 'product'),
    node('Add', ['product', 'b'], 'sum'),
    node('Relu', ['sum'], 'y'),
    text(2, 'tiny'), // name
    initializer('W', [INNER, COLUMNS], WEIGHT),
    initializer('b', [COLUMNS], BIAS),
    message(11, value('x', [ROWS, INNER])), // input
    message(12, value('y', [ROWS, COLUMNS])), // output
  ];
  return Buffer.concat([
    integer(1, 8), // ir_version
    text(2, 'penstock'), // producer_name
    message(7, graph),
    message(8, [integer(2, 17)]), // opset_import
  ]);
}

function node(operator: string, inputs: readonly string[], output: string): Buffer {
  return message(1, [...inputs.map((name) => text(1, name)), text(2, output), text(4, operator)]);
}

function initializer(name: string, dims: readonly number[], data: Float32Array): Buffer {
  const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return message(5, [
    ...dims.map((size) => integer(1, size)),
    integer(2, FLOAT),
    text(8, name),
    bytes(9, raw),
  ]);
}

function value(name: string, dims: readonly number[]): Buffer[] {
  const shape = dims.map((size) => message(1, [integer(1, size)]));
  return [text(1, name), message(2, [message(1, [integer(1, FLOAT), message(2, shape)])])];
}

// A field is a key (its number and a wire type: 0 a varint, 2 bytes with their length before them), then a value. All
// numbers here are below 128 but lengths, which take two bytes at most.

function integer(field: number, content: number): Buffer {
  return Buffer.from([field << 3, ...varint(content)]);
}

function bytes(field: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(content.length)]), content]);
}

function text(field: number, content: string): Buffer {
  return bytes(field, Buffer.from(content));
}

function message(field: number, fields: readonly Buffer[]): Buffer {
  return bytes(field, Buffer.concat(fields));
}

function varint(content: number): number[] {
  return content < 0x80 ? [content] : [(content & 0x7f) | 0x80, ...varint(content >>> 7)];
}
