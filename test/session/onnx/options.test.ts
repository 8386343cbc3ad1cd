import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { load } from '../../../src/session/onnx/load.js';
import { UsageError } from '../../../src/util/errors.js';
import { OnnxType, onnxGraph, onnxModel } from '../../helpers/onnx.js';
import { workspace } from '../../helpers/workspace.js';
import { failureOf, open, outputOf, sessionOf, specOf, view } from './models.js';

// y = −(x), of [batch, steps, 2].
const X = { name: 'x', type: OnnxType.float32, dims: ['batch', 'steps', 2] };
const Y = { name: 'y', type: OnnxType.float32, dims: ['batch', 'steps', 2] };
const NEGATE = onnxModel({ operator: 'Neg', inputs: [X], outputs: [Y] });
const negated = (dims: readonly number[], size: number) => {
  const values = Array.from({ length: size }, (_, i) => i + 1);
  return {
    inputs: [view('x', 'float32', dims, values)],
    output: view('y', 'float32', dims),
    expected: values.map((value) => -value),
  };
};

/** Threads of this process by the kernel's count; where there is none, the tests of it do not run. */
const hasTasks = existsSync('/proc/self/task');
const threads = (): number => readdirSync('/proc/self/task').length;

describe('model.options reach ONNX Runtime', () => {
  test.each([
    ['disabled', true],
    ['all', false],
  ])('graphOptimizationLevel %s and optimizedModelFilePath', async (graphOptimizationLevel, keeps) => {
    const at = workspace();
    const identity = { operator: 'Identity', inputs: ['x'], outputs: ['between'] };
    const negate = { operator: 'Neg', inputs: ['between'], outputs: ['y'] };
    const optimizedModelFilePath = at('optimized.onnx');
    await sessionOf(at('model.onnx'), onnxGraph({ nodes: [identity, negate], inputs: [X], outputs: [Y] }), {
      graphOptimizationLevel,
      optimizedModelFilePath,
    });
    expect(readFileSync(optimizedModelFilePath).includes('Identity')).toBe(keeps);
    const again = await open(optimizedModelFilePath);
    const { inputs, output, expected } = negated([1, 1, 2], 2);
    expect(await outputOf(again, inputs, output)).toEqual(expected);
  });

  test.runIf(hasTasks)('intraOpNumThreads, which comes before what the machine suggests', async () => {
    const at = workspace();
    await sessionOf(at('first.onnx'), NEGATE);
    const before = threads();
    await sessionOf(at('one.onnx'), NEGATE);
    expect(threads() - before).toBe(0);
    await sessionOf(at('four.onnx'), NEGATE, { intraOpNumThreads: 4 });
    expect(threads() - before).toBe(3);
  });

  test.runIf(hasTasks)('executionMode and interOpNumThreads', async () => {
    const at = workspace();
    await sessionOf(at('first.onnx'), NEGATE);
    const before = threads();
    const options = { executionMode: 'parallel', interOpNumThreads: 3 };
    const session = await sessionOf(at('model.onnx'), NEGATE, options);
    expect(threads() - before).toBe(2);
    const { inputs, output, expected } = negated([2, 1, 2], 4);
    expect(await outputOf(session, inputs, output)).toEqual(expected);
  });

  test('enableProfiling and profileFilePrefix', async () => {
    const at = workspace();
    writeFileSync(at('model.onnx'), NEGATE);
    const options = { enableProfiling: true, profileFilePrefix: at('profile') };
    const session = await load(specOf(at('model.onnx'), options));
    const { inputs, output } = negated([2, 1, 2], 4);
    await session.run(inputs, [output]);
    await session.close();
    const [profile = ''] = readdirSync(at()).filter((name) => name.startsWith('profile'));
    expect(readFileSync(at(profile), 'utf8')).toContain('SequentialExecutor::Execute');
  });

  test('extra, whose entries need not be texts', async () => {
    const at = workspace();
    const extra = { session: { disable_prepacking: true, intra_op: { allow_spinning: 0 } } };
    const session = await sessionOf(at('model.onnx'), NEGATE, { extra });
    const { inputs, output, expected } = negated([2, 1, 2], 4);
    expect(await outputOf(session, inputs, output)).toEqual(expected);
  });

  test('extra, groups of entries in groups', async () => {
    const at = workspace();
    const optimizedModelFilePath = at('saved');
    const extra = { session: { save_model_format: 'ORT' } };
    await sessionOf(at('model.onnx'), NEGATE, { optimizedModelFilePath, extra });
    expect(readFileSync(optimizedModelFilePath).toString('latin1', 4, 8)).toBe('ORTM');
  });

  test('a file that the optimised model can not be written to', async () => {
    const at = workspace();
    const error = await failureOf(
      sessionOf(at('model.onnx'), NEGATE, { optimizedModelFilePath: at('nowhere/model.onnx') }),
    );
    expect(error.message).toBe(
      `${at('model.onnx')}: can't be written optimised to ${at('nowhere/model.onnx')}: No such file or directory`,
    );
  });
});

describe('freeDimensionOverrides', () => {
  test('fix dimensions of the inputs, and with them those of the outputs', async () => {
    const at = workspace();
    const session = await sessionOf(at('model.onnx'), NEGATE, {
      freeDimensionOverrides: { batch: 300, steps: 3 },
    });
    expect(session.inputs[0]?.dims).toEqual([300, 3, 2]);
    expect(session.outputs[0]?.dims).toEqual([300, 3, 2]);
    const { inputs, output, expected } = negated([300, 3, 2], 1800);
    expect(await outputOf(session, inputs, output)).toEqual(expected);
  });

  test('leave the dimensions open that they do not name', async () => {
    const at = workspace();
    const session = await sessionOf(at('model.onnx'), NEGATE, { freeDimensionOverrides: { steps: 3 } });
    expect(session.inputs[0]?.dims).toEqual(['batch', 3, 2]);
    for (const rows of [1, 5]) {
      const { inputs, output, expected } = negated([rows, 3, 2], rows * 6);
      expect(await outputOf(session, inputs, output)).toEqual(expected);
    }
  });

  test('do with weights in a file beside the model, and leave weights within as they are', async () => {
    const at = workspace();
    const raw = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);
    const weights = [
      { name: 'a', type: OnnxType.float32, dims: [2], data: raw(1, 2) },
      { name: 'b', type: OnnxType.float32, dims: [2], data: { location: 'weights.bin' } },
    ];
    const add = (from: string, to: string, by: string) => ({
      operator: 'Add',
      inputs: [from, by],
      outputs: [to],
    });
    const model = onnxGraph({
      nodes: [add('x', 'between', 'a'), add('between', 'y', 'b')],
      inputs: [X],
      outputs: [Y],
      weights,
    });
    writeFileSync(at('weights.bin'), raw(10, 20));
    const session = await sessionOf(at('model.onnx'), model, { freeDimensionOverrides: { steps: 1 } });
    const sums = await outputOf(
      session,
      [view('x', 'float32', [1, 1, 2], [100, 200])],
      view('y', 'float32', [1, 1, 2]),
    );
    expect(sums).toEqual([111, 222]);
  });

  test('are refused for a name that no dimension has, with those that there are', async () => {
    const at = workspace();
    const error = await failureOf(
      sessionOf(at('model.onnx'), NEGATE, { freeDimensionOverrides: { batches: 4 } }),
    );
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toBe(
      'model.options.freeDimensionOverrides.batches: no input of the model has a dimension of this name; it has batch, steps',
    );
  });

  test('do not hide that a model is none', async () => {
    const at = workspace();
    const failure = sessionOf(at('model.onnx'), Buffer.from('not a model'), {
      freeDimensionOverrides: { batch: 4 },
    });
    await expect(failure).rejects.toThrow('is no model that ONNX Runtime can load');
  });
});
