import * as arrow from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { zeros } from '../../src/produce/convert.js';
import { planSlotLayout, type RowTensor } from '../../src/ring/layout.js';
import { encodeArrowPart } from '../../src/sink/arrow-part.js';
import type { CompleteSplit, OutputValues } from '../../src/sink/types.js';
import { DTYPES, type DType, type TypedArray } from '../../src/util/dtype.js';
import { numberToHalf } from '../../src/util/half.js';
import { everyType, plain, type SampleColumn } from '../dataset/columns.js';
import { random } from '../helpers/random.js';

/** An output column of values, one row after another. */
function output(as: string, tensor: RowTensor, values: readonly (number | bigint)[]): OutputValues {
  const region = planSlotLayout([{ length: 1, capacity: 1 }], [], [tensor]).outputs[0];
  if (region === undefined) throw new Error('no region');
  const data: TypedArray = zeros(tensor.dtype, values.length);
  values.forEach((value, i) => {
    data[i] = value as never;
  });
  return { as, tensor: region, values: data };
}

function split(
  batchRows: readonly number[],
  outputs: OutputValues[],
  kept: readonly SampleColumn[] = [],
): CompleteSplit {
  let row = 0;
  const keep = batchRows.map((rows) => {
    const pieces = kept.map((column) => column.piece(row, rows));
    row += rows;
    return streamOf(kept, pieces, rows);
  });
  return {
    produced: {
      split: 0,
      ordinal: 0,
      rowsRead: row,
      deadLetters: [],
      origins: [],
      batchRows,
      keep: kept.length > 0 ? keep : [],
      bytes: 0,
    },
    outputs,
  };
}

/** Kept columns as they come from a producer: a stream of one record batch. */
function streamOf(columns: readonly SampleColumn[], children: arrow.Data[], length: number): Uint8Array {
  const schema = new arrow.Schema(
    columns.map(({ name }, i) => new arrow.Field(name, (children[i] as arrow.Data).type, true)),
  );
  const data = arrow.makeData({ type: new arrow.Struct(schema.fields), length, nullCount: 0, children });
  return arrow.RecordBatchStreamWriter.writeAll([new arrow.RecordBatch(schema, data)]).toUint8Array(true);
}

const read = (complete: CompleteSplit): arrow.Table => arrow.tableFromIPC(encodeArrowPart(complete));
const rowsOf = (table: arrow.Table, column: string): string[] => plain(table.getChild(column));

/** Elements of a dtype that are easily mistaken, and what Arrow reads them as. */
const SAMPLES: Record<DType, readonly (readonly [number | bigint, unknown])[]> = {
  float32: [1.5, -0.25, Math.fround(3.4e38), Math.fround(1e-40)].map((v) => [v, v]),
  float64: [0.1, -1e300, Number.MIN_VALUE, 2 ** 53].map((v) => [v, v]),
  float16: [0.5, -2, 65504, 2 ** -24].map((v) => [numberToHalf(v), v]),
  int8: [-128, 127, 0, -1].map((v) => [v, v]),
  uint8: [255, 0, 128, 1].map((v) => [v, v]),
  int16: [-32768, 32767, 0, -1].map((v) => [v, v]),
  uint16: [65535, 0, 256, 1].map((v) => [v, v]),
  int32: [-(2 ** 31), 2 ** 31 - 1, 0, -1].map((v) => [v, v]),
  uint32: [2 ** 32 - 1, 0, 1, 2 ** 31].map((v) => [v, v]),
  int64: [-(2n ** 63n), 2n ** 63n - 1n, 0n, -1n].map((v) => [v, `${v}n`]),
  uint64: [2n ** 64n - 1n, 0n, 1n, 2n ** 63n].map((v) => [v, `${v}n`]),
  bool: [1, 0, 1, 1].map((v) => [v, v === 1]),
};

describe.each(DTYPES)('outputs of %s', (dtype) => {
  const sample = SAMPLES[dtype];
  const elements = (count: number): (typeof sample)[number][] =>
    Array.from({ length: count }, (_, i) => sample[(i * 3) % 4] as (typeof sample)[number]);

  test('that are one value a row come back as a plain column', () => {
    const values = elements(21);
    const scalar = output(
      'y',
      { name: 'y', dtype, rowDims: [] },
      values.map(([raw]) => raw),
    );
    const table = read(split([5, 0, 13, 3], [scalar]));
    expect(table.batches.map(({ numRows }) => numRows)).toEqual([5, 0, 13, 3]);
    expect(rowsOf(table, 'y')).toEqual(values.map(([, meaning]) => JSON.stringify(meaning)));
    expect(table.schema.fields[0]).toMatchObject({ name: 'y', nullable: false });
    expect(table.getChild('y')?.nullCount).toBe(0);
  });

  test('that are tensors come back as lists with their shape', () => {
    const values = elements(6 * 11);
    const tensor = { name: 'logits', dtype, rowDims: [2, 3] };
    const table = read(
      split(
        [4, 7],
        [
          output(
            'z',
            tensor,
            values.map(([raw]) => raw),
          ),
        ],
      ),
    );
    const rows = Array.from({ length: 11 }, (_, row) =>
      JSON.stringify(values.slice(row * 6, row * 6 + 6).map(([, meaning]) => meaning)),
    );
    expect(rowsOf(table, 'z')).toEqual(rows);
    const [field] = table.schema.fields;
    expect(String(field?.type)).toMatch(/^FixedSizeList\[6\]</);
    expect(field?.metadata.get('ARROW:extension:name')).toBe('arrow.fixed_shape_tensor');
    expect(JSON.parse(field?.metadata.get('ARROW:extension:metadata') ?? '')).toEqual({ shape: [2, 3] });
    expect(field?.metadata.get('penstock:output')).toBe('logits');
  });
});

describe('a tensor of an odd shape', () => {
  const ofShape = (rowDims: number[], values: number[], rows: number[]): arrow.Table =>
    read(split(rows, [output('y', { name: 'y', dtype: 'int32', rowDims }, values)]));

  test('of one element is a list of one', () => {
    const table = ofShape([1], [7, 8], [2]);
    expect(rowsOf(table, 'y')).toEqual(['[7]', '[8]']);
  });

  test('of many dimensions is one flat list', () => {
    const table = ofShape([1, 2, 1, 2], [1, 2, 3, 4], [1]);
    expect(rowsOf(table, 'y')).toEqual(['[1,2,3,4]']);
    expect(table.schema.fields[0]?.metadata.get('ARROW:extension:metadata')).toBe('{"shape":[1,2,1,2]}');
  });

  test('of no element is an empty list a row', () => {
    expect(rowsOf(ofShape([0], [], [3]), 'y')).toEqual(['[]', '[]', '[]']);
  });
});

describe('kept columns', () => {
  const BATCHES = [6, 0, 9];
  const outputs = [
    output(
      'y',
      { name: 'y', dtype: 'int32', rowDims: [] },
      Array.from({ length: 15 }, (_, i) => i),
    ),
  ];

  test.each(everyType(15, random(1)).map((column) => [column.name, column] as const))(
    'of type %s keep type, nulls and values',
    (name, column) => {
      const table = read(split(BATCHES, outputs, [column]));
      const original = column.piece(0, 15);
      expect(table.schema.fields.map((field) => field.name)).toEqual([name, 'y']);
      expect(String(table.schema.fields[0]?.type)).toBe(String(original.type));
      expect(rowsOf(table, name)).toEqual(plain(new arrow.Vector([original])));
      expect(rowsOf(table, 'y')).toEqual(Array.from({ length: 15 }, (_, i) => String(i)));
    },
  );

  test('stand in front of the outputs, in their own order', () => {
    const columns = everyType(15, random(2)).filter(({ name }) =>
      ['utf8', 'int64', 'fixedSizeList'].includes(name),
    );
    const table = read(split(BATCHES, outputs, columns.toReversed()));
    expect(table.schema.fields.map(({ name }) => name)).toEqual(['fixedSizeList', 'utf8', 'int64', 'y']);
  });

  test('are all there is where no output is wanted', () => {
    const columns = everyType(15, random(3)).filter(({ name }) => name === 'utf8');
    const table = read(split(BATCHES, [], columns));
    expect([table.numRows, table.schema.fields.map(({ name }) => name)]).toEqual([15, ['utf8']]);
  });

  test('keep their types where there is no row', () => {
    const columns = everyType(15, random(4)).filter(({ name }) => name === 'list' || name === 'dictionary');
    const none = [output('y', { name: 'y', dtype: 'float32', rowDims: [2] }, [])];
    const table = read(split([0], none, columns));
    expect(table.numRows).toBe(0);
    expect(table.schema.fields.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      'list: List<Int32>',
      'dictionary: Dictionary<Int8, Utf8>',
      'y: FixedSizeList[2]<Float32>',
    ]);
  });
});

test('a part without rows has the schema of the outputs', () => {
  const none = [output('y', { name: 'y', dtype: 'float32', rowDims: [] }, [])];
  for (const batchRows of [[], [0]]) {
    const table = read(split(batchRows, none));
    expect([table.numRows, table.schema.fields.map(String)]).toEqual([0, ['y: Float32']]);
  }
});
