import * as arrow from 'apache-arrow';
import { RowFault } from '../../src/produce/row-fault.js';
import type { CollateInput } from '../../src/produce/writer.js';
import { type Bucket, planSlotLayout, type RowTensor } from '../../src/ring/layout.js';
import type { Claim } from '../../src/ring/producer-side.js';
import { createRingMemory, MAIN_OWNER, Ring } from '../../src/ring/ring.js';
import type { DType } from '../../src/util/dtype.js';
import { halfToNumber } from '../../src/util/half.js';

/** A small real ring, for one producer. */
export function ringOf(
  capacity: number | readonly Bucket[],
  slots: number,
  tensors: readonly RowTensor[],
): Ring {
  const buckets = typeof capacity === 'number' ? [{ length: 1, capacity }] : capacity;
  const config = { slots, lanes: 1, splits: 1, maxDelayMicros: Number.POSITIVE_INFINITY, fixedOrder: false };
  return new Ring(createRingMemory(planSlotLayout(buckets, tensors, []), config), MAIN_OWNER);
}

export const tensor = (name: string, dtype: DType, rowDims: number[], padded = false): RowTensor => ({
  name,
  dtype,
  rowDims,
  padded,
});

/** An input of values as they are, unless told otherwise. */
export const input = (
  tensor: number,
  column: string,
  source: DType,
  changes: Partial<CollateInput> = {},
): CollateInput => ({ tensor, from: 'values', column, source, factor: 1, term: 0, pad: 0, ...changes });

/** Room that a producer got in a slot. */
export const claimOf = (slot: number, first: number, count: number, bucket = 0): Claim => ({
  slot,
  bucket,
  first,
  count,
  run: 0,
});

export function batchOf(columns: Record<string, [arrow.DataType, unknown[]]>): arrow.RecordBatch {
  const data = Object.entries(columns).map(
    ([name, [type, values]]) => [name, arrow.vectorFromArray(values, type).data[0] as arrow.Data] as const,
  );
  return new arrow.RecordBatch(Object.fromEntries(data));
}

const item = (type: arrow.DataType): arrow.Field => new arrow.Field('item', type, true);
export const listOf = (type: arrow.DataType): arrow.DataType => new arrow.List(item(type));
export const vectorsOf = (width: number, type: arrow.DataType): arrow.DataType =>
  new arrow.FixedSizeList(width, item(type));

/** A tensor's values in a slot, for a full batch. */
export function valuesOf(ring: Ring, slot: number, index: number, bucket = 0): number[] {
  const region = ring.layout.inputs[index];
  if (region === undefined) throw new Error('no such tensor');
  const view = ring.view(slot, region, ring.layout.buckets[bucket] as Bucket);
  return Array.from<number | bigint, number>(view, (value) =>
    region.dtype === 'float16' ? halfToNumber(Number(value)) : Number(value),
  );
}

/** The fault of a row that some work ends in; undefined where it ends well. */
export function faultOf(work: () => unknown): { row: number; column: string; message: string } | undefined {
  try {
    work();
  } catch (error) {
    if (!(error instanceof RowFault)) throw error;
    return { row: error.row, column: error.column, message: error.message };
  }
  return undefined;
}
