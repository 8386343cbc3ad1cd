import { type Bucket, batchDims, type RowTensor, rowElements, type TensorRegion } from '../ring/layout.js';
import type { Ring } from '../ring/ring.js';
import type { TensorView } from '../session/types.js';
import { arrayOf, sizeOf } from '../util/dtype.js';

/** Inputs and outputs of one run. */
export interface RunViews {
  readonly inputs: readonly TensorView[];
  readonly outputs: readonly TensorView[];
}

/** Some rows of a slot. */
export interface SlotRows {
  readonly slot: number;
  readonly bucket: Bucket;
  readonly first: number;
  readonly count: number;
}

/** Rows where they lie in the slot. */
export function viewsOf(ring: Ring, { slot, bucket, first, count }: SlotRows): RunViews {
  const view = (region: TensorRegion): TensorView => ({
    name: region.name,
    dtype: region.dtype,
    dims: batchDims(region, count, bucket),
    data: ring.view(slot, region, bucket, first + count).subarray(first * rowElements(region, bucket)),
    ...(region.text !== undefined && { text: region.text }),
  });
  return { inputs: ring.layout.inputs.map(view), outputs: ring.layout.outputs.map(view) };
}

/** Zeros of the tensors' shapes, in private memory. */
export function blanks(tensors: readonly RowTensor[], bucket: Bucket, rows: number): TensorView[] {
  return tensors.map((tensor) => {
    const { name, dtype, text } = tensor;
    const dims = batchDims(tensor, rows, bucket);
    const data = new (arrayOf(dtype))(sizeOf(dims));
    return { name, dtype, dims, data, ...(text !== undefined && { text }) };
  });
}

/**
 * The views' rows in private memory, followed by as many more of the first of them as make `size`: for models that take
 * batches of that size only. Outputs have the room.
 */
export function padded(ring: Ring, views: RunViews, { bucket, count }: SlotRows, size: number): RunViews {
  const { layout } = ring;
  const inputs = blanks(layout.inputs, bucket, size);
  inputs.forEach(({ data }, i) => {
    const width = data.length / size;
    data.set(views.inputs[i]?.data as never);
    for (let row = count; row < size; row++) data.copyWithin(row * width, 0, width);
  });
  return { inputs, outputs: blanks(layout.outputs, bucket, size) };
}

/** The outputs' first rows, back from private memory. */
export function takeBack(from: RunViews, into: RunViews): void {
  into.outputs.forEach(({ data }, i) => {
    data.set(from.outputs[i]?.data.subarray(0, data.length) as never);
  });
}
