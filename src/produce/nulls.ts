import { type Data, DataType } from 'apache-arrow';
import { firstNullIn, leafOf } from './leaf.js';

/**
 * Rows that have nulls in them: for each, 1 for every element that is null; undefined where the row itself is, and so has
 * no elements to speak of.
 */
export type NullRows = ReadonlyMap<number, Uint8Array | undefined>;

const NO_ROWS: NullRows = new Map();

/** What a column has of nulls. Rows without any cost nothing. */
export function nullRowsOf(data: Data, offsets: ArrayLike<number> | undefined): NullRows {
  let row = firstNullIn(data, 0, data.length);
  if (row < 0) return NO_ROWS;
  const found = new Map<number, Uint8Array | undefined>();
  for (; row >= 0; row = firstNullIn(data, row + 1, data.length)) {
    const width =
      offsets === undefined
        ? (leafOf(data.type)?.width ?? 1)
        : (offsets[row + 1] as number) - (offsets[row] as number);
    const mask = new Uint8Array(width);
    if (data.getValid(row)) mark(data, row, mask, 0);
    found.set(row, data.getValid(row) ? mask : undefined);
  }
  return found;
}

/** Marks the null elements of one row; returns where its elements end. */
function mark(data: Data, row: number, mask: Uint8Array, at: number): number {
  const { type } = data;
  const width = leafOf(type)?.width;
  if (!data.getValid(row)) {
    const end = at + (width ?? 0);
    mask.fill(1, at, end);
    return end;
  }
  const child = data.children[0];
  if (child === undefined) return at + (width ?? data.valueOffsets[row + 1] - data.valueOffsets[row]);
  const fixed = DataType.isFixedSizeList(type) ? type.listSize : undefined;
  const from = fixed === undefined ? Number(data.valueOffsets[row]) : row * fixed;
  const to = fixed === undefined ? Number(data.valueOffsets[row + 1]) : from + fixed;
  let end = at;
  for (let element = from; element < to; element++) end = mark(child, element, mask, end);
  return end;
}
