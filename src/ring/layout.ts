import { bytesOf, type DType, sizeOf } from '../util/dtype.js';
import { UsageError } from '../util/errors.js';

/** What a tensor is, by the row: the batch dimension comes in front of `rowDims`. */
export interface RowTensor {
  readonly name: string;
  readonly dtype: DType;
  /** Dimensions of one row; without the padded one, where there is one. */
  readonly rowDims: readonly number[];
  /** Rows are of variable length, padded to that of their batch's bucket: a row is [length, …rowDims]. */
  readonly padded?: boolean;
  /**
   * Elements are texts, of so many bytes of UTF-8 at most: uint8, with one dimension more at the end, of TEXT_HEAD_BYTES
   * for the length of the text, little-endian, and the text.
   */
  readonly text?: number;
}

/** What stands before each text of a tensor of texts. */
export const TEXT_HEAD_BYTES = 4;

/** A class of rows that are padded to the same length, and batched together. */
export interface Bucket {
  /** What rows are padded to; 1 where nothing is. */
  readonly length: number;
  /** Rows in a batch at most. */
  readonly capacity: number;
}

/** A tensor's region in every slot. */
export interface TensorRegion extends RowTensor {
  /** Elements of one row, for each unit of padded length. */
  readonly rowSize: number;
  /** From the start of the slot; a multiple of 64. */
  readonly byteOffset: number;
  /** For a full batch of the bucket that needs most. */
  readonly byteLength: number;
}

/** Where a batch's tensors lie in a slot. The same for every slot of a ring. */
export interface SlotLayout {
  readonly buckets: readonly Bucket[];
  readonly inputs: readonly TensorRegion[];
  readonly outputs: readonly TensorRegion[];
  readonly slotBytes: number;
}

/** A cache line, and what AVX-512 loads want. */
const ALIGNMENT = 64;

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Lays a full batch's inputs and outputs one after another, each at a multiple of 64 bytes. */
export function planSlotLayout(
  buckets: readonly Bucket[],
  inputs: readonly RowTensor[],
  outputs: readonly RowTensor[],
): SlotLayout {
  let end = 0;
  const place = (tensor: RowTensor): TensorRegion => {
    const rowSize = sizeOf(tensor.rowDims);
    const units = buckets.map(({ length, capacity }) => capacity * (tensor.padded ? length : 1));
    const byteOffset = end;
    const byteLength = Math.max(...units) * rowSize * bytesOf(tensor.dtype);
    end = byteOffset + align(byteLength);
    return { ...tensor, rowSize, byteOffset, byteLength };
  };
  return {
    buckets,
    inputs: inputs.map(place),
    outputs: outputs.map(place),
    slotBytes: Math.max(end, ALIGNMENT),
  };
}

/** Elements of one row of a tensor in a bucket. */
export function rowElements(region: TensorRegion, bucket: Bucket): number {
  return region.padded ? region.rowSize * bucket.length : region.rowSize;
}

/** Dimensions of `rows` rows of a tensor in a bucket. */
export function batchDims(tensor: RowTensor, rows: number, bucket: Bucket): number[] {
  return tensor.padded ? [rows, bucket.length, ...tensor.rowDims] : [rows, ...tensor.rowDims];
}

/**
 * @throws UsageError that does the sum where the arena would be over `maxBytes`, or where not even one slot fits
 */
export function checkArena({ slotBytes, buckets }: SlotLayout, slots: number, maxBytes: number): void {
  const bytes = slotBytes * slots;
  if (bytes <= maxBytes) return;
  const mib = (n: number): string => `${(n / 2 ** 20).toFixed(1)} MiB`;
  const rows = Math.max(...buckets.map(({ capacity }) => capacity));
  const least = 2;
  const hint =
    slotBytes * least > maxBytes
      ? 'Lower batch.size or batch.maxTokens, or raise ring.maxBytes: two slots at the least must fit.'
      : `Lower ring.slots to ${Math.floor(maxBytes / slotBytes)} or batch.size, or raise ring.maxBytes.`;
  throw new UsageError(
    `the ring needs ${slots} slots × ${mib(slotBytes)} (${rows} rows each) = ${mib(bytes)}, ` +
      `more than its limit of ${mib(maxBytes)}`,
    { key: 'ring', hint },
  );
}
