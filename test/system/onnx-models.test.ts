import { existsSync, writeFileSync } from 'node:fs';
import * as arrow from 'apache-arrow';
import { type JobInput, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { numberToHalf } from '../../src/util/half.js';
import { type ColumnData, vectors, writeArrow } from '../helpers/arrow.js';
import { OnnxType, type OnnxValue, onnxGraph, onnxModel } from '../helpers/onnx.js';
import { readColumn, workspace } from '../helpers/workspace.js';

type At = (...names: string[]) => string;
const ROWS = 10;
const numbers = Array.from({ length: ROWS * 2 }, (_, i) => i - 7.5);

const jobIn = (at: At): JobInput => ({
  source: { uri: at('data.arrow') },
  model: { uri: at('model.onnx') },
  batch: { size: 4 },
  sink: { uri: at('out') },
});

const run = (at: At, model: Uint8Array, columns: ColumnData[], job: Partial<JobInput> = {}) => {
  writeFileSync(at('model.onnx'), model);
  writeArrow(at('data.arrow'), [columns]);
  return runJob({ ...jobIn(at), ...job });
};

const value = (name: string, dims: OnnxValue['dims'], type: number = OnnxType.float32): OnnxValue => ({
  name,
  type,
  dims,
});
const X = value('x', ['batch', 2]);
const PLAIN = [vectors('x', 2, numbers)];

/** A model whose output `y` is −x, and with a second output. */
const withSecond = (operator: string, second: OnnxValue, attributes = {}) =>
  onnxGraph({
    nodes: [
      { operator: 'Neg', inputs: ['x'], outputs: ['y'] },
      { operator, inputs: ['x'], outputs: [second.name], attributes },
    ],
    inputs: [X],
    outputs: [value('y', ['batch', 2]), second],
  });

const rowsOf = async (at: At, column: string): Promise<unknown[]> =>
  ((await readColumn(at('out'), column)) as (Iterable<unknown> | unknown)[]).map((row) =>
    typeof row === 'object' && row !== null ? [...(row as Iterable<unknown>)] : row,
  );
const pairs = (values: readonly number[]): number[][] =>
  Array.from({ length: values.length / 2 }, (_, row) => values.slice(2 * row, 2 * row + 2));

describe('element types through a whole run', () => {
  test('float16', async () => {
    const at = workspace();
    const halves = (name: string) => value(name, ['batch', 2], OnnxType.float16);
    const model = onnxModel({ operator: 'Neg', inputs: [halves('x')], outputs: [halves('y')] });
    await run(at, model, PLAIN);
    const written = (await rowsOf(at, 'y')) as number[][];
    // As bits or as numbers, by the Node that reads them.
    const isBits = written.flat().some((number) => number > 100);
    const expected = numbers.map((number) => (isBits ? numberToHalf(-number) : -number));
    expect(written).toEqual(pairs(expected));
  });

  test('int64, exact to the last bit', async () => {
    const at = workspace();
    const ids = Array.from({ length: ROWS }, (_, i) => 2n ** 62n + BigInt(i));
    const column = { name: 'id', data: arrow.vectorFromArray(ids, new arrow.Int64()).data[0] as arrow.Data };
    const model = onnxModel({
      operator: 'Neg',
      inputs: [value('id', ['batch'], OnnxType.int64)],
      outputs: [value('minus', ['batch'], OnnxType.int64)],
    });
    await run(at, model, [column]);
    expect(await rowsOf(at, 'minus')).toEqual(ids.map((id) => -id));
  });
});

describe('an output that can not be written', () => {
  const TEXTS = withSecond('Cast', value('words', ['batch', 2], OnnxType.string), { to: OnnxType.string });

  test('is refused by its name before anything is written', async () => {
    const at = workspace();
    const failure = run(at, TEXTS, PLAIN);
    await expect(failure).rejects.toMatchObject({
      message:
        "the model's output words is a tensor of string; only tensors of numbers and bool can be written",
      hint: 'Name the outputs that you want in the job file’s outputs, without this one.',
    });
    expect(existsSync(at('out'))).toBe(false);
  });

  test('is no obstacle where the job names others', async () => {
    const at = workspace();
    await run(at, TEXTS, PLAIN, { outputs: { y: { as: 'y' } } });
    expect(await rowsOf(at, 'y')).toEqual(pairs(numbers.map((number) => -number)));
  });
});

describe('an output whose first dimension is not the batch is refused before anything is read', () => {
  const three = onnxGraph({
    nodes: [
      { operator: 'Neg', inputs: ['x'], outputs: ['y'] },
      { operator: 'Add', inputs: ['w', 'w'], outputs: ['z'] },
    ],
    inputs: [X],
    outputs: [value('y', ['batch', 2]), value('z', ['rows', 2])],
    weights: [{ name: 'w', type: OnnxType.float32, dims: [3, 2], data: new Uint8Array(24) }],
  });
  const scalar = withSecond('ReduceSum', value('z', []), { keepdims: 0 });
  const lied = withSecond('Unique', value('z', ['batch']));

  test.each([
    [
      'a scalar',
      scalar,
      4,
      "the model's output z is float32 [] for a batch of 4 rows; its first dimension must be the batch",
    ],
    [
      'a number of rows of its own',
      three,
      4,
      "the model's output z is float32 [3, 2] for a batch of 4 rows;",
    ],
    [
      'one that happens to be that of a full batch',
      three,
      3,
      "the model's output z is float32 [3, 2] for a batch of 1 row;",
    ],
    [
      'one of as many as there are different numbers, declared as the batch',
      lied,
      4,
      'the output z is float32 [1] where float32 [4] was expected',
    ],
  ])('%s', async (_, model, size, message) => {
    const at = workspace();
    const failure = run(at, model, PLAIN, { batch: { size } });
    await expect(failure).rejects.toThrow(message);
    expect(existsSync(at('out/part-00000.arrow'))).toBe(false);
  });

  test('and one that is the batch, though declared as one row, is written', async () => {
    const at = workspace();
    await run(at, withSecond('Abs', value('z', [1, 2])), PLAIN);
    expect(await rowsOf(at, 'z')).toEqual(pairs(numbers.map(Math.abs)));
  });
});

test('freeDimensionOverrides of the batch fix its size, whatever the job says of it', async () => {
  const at = workspace();
  const model = onnxModel({ operator: 'Neg', inputs: [X], outputs: [value('y', ['batch', 2])] });
  const report = await run(at, model, PLAIN, {
    model: { uri: at('model.onnx'), options: { freeDimensionOverrides: { batch: 8 } } },
    batch: { size: 3, order: 'fixed' },
  });
  expect(report.batches.count).toBe(2);
  expect(await rowsOf(at, 'y')).toEqual(pairs(numbers.map((number) => -number)));
});

test('other weights in the file beside a model make it another job', async () => {
  const at = workspace();
  const model = onnxGraph({
    nodes: [{ operator: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
    inputs: [X],
    outputs: [value('y', ['batch', 2])],
    weights: [{ name: 'w', type: OnnxType.float32, dims: [2], data: { location: 'weights.bin' } }],
  });
  const weigh = (a: number, b: number) =>
    writeFileSync(at('weights.bin'), new Uint8Array(Float32Array.of(a, b).buffer));
  weigh(1, 2);
  const { fingerprint } = await run(at, model, PLAIN);
  expect(await rowsOf(at, 'y')).toEqual(pairs(numbers.map((number, i) => number + (i % 2) + 1)));
  weigh(1, 3);
  await expect(runJob(jobIn(at))).rejects.toThrow(/another job/);
  weigh(1, 2);
  expect((await runJob(jobIn(at))).fingerprint).toBe(fingerprint);
});
