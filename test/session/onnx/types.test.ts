import { describe, expect, test } from 'vitest';
import type { DType } from '../../../src/util/dtype.js';
import { DeviceError } from '../../../src/util/errors.js';
import { OnnxType, onnxGraph, onnxModel } from '../../helpers/onnx.js';
import { workspace } from '../../helpers/workspace.js';
import { failureOf, outputOf, sessionOf, view } from './models.js';

const tensor = (name: string, type: number, dims: (number | string)[]) => ({ name, type, dims });

describe('element types', () => {
  test('float16 goes in and out as its bits', async () => {
    const at = workspace();
    const model = onnxModel({
      operator: 'Add',
      inputs: [tensor('a', OnnxType.float16, ['batch', 2]), tensor('b', OnnxType.float16, ['batch', 2])],
      outputs: [tensor('y', OnnxType.float16, ['batch', 2])],
    });
    const session = await sessionOf(at('model.onnx'), model);
    expect(session.inputs[0]).toEqual({ name: 'a', dtype: 'float16', dims: ['batch', 2] });
    const [one, two, three, half] = [0x3c00, 0x4000, 0x4200, 0x3800];
    const a = view('a', 'float16', [2, 2], [one, two, half, 0x7c00]);
    const b = view('b', 'float16', [2, 2], [two, 0, half, one]);
    expect(await outputOf(session, [a, b], view('y', 'float16', [2, 2]))).toEqual([three, two, one, 0x7c00]);
  });

  test('int64 is exact to its last bit', async () => {
    const at = workspace();
    const model = onnxModel({
      operator: 'Neg',
      inputs: [tensor('x', OnnxType.int64, ['batch'])],
      outputs: [tensor('y', OnnxType.int64, ['batch'])],
    });
    const session = await sessionOf(at('model.onnx'), model);
    const values = [2n ** 63n - 1n, -(2n ** 53n) - 1n, 0n];
    const outputs = await outputOf(session, [view('x', 'int64', [3], values)], view('y', 'int64', [3]));
    expect(outputs).toEqual(values.map((value) => -value));
  });

  test.each([[[]], [[0, 3]], [[2, 0]]] as number[][][])('tensors of shape %j', async (dims) => {
    const at = workspace();
    const model = onnxModel({
      operator: 'Neg',
      inputs: [
        tensor(
          'x',
          OnnxType.float32,
          dims.map((_, i) => `d${i}`),
        ),
      ],
      outputs: [
        tensor(
          'y',
          OnnxType.float32,
          dims.map((_, i) => `d${i}`),
        ),
      ],
    });
    const session = await sessionOf(at('model.onnx'), model);
    const inputs = [view('x', 'float32', dims, dims.length === 0 ? [4] : [])];
    const outputs = await outputOf(session, inputs, view('y', 'float32', dims));
    expect(outputs).toEqual(dims.length === 0 ? [-4] : []);
    expect([
      ...(await session.outputDims([
        { ...inputs[0], data: new Float32Array(dims.length === 0 ? 1 : 0) } as never,
      ])),
    ]).toEqual([['y', dims]]);
  });
});

describe('what is not supported is told by its name', () => {
  const X = tensor('x', OnnxType.float32, ['batch', 2]);
  const values = (operator: string, output: ReturnType<typeof tensor>, attributes = {}) =>
    onnxGraph({
      nodes: [
        { operator: 'Neg', inputs: ['x'], outputs: ['y'] },
        { operator, inputs: ['x'], outputs: [output.name], attributes },
      ],
      inputs: [X],
      outputs: [tensor('y', OnnxType.float32, ['batch', 2]), output],
    });

  test.each([
    ['a tensor of string', 'Cast', tensor('odd', OnnxType.string, ['batch', 2]), { to: OnnxType.string }],
    [
      'no tensor',
      'SequenceConstruct',
      { ...tensor('odd', OnnxType.float32, ['batch', 2]), isSequence: true },
      {},
    ],
  ] as const)(
    'an output that is %s, beside which the others are of use',
    async (what, operator, output, attributes) => {
      const at = workspace();
      const session = await sessionOf(
        at('model.onnx'),
        values(operator, { ...output, dims: [...output.dims] }, attributes),
      );
      expect(session.outputs).toMatchObject([{ name: 'y' }, { name: 'odd', unsupported: what }]);
      expect(session.outputs[0]).not.toHaveProperty('unsupported');
      const x = view('x', 'float32', [1, 2], [3, 4]);
      expect(await outputOf(session, [x], view('y', 'float32', [1, 2]))).toEqual([-3, -4]);
      const dims = await session.outputDims([{ ...x, data: Float32Array.of(1, 2) }]);
      expect([...dims]).toEqual([['y', [1, 2]]]);
    },
  );

  test('an input that is no tensor', async () => {
    const at = workspace();
    const model = onnxModel({
      operator: 'SequenceLength',
      inputs: [{ ...tensor('several', OnnxType.float32, [2]), isSequence: true }],
      outputs: [tensor('y', OnnxType.int64, [])],
    });
    const error = await failureOf(sessionOf(at('model.onnx'), model));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toBe(
      `${at('model.onnx')}: the input several is no tensor; only tensors of numbers, bool and string can be given to a model`,
    );
  });

  test('an element type that there is no tensor of', async () => {
    const at = workspace();
    const model = onnxModel({
      operator: 'Cast',
      inputs: [tensor('x', OnnxType.bfloat16, ['batch'])],
      outputs: [tensor('y', OnnxType.float32, ['batch'])],
      attributes: { to: OnnxType.float32 },
    });
    const error = await failureOf(sessionOf(at('model.onnx'), model));
    expect(error.message).toBe(
      `${at('model.onnx')}: has an input or output of bfloat16, which is not supported`,
    );
  });

  test('a set of operators, and a version of the format, that are too new', async () => {
    const at = workspace();
    const one = { operator: 'Neg', inputs: [X], outputs: [tensor('y', OnnxType.float32, ['batch', 2])] };
    await expect(sessionOf(at('new.onnx'), onnxModel({ ...one, opset: 99 }))).rejects.toThrow(
      /^\S+new\.onnx: is of opset 99 of ai\.onnx, and this ONNX Runtime goes up to \d+$/,
    );
    const nodes = [{ operator: 'Neg', inputs: ['x'], outputs: ['y'] }];
    const graph = { nodes, inputs: one.inputs, outputs: one.outputs };
    await expect(sessionOf(at('newer.onnx'), onnxGraph({ ...graph, version: 99 }))).rejects.toThrow(
      /^\S+newer\.onnx: is written in version 99 of ONNX's format, and this ONNX Runtime goes up to \d+$/,
    );
  });

  test('an operator that there is not, without places in the source of ONNX Runtime', async () => {
    const at = workspace();
    const outputs = [tensor('y', OnnxType.float32, ['batch', 2])];
    const error = await failureOf(
      sessionOf(at('model.onnx'), onnxModel({ operator: 'Frobnicate', inputs: [X], outputs })),
    );
    expect(error.message).toMatch(
      /is no model that ONNX Runtime can load: .*No Op registered for Frobnicate/,
    );
    expect(error.message).not.toMatch(/onnxruntime_src|failed:/);
  });
});

describe('an output of another shape than planned', () => {
  const X = tensor('x', OnnxType.float32, ['batch', 3]);

  test('is an error that names it and both shapes', async () => {
    const at = workspace();
    const model = onnxModel({
      operator: 'ReduceSum',
      inputs: [X],
      outputs: [tensor('total', OnnxType.float32, ['batch'])],
      attributes: { keepdims: 0 },
    });
    const session = await sessionOf(at('model.onnx'), model);
    const x = view('x', 'float32', [2, 3], [1, 2, 3, 4, 5, 6]);
    const error = await failureOf(session.run([x], [view('total', 'float32', [2])]));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toBe(
      `${at('model.onnx')}: the output total is float32 [] where float32 [2] was expected: its first dimension must be the batch, and the others the same for every batch`,
    );
    expect(await outputOf(session, [x], view('total', 'float32', []))).toEqual([21]);
  });

  test.each(['float32', 'float16'] as const)(
    'than declared is written all the same, for ONNX Runtime computes it: %s',
    async (dtype: DType) => {
      const at = workspace();
      const type = OnnxType[dtype as 'float32'];
      const model = onnxModel({
        operator: 'Neg',
        inputs: [tensor('x', type, ['batch', 3])],
        outputs: [tensor('y', type, [1, 3])],
      });
      const session = await sessionOf(at('model.onnx'), model);
      const values = [1, 2, 3, 4, 5, 6];
      const x = view('x', dtype, [2, 3], values);
      const expected =
        dtype === 'float32' ? values.map((value) => -value) : values.map((bits) => bits + 0x8000);
      expect(await outputOf(session, [x], view('y', dtype, [2, 3]))).toEqual(expected);
      await expect(session.run([x], [view('y', dtype, [3, 2])])).rejects.toThrow(
        `the output y is ${dtype} [2, 3] where ${dtype} [3, 2] was expected`,
      );
    },
  );
});
