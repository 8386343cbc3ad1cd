import { type Data, DataType } from 'apache-arrow';
import { TEXT_HEAD_BYTES } from '../ring/layout.js';
import type { Claim } from '../ring/producer-side.js';
import { outsideFault } from './lengths.js';
import { type ReportFault, RowFault } from './row-fault.js';

/** A column of text as it lies in memory: UTF-8, one text after another. */
export interface TextColumn {
  readonly bytes: Uint8Array;
  readonly offsets: ArrayLike<number | bigint>;
  /** Which of those texts each row has, where they are a dictionary's; undefined where they are the rows themselves. */
  readonly codes: ArrayLike<number | bigint> | undefined;
  readonly isNull: (row: number) => boolean;
}

export function isText(type: DataType): boolean {
  if (DataType.isDictionary(type)) return isText(type.dictionary);
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type);
}

export function textColumn(data: Data): TextColumn {
  const isOwnNull = data.nullCount === 0 ? () => false : (row: number) => !data.getValid(row);
  if (!DataType.isDictionary(data.type))
    return { bytes: data.values, offsets: data.valueOffsets, codes: undefined, isNull: isOwnNull };
  const { dictionary: words, values: codes } = data;
  const chunks = words?.data ?? [];
  // A value of a dictionary may be null itself.
  const hasNulls = (words?.nullCount ?? 0) > 0;
  const isNull = hasNulls
    ? (row: number) => isOwnNull(row) || words?.isValid(Number(codes[row])) === false
    : isOwnNull;
  const [only] = chunks;
  if (only === undefined || chunks.length > 1) return { ...joined(chunks), codes, isNull };
  return { bytes: only.values, offsets: only.valueOffsets, codes, isNull };
}

/** A dictionary that came in several pieces, as one. */
function joined(pieces: readonly Data[]): Pick<TextColumn, 'bytes' | 'offsets'> {
  const bytes: Uint8Array[] = [];
  const offsets = [0];
  for (const { values, valueOffsets, length } of pieces) {
    for (let i = 0; i < length; i++) {
      bytes.push(values.subarray(Number(valueOffsets[i]), Number(valueOffsets[i + 1])));
      offsets.push((offsets.at(-1) as number) + Number(valueOffsets[i + 1]) - Number(valueOffsets[i]));
    }
  }
  return { bytes: Buffer.concat(bytes), offsets };
}

/**
 * Rows that are null, unless nulls are empty texts, or whose text is longer than the tensor has room for.
 *
 * @param most bytes of a text
 */
export function checkTexts(
  texts: TextColumn,
  column: string,
  rows: number,
  most: number,
  nullsAreEmpty: boolean,
  report: ReportFault,
): void {
  const { offsets, codes, bytes, isNull } = texts;
  const all = bytes.length;
  for (let row = 0; row < rows; row++) {
    if (isNull(row)) {
      if (!nullsAreEmpty) report(new RowFault(row, column, 'is null, and a tensor has no place for nulls'));
      continue;
    }
    const at = codes === undefined ? row : Number(codes[row]);
    const [from, to] = [Number(offsets[at]), Number(offsets[at + 1])];
    if (!(from >= 0 && to >= from && to <= all)) report(outsideFault(row, column, from, to, all));
    else if (to - from > most)
      report(new RowFault(row, column, `is ${to - from} bytes long; inputs.*.maxBytes allows ${most}`));
  }
}

/** Rows from `row` on into the claim's: each text behind its length, in `4 + most` bytes. */
export function writeTexts(
  { bytes, offsets, codes, isNull }: TextColumn,
  target: Uint8Array,
  claim: Claim,
  row: number,
  most: number,
): void {
  const size = TEXT_HEAD_BYTES + most;
  const heads = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let i = 0; i < claim.count; i++) {
    const to = (claim.first + i) * size;
    if (isNull(row + i)) {
      heads.setUint32(to, 0, true);
      continue;
    }
    const at = codes === undefined ? row + i : Number(codes[row + i]);
    const [start, end] = [Number(offsets[at]), Number(offsets[at + 1])];
    heads.setUint32(to, end - start, true);
    target.set(bytes.subarray(start, end), to + TEXT_HEAD_BYTES);
  }
}
