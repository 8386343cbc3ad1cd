import { type Data, DataType, makeData, type Struct } from 'apache-arrow';
import { packBits } from '../../util/bits.js';
import type { LeafSlice } from './leaf-buffer.js';
import type { SchemaNode } from './schema.js';

/** The slice of each leaf, by the leaf's index. */
export type Slices = ReadonlyMap<number, LeafSlice>;

interface Validity {
  readonly length: number;
  readonly nullCount: number;
  readonly nullBitmap: Uint8Array | undefined;
}

/**
 * Puts leaves together to a column: offsets and validity out of their levels.
 * Source: «Dremel made simple with Parquet», and Nested Encoding in README.md of parquet-format.
 */
export function assemble(node: SchemaNode, slices: Slices): Data {
  switch (node.kind) {
    case 'leaf':
      return assembleLeaf(node, sliceOf(node, slices));
    case 'list':
      return assembleList(node, slices);
    case 'struct': {
      const validity = validityOf(node, sliceOf(node, slices));
      const children = node.children.map((child) => assemble(child, slices));
      if (children.some(({ length }) => length !== validity.length))
        throw new RangeError('the fields of a struct have different numbers of rows');
      return makeData({ type: node.field.type as Struct, ...validity, children });
    }
  }
}

/** The slice of a node's first leaf: what it says of the node, all its leaves say. */
function sliceOf(node: SchemaNode, slices: Slices): LeafSlice {
  let at = node;
  while (at.kind !== 'leaf') at = at.kind === 'list' ? at.child : (at.children[0] as SchemaNode);
  return slices.get(at.leaf.index) as LeafSlice;
}

/** Which of a node's elements are there. */
function validityOf({ slotDef, rep, def }: SchemaNode, slice: LeafSlice): Validity {
  const { entries, defs, reps, rowStarts } = slice;
  if (defs === undefined && (rep === 0 || reps === undefined))
    return { length: rowStarts?.length ?? entries, nullCount: 0, nullBitmap: undefined };
  const bitmap = new Uint8Array(Math.ceil(entries / 64) * 8);
  let length = 0;
  let valid = 0;
  for (let i = 0; i < entries; i++) {
    if (reps !== undefined && (reps[i] as number) > rep) continue;
    const level = defs === undefined ? def : (defs[i] as number);
    if (level < slotDef) continue;
    if (level >= def) {
      bitmap[length >> 3] = (bitmap[length >> 3] as number) | (1 << (length & 7));
      valid++;
    }
    length++;
  }
  return { length, nullCount: length - valid, nullBitmap: valid === length ? undefined : bitmap };
}

function assembleLeaf(node: SchemaNode & { kind: 'leaf' }, slice: LeafSlice): Data {
  const { type } = node.leaf;
  const { values, defs } = slice;
  const validity =
    defs === undefined
      ? { length: slice.entries, nullCount: 0, nullBitmap: undefined }
      : validityOf(node, slice);
  const { length, nullCount, nullBitmap } = validity;
  if (type.width === 0) {
    const offsets =
      nullCount === 0
        ? (values.offsets as Int32Array)
        : spreadOffsets(validity, values.offsets as Int32Array);
    if (!DataType.isDecimal(type.arrow)) {
      return makeData({
        type: type.arrow as never,
        length,
        nullCount,
        nullBitmap,
        valueOffsets: offsets,
        data: values.bytes,
      } as never);
    }
    return makeData({
      ...validity,
      type: type.arrow,
      data: type.toArrow(values.bytes, length, offsets),
    } as never);
  }
  const bytes = nullCount === 0 ? values.bytes : spread(validity, values.bytes, type.width);
  const data = DataType.isBool(type.arrow)
    ? packBits(bytes.subarray(0, length))
    : type.toArrow(bytes, length);
  return makeData({ ...validity, type: type.arrow, data } as never);
}

const isValid = (bitmap: Uint8Array, i: number): boolean =>
  (((bitmap[i >> 3] as number) >> (i & 7)) & 1) === 1;

/** Values with room between them for those that are null. */
function spread({ length, nullBitmap }: Validity, bytes: Uint8Array, width: number): Uint8Array {
  const out = new Uint8Array(Math.ceil((length * width) / 8) * 8);
  const bitmap = nullBitmap as Uint8Array;
  let from = 0;
  if (width === 4 && bytes.byteOffset % 4 === 0) {
    const source = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    const target = new Uint32Array(out.buffer);
    for (let i = 0; i < length; i++) if (isValid(bitmap, i)) target[i] = source[from++] as number;
    return out;
  }
  for (let i = 0; i < length; i++) {
    if (!isValid(bitmap, i)) continue;
    for (let b = 0; b < width; b++) out[i * width + b] = bytes[from + b] as number;
    from += width;
  }
  return out;
}

function spreadOffsets({ length, nullBitmap }: Validity, offsets: Int32Array): Int32Array {
  const out = new Int32Array(length + 1);
  let from = 0;
  out[0] = offsets[0] as number;
  for (let i = 0; i < length; i++) {
    if (isValid(nullBitmap as Uint8Array, i)) from++;
    out[i + 1] = offsets[from] as number;
  }
  return out;
}

function assembleList(node: SchemaNode & { kind: 'list' }, slices: Slices): Data {
  const { child, size, field } = node;
  const slice = sliceOf(node, slices);
  const validity = validityOf(node, slice);
  const offsets = offsetsOf(node, slice, validity.length);
  const elements = assemble(child, slices);
  if (elements.length !== offsets[validity.length])
    throw new RangeError('the columns of a list have different numbers of elements');
  if (size === undefined) {
    return makeData({
      type: field.type as never,
      ...validity,
      valueOffsets: offsets,
      child: elements,
    } as never);
  }
  const { length, nullCount, nullBitmap } = validity;
  for (let i = 0; i < length; i++) {
    const elementsHere = (offsets[i + 1] as number) - (offsets[i] as number);
    const there = nullCount === 0 || isValid(nullBitmap as Uint8Array, i);
    if (elementsHere !== (there ? size : 0))
      throw new RangeError(`a list has ${elementsHere} elements, and its type says ${size}`);
  }
  const filled = nullCount === 0 ? elements : fill(validity, elements, size);
  return makeData({ type: field.type as never, ...validity, child: filled } as never);
}

/** Where the lists of a node begin among the elements of its child. */
function offsetsOf(node: SchemaNode & { kind: 'list' }, slice: LeafSlice, length: number): Int32Array {
  const { slotDef, rep, child } = node;
  const { entries, defs } = slice;
  const reps = slice.reps as Uint8Array;
  const offsets = new Int32Array(length + 1);
  if (defs === undefined && rep === 0 && maxRepOf(node) === 1) {
    offsets.set(slice.rowStarts as Int32Array);
    offsets[length] = entries;
    return offsets;
  }
  let list = 0;
  let elements = 0;
  for (let i = 0; i < entries; i++) {
    const level = defs === undefined ? 255 : (defs[i] as number);
    const repeated = reps[i] as number;
    if (repeated <= rep && level >= slotDef) offsets[list++] = elements;
    if (repeated <= rep + 1 && level >= child.slotDef) elements++;
  }
  offsets[length] = elements;
  return offsets;
}

/** The deepest repetition below a node, along its first leaf. */
function maxRepOf(node: SchemaNode): number {
  let at = node;
  while (at.kind !== 'leaf') at = at.kind === 'list' ? at.child : (at.children[0] as SchemaNode);
  return at.leaf.maxRep;
}

/** Numbers with `size` empty ones for each list that is null: Arrow has room for them. */
function fill({ length, nullBitmap }: Validity, elements: Data, size: number): Data {
  const source = elements.values as Uint8Array;
  const { stride } = elements;
  const Values = source.constructor as Uint8ArrayConstructor;
  const values = new Values(length * size * stride);
  const bitmap = new Uint8Array(Math.ceil((length * size) / 64) * 8);
  let from = 0;
  let valid = 0;
  for (let i = 0; i < length; i++) {
    if (!isValid(nullBitmap as Uint8Array, i)) continue;
    values.set(source.subarray(from * stride, (from + size) * stride), i * size * stride);
    for (let k = i * size; k < (i + 1) * size; k++, from++) {
      if (elements.nullCount > 0 && !isValid(elements.nullBitmap, from)) continue;
      bitmap[k >> 3] = (bitmap[k >> 3] as number) | (1 << (k & 7));
      valid++;
    }
  }
  const count = length * size;
  return makeData({
    type: elements.type as never,
    length: count,
    nullCount: count - valid,
    nullBitmap: bitmap,
    data: values,
  } as never);
}
