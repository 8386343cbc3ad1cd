import { bytesOf, type DType, sizeOf } from '../util/dtype.js';
import { UsageError } from '../util/errors.js';

/** What a tensor is, by the row: the batch dimension comes in front of `rowDims`. */
export interface RowTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly rowDims: readonly number[];
}

/** A tensor's region in every slot. */
export interface TensorRegion extends RowTensor {
  /** Elements of one row. */
  readonly rowSize: number;
  /** From the start of the slot; a multiple of 64. */
  readonly byteOffset: number;
  /** For a full batch. */
  readonly byteLength: number;
}

/** Where a batch's tensors lie in a slot. The same for every slot of a ring. */
export interface SlotLayout {
  /** Rows at most. */
  readonly capacity: number;
  readonly inputs: readonly TensorRegion[];
  readonly outputs: readonly TensorRegion[];
  readonly slotBytes: number;
}

/** A cache line, and what AVX-512 loads want. */
const ALIGNMENT = 64;

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Lays a full batch's inputs and outputs one after another, each at a multiple of 64 bytes. */
export function planSlotLayout(
  capacity: number,
  inputs: readonly RowTensor[],
  outputs: readonly RowTensor[],
): SlotLayout {
  let end = 0;
  const place = (tensor: RowTensor): TensorRegion => {
    const rowSize = sizeOf(tensor.rowDims);
    const byteOffset = end;
    const byteLength = capacity * rowSize * bytesOf(tensor.dtype);
    end = byteOffset + align(byteLength);
    return { ...tensor, rowSize, byteOffset, byteLength };
  };
  return { capacity, inputs: inputs.map(place), outputs: outputs.map(place), slotBytes: end };
}

/** The arena's size, or an error that does the sum where it is over `maxBytes`. */
export function arenaBytes(layout: SlotLayout, slots: number, maxBytes: number): number {
  const bytes = layout.slotBytes * slots;
  if (bytes > maxBytes) {
    const mib = (n: number): string => `${(n / 2 ** 20).toFixed(1)} MiB`;
    throw new UsageError(
      `the ring needs ${slots} slots × ${mib(layout.slotBytes)} (${layout.capacity} rows each) = ${mib(bytes)}, ` +
        `more than its limit of ${mib(maxBytes)}`,
      { key: 'ring', hint: 'Lower batch.size or ring.slots, or raise ring.maxBytes.' },
    );
  }
  return bytes;
}
