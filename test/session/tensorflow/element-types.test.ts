import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DType } from '../../../src/util/dtype.js';
import { info, operator, placeholder, type, writeGraph } from '../../helpers/graph-model.js';
import { workspace } from '../../helpers/workspace.js';
import { open, view } from './models.js';

// TensorFlow.js has float32, int32 and bool. What is another type in TensorFlow is one of them, or refused by name.

/** y = x as float32, and x as it is. */
const castGraph = (folder: string, dtype: string | number): string =>
  writeGraph(folder, {
    nodes: [
      placeholder('x', dtype, [-1]),
      operator('Identity', 'same', ['x'], { T: type(dtype) }),
      operator('Cast', 'y', ['x'], { SrcT: type(dtype), DstT: type('DT_FLOAT') }),
    ],
    signature: {
      inputs: { x: info('x:0', dtype, [-1]) },
      outputs: { y: info('y:0', 'DT_FLOAT', [-1]), same: info('same:0', dtype, [-1]) },
    },
  });

interface Case {
  readonly declared: string | number;
  readonly taken: DType;
  readonly given: DType;
  readonly values: readonly number[];
}

const cases: Case[] = [
  { declared: 'DT_FLOAT', taken: 'float32', given: 'float32', values: [1.5, -2] },
  { declared: 'DT_DOUBLE', taken: 'float32', given: 'float32', values: [1.5, -2] },
  { declared: 'DT_HALF', taken: 'float32', given: 'float32', values: [1.5, -2] },
  { declared: 'DT_INT8', taken: 'int8', given: 'int32', values: [127, -128] },
  { declared: 'DT_UINT8', taken: 'uint8', given: 'int32', values: [0, 255] },
  { declared: 'DT_INT16', taken: 'int16', given: 'int32', values: [32_767, -32_768] },
  { declared: 'DT_UINT16', taken: 'uint16', given: 'int32', values: [0, 65_535] },
  { declared: 'DT_INT32', taken: 'int32', given: 'int32', values: [1, -1] },
  { declared: 'DT_INT64', taken: 'int32', given: 'int32', values: [1, -1] },
  { declared: 'DT_BOOL', taken: 'bool', given: 'bool', values: [1, 0] },
  // As Protocol Buffers' JSON may have them.
  { declared: 1, taken: 'float32', given: 'float32', values: [1.5] },
  { declared: 4, taken: 'uint8', given: 'int32', values: [255] },
  { declared: 9, taken: 'int32', given: 'int32', values: [-1] },
  { declared: 17, taken: 'uint16', given: 'int32', values: [65_535] },
  { declared: 19, taken: 'float32', given: 'float32', values: [1.5] },
];

describe('a graph model', () => {
  test.each(cases)(
    'of $declared takes $taken and gives $given',
    async ({ declared, taken, given, values }) => {
      const session = await open(castGraph(workspace()('m'), declared));
      expect(session.inputs).toEqual([{ name: 'x', dtype: taken, dims: ['batch'] }]);
      expect(session.outputs.map(({ name, dtype }) => [name, dtype])).toEqual([
        ['y', 'float32'],
        ['same', given],
      ]);
      const dims = [values.length];
      const [y, same] = [view('y', 'float32', dims), view('same', given, dims)];
      await session.run([view('x', taken, dims, values)], [y, same]);
      expect([...y.data]).toEqual(values);
      expect([...same.data]).toEqual(values);
    },
  );

  test.each([
    ['DT_UINT32', 'uint32'],
    ['DT_UINT64', 'uint64'],
    ['DT_BFLOAT16', 'bfloat16'],
    ['DT_COMPLEX64', 'complex64'],
    ['DT_STRING', 'string'],
    ['DT_VARIANT', 'variant'],
    [14, 'bfloat16'],
    [23, 'uint64'],
    [99, 'type 99'],
  ])('of %s is refused by name', async (declared, name) => {
    await expect(open(castGraph(workspace()('m'), declared))).rejects.toThrow(
      `input "x" is a tensor of ${name}, which is not supported`,
    );
  });
});

describe('a layers model', () => {
  /** A layer that leaves everything as it is, after an input of a type. */
  function layers(folder: string, dtype: string): string {
    const layer = (name: string, class_name: string, config: object) => ({
      class_name,
      config: { name, ...config },
    });
    const model = {
      format: 'layers-model',
      modelTopology: {
        class_name: 'Sequential',
        config: {
          name: 'm',
          layers: [
            layer('x', 'InputLayer', { batch_input_shape: [null, 2], dtype }),
            layer('y', 'Reshape', { target_shape: [2] }),
          ],
        },
      },
      weightsManifest: [],
    };
    writeFileSync(folder, JSON.stringify(model));
    return folder;
  }

  test.each([
    ['float32', 'float32', [1.5, -2]],
    ['float16', 'float32', [1.5, -2]],
    ['float64', 'float32', [1.5, -2]],
    ['uint8', 'uint8', [0, 255]],
    ['int64', 'int32', [7, -7]],
    ['bool', 'bool', [1, 0]],
  ] as const)('of %s takes %s', async (declared, taken, values) => {
    const session = await open(layers(workspace()('m.json'), declared));
    expect(session.inputs).toEqual([{ name: 'x', dtype: taken, dims: ['batch', 2] }]);
    // Of what its layers make, TensorFlow.js says that it is float32.
    const y = view('y', 'float32', [1, 2]);
    expect(session.outputs).toEqual([{ name: 'y', dtype: 'float32', dims: ['batch', 2] }]);
    await session.run([view('x', taken, [1, 2], values)], [y]);
    expect([...y.data]).toEqual(values);
  });

  test('of text is refused by name', async () => {
    await expect(open(layers(workspace()('m.json'), 'string'))).rejects.toThrow('is a tensor of string');
  });
});
