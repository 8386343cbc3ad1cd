import { type Data, DataType, type Union, UnionMode } from 'apache-arrow';

/*
 * What decoded columns refer to must be there: whoever reads them follows offsets, indices and views without a look. One
 * pass over each array that refers to another; plain numbers are not looked at.
 */

/** @throws RangeError that says what refers to nothing */
export function checkValues(data: Data): void {
  const { type, length } = data;
  checkNulls(data);
  if (DataType.isDictionary(type)) {
    checkIndices(data);
    return;
  }
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) checkViews(data);
  else if (DataType.isUnion(type)) checkUnion(data as Data<Union>);
  else if (data.valueOffsets !== undefined && length > 0) {
    checkOffsets(data.valueOffsets, length, data.children[0]?.length ?? data.values.length);
  } else if (DataType.isStruct(type)) {
    for (const child of data.children) checkLength(child, length);
  } else if (DataType.isFixedSizeList(type)) {
    checkLength(data.children[0] as Data, length * type.listSize);
  }
  for (const child of data.children) checkValues(child);
}

function checkLength(child: Data, least: number): void {
  if (child.length < least)
    throw new RangeError(`a child has ${child.length} elements, and ${least} are needed`);
}

/** Bits that are set in a byte. */
const BITS = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0;
  for (let rest = byte; rest > 0; rest >>= 1) bits += rest & 1;
  return bits;
});

function checkNulls(data: Data): void {
  if (DataType.isUnion(data.type) || DataType.isNull(data.type) || data.nullCount === 0) return;
  const { nullBitmap, length, nullCount } = data;
  let valid = 0;
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) valid += BITS[nullBitmap[i] as number] as number;
  if (length % 8 !== 0) valid += BITS[(nullBitmap[whole] as number) & ((1 << (length % 8)) - 1)] as number;
  if (length - valid !== nullCount)
    throw new RangeError(`it claims ${nullCount} nulls, and its bitmap has ${length - valid}`);
}

function checkOffsets(offsets: Int32Array | BigInt64Array, length: number, all: number): void {
  const bad = offsets instanceof Int32Array ? unordered(offsets, length) : unorderedLarge(offsets, length);
  if (bad >= 0)
    throw new RangeError(`element ${bad} begins at ${offsets[bad]} and ends at ${offsets[bad + 1]}`);
  const [from, to] = [Number(offsets[0]), Number(offsets[length])];
  if (from < 0 || to > all) throw new RangeError(`elements lie at ${from} to ${to} of ${all}`);
}

/** The first element that ends before it begins; −1 where none does. */
function unordered(offsets: Int32Array, length: number): number {
  for (let i = 0; i < length; i++) if ((offsets[i] as number) > (offsets[i + 1] as number)) return i;
  return -1;
}

/** The same without a bigint an element. */
function unorderedLarge(offsets: BigInt64Array, length: number): number {
  const low = new Uint32Array(offsets.buffer, offsets.byteOffset, 2 * offsets.length);
  const high = new Int32Array(offsets.buffer, offsets.byteOffset, 2 * offsets.length);
  for (let i = 0; i < length; i++) {
    const [from, to] = [high[2 * i + 1] as number, high[2 * i + 3] as number];
    if (from > to || (from === to && (low[2 * i] as number) > (low[2 * i + 2] as number))) return i;
  }
  return -1;
}

const VIEW_WORDS = 4;
const INLINE_BYTES = 12;

function checkViews(data: Data): void {
  const { values, length, variadicBuffers, nullCount } = data;
  const words = new Int32Array(values.buffer, values.byteOffset, length * VIEW_WORDS);
  for (let i = 0; i < length; i++) {
    const at = i * VIEW_WORDS;
    const bytes = words[at] as number;
    if (bytes >= 0 && bytes <= INLINE_BYTES) continue;
    // What a null's view holds is nobody's business.
    if (nullCount > 0 && !data.getValid(i)) continue;
    const [buffer, offset] = [words[at + 2] as number, words[at + 3] as number];
    const all = variadicBuffers[buffer]?.byteLength ?? -1;
    if (bytes < 0 || offset < 0 || offset + bytes > all)
      throw new RangeError(
        `element ${i} is at bytes ${offset} to ${offset + bytes} of buffer ${buffer}, which has ${all}`,
      );
  }
}

function checkIndices(data: Data): void {
  const { length, nullCount } = data;
  const indices = data.values as ArrayLike<number | bigint>;
  const all = data.dictionary?.length ?? 0;
  for (let i = 0; i < length; i++) {
    const index = indices[i] as number | bigint;
    if (index >= 0 && index < all) continue;
    if (nullCount > 0 && !data.getValid(i)) continue;
    throw new RangeError(`element ${i} is value ${index} of a dictionary of ${all}`);
  }
}

function checkUnion(data: Data<Union>): void {
  const { type, length, typeIds, valueOffsets, children } = data;
  const childOf: Record<number, number> = type.typeIdToChildIndex;
  if (type.mode === UnionMode.Sparse) for (const child of children) checkLength(child, length);
  for (let i = 0; i < length; i++) {
    const child = children[childOf[typeIds[i] as number] ?? -1];
    if (child === undefined)
      throw new RangeError(`element ${i} is of type ${typeIds[i]}, which the union does not have`);
    if (type.mode === UnionMode.Sparse) continue;
    const at = Number(valueOffsets[i]);
    if (!(at >= 0 && at < child.length))
      throw new RangeError(`element ${i} is element ${at} of ${child.length}`);
  }
}
