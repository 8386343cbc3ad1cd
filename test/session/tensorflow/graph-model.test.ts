import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import {
  additionGraph,
  constant,
  info,
  operator,
  placeholder,
  type,
  writeGraph,
} from '../../helpers/graph-model.js';
import { workspace } from '../../helpers/workspace.js';
import { GRAPH, open, view } from './models.js';

const FLOAT = { T: type('DT_FLOAT') };

describe('a graph model', () => {
  test('is called as its signature calls it, and told by its folder or its model.json', async () => {
    for (const uri of [GRAPH, `${GRAPH}/model.json`]) {
      const session = await open(uri);
      expect(session.inputs).toEqual([{ name: 'image', dtype: 'float32', dims: ['batch', 28, 28, 1] }]);
      expect(session.outputs).toEqual([{ name: 'logits', dtype: 'float32', dims: ['batch', 10] }]);
    }
  });

  test('writes its outputs into the views given, which lie in shared memory', async () => {
    const session = await open(additionGraph(workspace()('m')));
    const y = view('y', 'float32', [2, 3]);
    await session.run([view('x', 'float32', [2, 3], [1, 2, 3, 4, 5, 6])], [y]);
    expect([...y.data]).toEqual([11, 22, 33, 14, 25, 36]);
  });

  test('without a signature is called after its nodes, and its shapes are found by running', async () => {
    const nodes = [
      placeholder('a', 'DT_INT32', [-1, 2]),
      operator('Cast', 'floats', ['a'], { SrcT: type('DT_INT32'), DstT: type('DT_FLOAT') }),
      operator('Greater', 'above', ['a', 'a'], { T: type('DT_INT32') }),
    ];
    const session = await open(writeGraph(workspace()('m'), { nodes }));
    expect(session.inputs).toEqual([{ name: 'a', dtype: 'int32', dims: ['batch', 2] }]);
    expect(session.outputs).toEqual([
      { name: 'floats', dtype: 'float32', dims: undefined },
      { name: 'above', dtype: 'bool', dims: undefined },
    ]);
    const input = view('a', 'int32', [2, 2], [1, 2, 3, 4]);
    expect(await session.outputDims([input])).toEqual(
      new Map([
        ['floats', [2, 2]],
        ['above', [2, 2]],
      ]),
    );
    const [floats, above] = [view('floats', 'float32', [2, 2]), view('above', 'bool', [2, 2], [1, 1, 1, 1])];
    await session.run([input], [floats, above]);
    expect([...floats.data]).toEqual([1, 2, 3, 4]);
    expect([...above.data]).toEqual([0, 0, 0, 0]);
  });

  test('without a signature gives places as whole numbers, of whatever they are places in', async () => {
    const nodes = [
      placeholder('mask', 'DT_BOOL', [-1]),
      operator('Where', 'y', ['mask'], { T: type('DT_BOOL') }),
    ];
    const session = await open(writeGraph(workspace()('m'), { nodes }));
    expect(session.outputs).toEqual([{ name: 'y', dtype: 'int32', dims: undefined }]);
    const y = view('y', 'int32', [1, 1]);
    const mask = view('mask', 'bool', [400]);
    mask.data[399] = 1;
    await session.run([mask], [y]);
    expect([...y.data]).toEqual([399]);
  });

  test('whose output comes as something else than it says is an error of the batch', async () => {
    const folder = writeGraph(workspace()('m'), {
      nodes: [placeholder('x', 'DT_FLOAT', [-1]), operator('Identity', 'y', ['x'], FLOAT)],
      signature: {
        inputs: { x: info('x:0', 'DT_FLOAT', [-1]) },
        outputs: { y: info('y:0', 'DT_INT32', [-1]) },
      },
    });
    const session = await open(folder);
    const run = session.run([view('x', 'float32', [1], [0.5])], [view('y', 'int32', [1])]);
    await expect(run).rejects.toThrow(
      "the model's output y came as float32, and the model says that it is int32",
    );
  });

  test('takes several inputs in any order, booleans among them, and gives the outputs asked for', async () => {
    const nodes = [
      placeholder('mask', 'DT_BOOL', [-1]),
      placeholder('x', 'DT_FLOAT', [-1]),
      placeholder('y', 'DT_FLOAT', [-1]),
      operator('SelectV2', 'chosen', ['mask', 'x', 'y'], FLOAT),
      operator('Neg', 'other', ['x'], FLOAT),
    ];
    const session = await open(writeGraph(workspace()('m'), { nodes }));
    const chosen = view('chosen', 'float32', [3]);
    await session.run(
      [
        view('y', 'float32', [3], [-1, -2, -3]),
        view('x', 'float32', [3], [1, 2, 3]),
        view('mask', 'bool', [3], [1, 0, 1]),
      ],
      [chosen],
    );
    expect([...chosen.data]).toEqual([1, -2, 3]);
  });

  test('int64 is int32 in TensorFlow.js, and said to be', async () => {
    const session = await open(
      writeGraph(workspace()('m'), {
        nodes: [
          placeholder('ids', 'DT_INT64', [-1]),
          operator('Identity', 'same', ['ids'], { T: type('DT_INT64') }),
        ],
        signature: {
          inputs: { ids: info('ids:0', 'DT_INT64', [-1]) },
          outputs: { same: info('same:0', 'DT_INT64', [-1]) },
        },
      }),
    );
    expect(session.inputs).toEqual([{ name: 'ids', dtype: 'int32', dims: ['batch'] }]);
    const same = view('same', 'int32', [2]);
    await session.run([view('ids', 'int32', [2], [7, -7])], [same]);
    expect([...same.data]).toEqual([7, -7]);
  });

  test('text is refused by name', async () => {
    const nodes = [placeholder('words', 'DT_STRING', [-1]), operator('Identity', 'same', ['words'])];
    await expect(open(writeGraph(workspace()('m'), { nodes }))).rejects.toThrow(
      'input "words" is a tensor of string, which is not supported',
    );
  });

  test('an operator that there is none of is an error of the batch that names it', async () => {
    const nodes = [placeholder('x', 'DT_FLOAT', [-1]), operator('Einsteinium', 'y', ['x'], FLOAT)];
    const session = await open(writeGraph(workspace()('m'), { nodes }));
    const before = tf.memory().numTensors;
    await expect(session.run([view('x', 'float32', [1], [1])], [view('y', 'float32', [1])])).rejects.toThrow(
      'Einsteinium',
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  test('may give an input or a weight as it stands, batch after batch', async () => {
    const nodes = [
      placeholder('x', 'DT_FLOAT', [-1]),
      constant('w'),
      operator('Identity', 'y', ['x'], FLOAT),
    ];
    const session = await open(
      writeGraph(workspace()('m'), {
        nodes,
        weights: { w: [5, 6] },
        signature: {
          inputs: { x: info('x:0', 'DT_FLOAT', [-1]) },
          outputs: {
            y: info('y:0', 'DT_FLOAT', [-1]),
            w: info('w:0', 'DT_FLOAT', [2]),
            x: info('x:0', 'DT_FLOAT', [-1]),
          },
        },
      }),
    );
    for (let batch = 0; batch < 3; batch++) {
      const [y, w] = [view('y', 'float32', [2]), view('w', 'float32', [2])];
      await session.run([view('x', 'float32', [2], [batch, 1])], [y, w]);
      expect([...y.data, ...w.data]).toEqual([batch, 1, 5, 6]);
    }
  });

  test('with control flow runs asynchronously', async () => {
    // Where picks an unknown number of rows, which the synchronous executor refuses as dynamic.
    const nodes = [
      placeholder('mask', 'DT_BOOL', [-1]),
      operator('Where', 'places', ['mask'], { T: type('DT_BOOL') }),
      operator('Cast', 'y', ['places'], { SrcT: type('DT_INT64'), DstT: type('DT_FLOAT') }),
    ];
    const session = await open(writeGraph(workspace()('m'), { nodes }));
    const run = async (): Promise<number[]> => {
      const y = view('y', 'float32', [2, 1]);
      await session.run([view('mask', 'bool', [4], [0, 1, 0, 1])], [y]);
      return [...y.data] as number[];
    };
    expect(await run()).toEqual([1, 3]);
    const before = tf.memory().numTensors;
    expect(await run()).toEqual([1, 3]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('memory', () => {
  test('is flat over 10,000 batches', async () => {
    const session = await open(additionGraph(workspace()('m')));
    const [x, y] = [view('x', 'float32', [4, 3], Array(12).fill(1)), view('y', 'float32', [4, 3])];
    await session.run([x], [y]);
    const { numTensors, numBytes } = tf.memory();
    for (let batch = 0; batch < 10_000; batch++) await session.run([x], [y]);
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
  });

  test('is given back by close', async () => {
    const before = tf.memory().numTensors;
    const session = await open(GRAPH);
    expect(tf.memory().numTensors).toBeGreaterThan(before);
    await session.close();
    expect(tf.memory().numTensors).toBe(before);
  });
});
