import * as arrow from 'apache-arrow';
import { createLoader, type LoaderOptions, PenstockError } from 'penstock';
import { describe, expect, test } from 'vitest';
import { type ColumnData, writeArrow } from '../helpers/arrow.js';
import { random } from '../helpers/random.js';
import { workspace } from '../helpers/workspace.js';

type Inputs = NonNullable<LoaderOptions['inputs']>;

const column = (name: string, type: arrow.DataType, values: unknown[]): ColumnData => ({
  name,
  data: arrow.vectorFromArray(values, type).data[0] as arrow.Data,
});
const fixed = (size: number, type: arrow.DataType): arrow.DataType =>
  new arrow.FixedSizeList(size, new arrow.Field('item', type, true));
const list = (type: arrow.DataType): arrow.DataType => new arrow.List(new arrow.Field('item', type, true));

interface Made {
  readonly type: string;
  readonly dims: readonly number[];
  readonly values: number[];
}

/** What a loader makes of a source, all batches in their order as one. */
async function tensorOf(source: LoaderOptions['source'], inputs: Inputs, batch: LoaderOptions['batch'] = {}) {
  const made: { type: string; dims: readonly number[]; values: number[] } = {
    type: '',
    dims: [],
    values: [],
  };
  for await (const part of createLoader({ source, inputs, batch: { order: 'fixed', size: 7, ...batch } })) {
    const tensor = part.tensors.t;
    if (tensor === undefined) throw new Error('no tensor t');
    made.type = tensor.type;
    made.dims = tensor.dims.slice(1);
    for (const value of tensor.data) made.values.push(Number(value));
    part.release();
  }
  return made satisfies Made;
}

/** The same from a file, whose columns are read by threads, and from rows, one by one. */
async function bothWays(
  name: string,
  type: arrow.DataType,
  values: unknown[],
  input: Inputs[string],
): Promise<Made> {
  const path = writeArrow(workspace()('data.arrow'), [
    [column(name, type, values.slice(0, 10))],
    [column(name, type, values.slice(10))],
  ]);
  const inputs = { t: { column: name, ...input } };
  const made = await tensorOf(path, inputs);
  const rows = values.map((value) => ({ [name]: value }));
  expect(await tensorOf(rows, { t: { ...inputs.t, dtype: made.type as 'float32' } })).toEqual(made);
  return made;
}

const SEED = 7;
const next = random(SEED);
/** 23 images of 4 × 5 pixels with three channels, as bytes height × width × channels. */
const images = Array.from({ length: 23 }, () => Array.from({ length: 60 }, () => Math.floor(next() * 256)));
const floats = (values: number[]): number[] => Array.from(Float32Array.from(values));

describe('an image that lies as height × width × channels', () => {
  const chw = images.flatMap((image) =>
    [0, 1, 2].flatMap((c) => Array.from({ length: 20 }, (_, at) => image[at * 3 + c] as number)),
  );

  test('becomes channels-first as it is', async () => {
    const input = { shape: [3, 4, 5], transpose: [2, 0, 1], dtype: 'uint8' } as const;
    const made = await bothWays('x', fixed(60, new arrow.Uint8()), images, input);
    expect(made).toEqual({ type: 'uint8', dims: [3, 4, 5], values: chw });
  });

  test('becomes channels-first and is normalised by channel, in one pass', async () => {
    const [mean, std] = [
      [0.5, 0.4, 0.3],
      [0.2, 0.25, 0.5],
    ] as const;
    const input = { shape: [3, 4, 5], transpose: [2, 0, 1], scale: 1 / 255, mean: [...mean], std: [...std] };
    const made = await bothWays('x', fixed(60, new arrow.Uint8()), images, { dtype: 'float32', ...input });
    const wanted = chw.map((value, i) => {
      const c = Math.floor(i / 20) % 3;
      return (value / 255 - (mean[c] as number)) / (std[c] as number);
    });
    made.values.forEach((value, i) => void expect(value).toBeCloseTo(wanted[i] as number, 5));
  });

  test('is normalised by channel where channels stay last', async () => {
    const input = { shape: [4, 5, 3], scale: [1, 2, 3], mean: [4, 0, 6] };
    const made = await bothWays('x', fixed(60, new arrow.Uint8()), images, { dtype: 'float32', ...input });
    const wanted = images
      .flat()
      .map((v, i) => v * ([1, 2, 3][i % 3] as number) - ([4, 0, 6][i % 3] as number));
    expect(made.values).toEqual(floats(wanted));
  });

  test('may lie in the file and be read from there', async () => {
    const big = Array.from({ length: 8 }, () =>
      Array.from({ length: 30_000 }, () => Math.floor(next() * 256)),
    );
    const path = writeArrow(workspace()('big.arrow'), [[column('x', fixed(30_000, new arrow.Uint8()), big)]]);
    const made = await tensorOf(path, { t: { column: 'x', shape: [3, 100, 100], transpose: [2, 0, 1] } });
    const wanted = big.flatMap((image) =>
      [0, 1, 2].flatMap((c) => Array.from({ length: 10_000 }, (_, at) => image[at * 3 + c] as number)),
    );
    expect(made.values).toEqual(wanted);
  });
});

describe('one-hot', () => {
  const classes = Array.from({ length: 23 }, (_, i) => (i * 5) % 4);
  const wanted = classes.flatMap((c) => [0, 1, 2, 3].map((place) => (place === c ? 1 : 0)));

  test.each(['float32', 'uint8', 'int64', 'bool'] as const)('of whole numbers into %s', async (dtype) => {
    const made = await bothWays('x', new arrow.Int32(), classes, { oneHot: 4, dtype });
    expect(made).toEqual({ type: dtype, dims: [4], values: wanted });
  });

  test('of a dictionary’s codes, which nothing else takes for numbers', async () => {
    const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8());
    const names = classes.map((c) => ['n', 'e', 's', 'w'][c]);
    const path = writeArrow(workspace()('data.arrow'), [[column('x', type, names)]]);
    const codes = new Map<unknown, number>();
    for (const name of names) if (!codes.has(name)) codes.set(name, codes.size);
    const made = await tensorOf(path, { t: { column: 'x', oneHot: 4 } });
    expect(made.values).toEqual(
      names.flatMap((name) => [0, 1, 2, 3].map((place) => (place === codes.get(name) ? 1 : 0))),
    );
    await expect(tensorOf(path, { t: { column: 'x' } })).rejects.toThrow(
      'its numbers are codes of a dictionary, which oneHot takes',
    );
  });

  test('of a number that is no place is an error that names the row', async () => {
    const path = writeArrow(workspace()('data.arrow'), [[column('x', new arrow.Int32(), [0, 3, 4])]]);
    await expect(tensorOf(path, { t: { column: 'x', oneHot: 4 } })).rejects.toThrow(
      `${path}: row 2, column "x": holds 4, which is no place among 4 classes: 0 to 3`,
    );
  });
});

describe('a null', () => {
  const rows = Array.from({ length: 23 }, (_, i) => (i % 4 === 1 ? null : [i, i % 3 === 0 ? null : i + 100]));
  const filled = (fill: number, f = (v: number): number => v): number[] =>
    rows.flatMap((row) => (row ?? [null, null]).map((v) => (v === null ? fill : f(v))));

  test.each([
    ['zero', 0],
    [-1, -1],
  ] as const)('becomes what nulls: %s says, unscaled', async (nulls, fill) => {
    for (const type of [fixed(2, new arrow.Int16()), list(new arrow.Int16())]) {
      const input = { shape: [2], dtype: 'float32', scale: 2, mean: 1, nulls } as const;
      const made = await bothWays('x', type, rows, input);
      expect(made.values).toEqual(filled(fill, (v) => v * 2 - 1));
    }
  });

  test('may hide anything: what lies under it is not looked at', async () => {
    const child = arrow.makeData({
      type: new arrow.Int32(),
      length: 3,
      nullCount: 1,
      nullBitmap: Uint8Array.of(0b101),
      data: Int32Array.of(1, 99_999, 3),
    });
    const path = writeArrow(workspace()('data.arrow'), [[{ name: 'x', data: child }]]);
    const made = await tensorOf(path, { t: { column: 'x', dtype: 'uint8', nulls: 7 } });
    expect(made.values).toEqual([1, 7, 3]);
  });

  test('is an error where nothing is said', async () => {
    const path = writeArrow(workspace()('data.arrow'), [[column('x', new arrow.Int32(), [1, null])]]);
    await expect(tensorOf(path, { t: { column: 'x' } })).rejects.toThrow('row 1, column "x": is null');
  });

  test('in a transposed and a one-hot row fills its own places', async () => {
    const type = fixed(4, new arrow.Int8());
    const input = { shape: [2, 2], transpose: [1, 0], nulls: 9 };
    expect((await bothWays('x', type, [[1, null, 3, 4]], input)).values).toEqual([1, 3, 9, 4]);
    const hot = await bothWays('x', new arrow.Int8(), [1, null], {
      oneHot: 2,
      nulls: 'zero',
      dtype: 'float32',
    });
    expect(hot.values).toEqual([0, 1, 0, 0]);
  });
});

describe('rules that can not be are refused with their key', () => {
  const cases: [Inputs[string], string][] = [
    [
      { mean: [1, 2], dtype: 'float32', shape: [4, 5, 3] },
      'inputs.t.mean: has 2 channels, and of a row of shape [4, 5, 3] no dimension is of that size',
    ],
    [
      { mean: [1, 2, 3], std: [1, 2], dtype: 'float32' },
      'inputs.t.std: has 2 channels, and inputs.t.mean has 3',
    ],
    [
      { mean: [1, 2, 3], dtype: 'float32', shape: [3, 20], channelAxis: 1 },
      'inputs.t.channelAxis: dimension 1 of a row of shape [3, 20] is 20, and there are 3 channels',
    ],
    [
      { shape: [60], transpose: [1, 0] },
      'inputs.t.transpose: orders 2 dimensions, and a row of the tensor is [60]',
    ],
    [{ transpose: [0, 2] }, 'inputs.t.transpose must have each of 0, 1 once'],
    [{ std: [1, 0] }, 'must not be 0'],
    [{ oneHot: 3, scale: 2 }, 'inputs.t.scale and oneHot exclude each other'],
    [{ nulls: 'skip' as never }, 'inputs.t.nulls: expected error, zero or a number, got "skip"'],
    [{ mean: [1, 2, 3], dtype: 'int32' }, 'inputs.t.mean needs a float tensor, and this one is int32'],
  ];
  test.each(cases)('%j', async (input, message) => {
    const path = writeArrow(workspace()('data.arrow'), [[column('x', fixed(60, new arrow.Uint8()), images)]]);
    const failure = await (async () => tensorOf(path, { t: { column: 'x', ...input } }))().catch(
      (e: unknown) => e,
    );
    if (!(failure instanceof PenstockError)) throw failure;
    expect(failure.message).toContain(message);
    expect(failure.exitCode).toBe(2);
  });
});
