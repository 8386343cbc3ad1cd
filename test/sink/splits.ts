import * as arrow from 'apache-arrow';
import { planSlotLayout, type RowTensor } from '../../src/ring/layout.js';
import type { CompleteSplit, OutputValues } from '../../src/sink/types.js';
import { arrayOf, type DType, type TypedArray } from '../../src/util/dtype.js';
import { numberToHalf } from '../../src/util/half.js';
import type { SampleColumn } from '../dataset/columns.js';

/** An output column of values, one row after another. */
export function output(as: string, tensor: RowTensor, values: readonly (number | bigint)[]): OutputValues {
  const region = planSlotLayout([{ length: 1, capacity: 1 }], [], [tensor]).outputs[0];
  if (region === undefined) throw new Error('no region');
  const data: TypedArray = new (arrayOf(tensor.dtype))(values.length);
  values.forEach((value, i) => {
    data[i] = value as never;
  });
  return { as, tensor: region, values: data };
}

export function split(
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

/** Elements of a dtype that are easily mistaken, and what Arrow reads them as. */
export const SAMPLES: Record<DType, readonly (readonly [number | bigint, unknown])[]> = {
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
