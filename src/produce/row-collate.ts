import { bucketFor } from '../ring/buckets.js';
import { type Bucket, rowElements, type TensorRegion } from '../ring/layout.js';
import type { Claim } from '../ring/producer-side.js';
import type { Ring } from '../ring/ring.js';
import type { DType, TypedArray } from '../util/dtype.js';
import { numberToHalf } from '../util/half.js';
import { tooLongFault } from './lengths.js';
import { RowFault } from './row-fault.js';
import type { CollateInput } from './writer.js';

/** A row as a program has it: column → number, or (nested) array or typed array of numbers. */
export type Row = Readonly<Record<string, unknown>>;

type Element = number | bigint | boolean;

interface Writer {
  readonly input: CollateInput;
  readonly region: TensorRegion;
  readonly targets: readonly TypedArray[];
  /** The row's elements, one after another. */
  elements: ArrayLike<Element | null>;
}

/** Writes rows that are plain objects into rows of slots' tensors, one at a time. */
export class RowCollator {
  readonly #buckets: readonly Bucket[];
  readonly #lengthColumn: string | undefined;
  readonly #writers: readonly Writer[];
  #length = 1;
  /** Of the row at hand, among the layout's. */
  bucket = 0;

  constructor(ring: Ring, inputs: readonly CollateInput[], lengthColumn: string | undefined) {
    this.#buckets = ring.layout.buckets;
    this.#lengthColumn = lengthColumn;
    this.#writers = inputs.map((input) => {
      const region = ring.layout.inputs[input.tensor];
      if (region === undefined) throw new RangeError(`no input tensor ${input.tensor}`);
      const targets = Array.from({ length: ring.config.slots }, (_, slot) => ring.regionView(slot, region));
      return { input, region, targets, elements: [] };
    });
  }

  /** Length of the row at hand; 1 where all are of one length. */
  get tokens(): number {
    return this.#length;
  }

  /**
   * Takes the next row, and checks it.
   *
   * @throws RowFault (row 0) where a column is missing, of the wrong size, or holds what is no number
   */
  begin(row: Row): void {
    if (typeof row !== 'object' || row === null) {
      const column = this.#writers[0]?.input.column ?? '';
      throw new RowFault(0, column, `is missing: the row is ${String(row)}`);
    }
    const lengthColumn = this.#lengthColumn;
    if (lengthColumn !== undefined) {
      this.#length = lengthOf(row[lengthColumn], lengthColumn);
      this.bucket = bucketFor(this.#length, this.#buckets);
      if (this.bucket < 0) throw tooLongFault(0, lengthColumn, this.#length, this.#buckets);
    }
    for (const writer of this.#writers) {
      const { input, region } = writer;
      if (input.from !== 'values') continue;
      const size = region.rowSize / (input.classes ?? 1);
      const wanted = region.padded ? this.#length * size : size;
      const value = row[input.column];
      writer.elements =
        value === null && input.fill !== undefined
          ? new Array<null>(wanted).fill(null)
          : elementsOf(value, input.column, input.fill !== undefined);
      if (writer.elements.length === wanted) continue;
      const has = writer.elements.length;
      throw new RowFault(0, input.column, `has ${has} values; the tensor takes ${wanted}`);
    }
  }

  /** @throws RowFault (row 0) for a value that the tensor's type can't hold */
  write(claim: Claim): void {
    const bucket = this.#buckets[claim.bucket] as Bucket;
    for (const { input, region, targets, elements } of this.#writers) {
      const target = targets[claim.slot] as TypedArray;
      const size = rowElements(region, bucket);
      const at = claim.first * size;
      if (input.from === 'length') {
        put(target, at, this.#length, region.dtype, input.column);
        continue;
      }
      const { column, pad, classes = 1 } = input;
      const mask = input.from === 'mask';
      const count = mask ? this.#length : elements.length;
      for (let i = 0; i < count; i++) {
        const value = mask ? 1 : elements[input.order?.[i] ?? i];
        const place = at + i * classes;
        if (value == null) putAll(target, place, classes, input.fill ?? 0, region.dtype, column);
        else if (input.classes === undefined)
          put(target, place, mask ? value : scaled(value, i, input), region.dtype, column);
        else putOneHot(target, place, value, classes, region.dtype, column);
      }
      putAll(target, at + count * classes, size - count * classes, mask ? 0 : pad, region.dtype, column);
    }
  }
}

function scaled(value: Element, element: number, { factor, term, channels }: CollateInput): Element {
  if (channels === undefined) return factor !== 1 || term !== 0 ? Number(value) * factor + term : value;
  const { factors, terms, inner } = channels;
  const channel = Math.floor(element / inner) % factors.length;
  return Number(value) * (factors[channel] as number) + (terms[channel] as number);
}

function putAll(
  target: TypedArray,
  from: number,
  count: number,
  value: Element,
  dtype: DType,
  column: string,
): void {
  for (let i = from; i < from + count; i++) put(target, i, value, dtype, column);
}

function putOneHot(
  target: TypedArray,
  at: number,
  value: Element,
  classes: number,
  dtype: DType,
  column: string,
): void {
  const place = Number(value);
  if (!(Number.isInteger(place) && place >= 0 && place < classes)) {
    const why = `which is no place among ${classes} classes: 0 to ${classes - 1}`;
    throw new RowFault(0, column, `holds ${value}, ${why}`);
  }
  putAll(target, at, classes, 0, dtype, column);
  put(target, at + place, 1, dtype, column);
}

function put(target: TypedArray, index: number, value: Element, dtype: DType, column: string): void {
  if (dtype === 'float16') {
    target[index] = numberToHalf(Number(value));
  } else if (dtype.startsWith('float')) {
    target[index] = Number(value);
  } else if (dtype === 'int64' || dtype === 'uint64') {
    if (typeof value === 'number' && !Number.isInteger(value)) throw misfit(value, dtype, column);
    target[index] = BigInt(value);
    if (target[index] !== BigInt(value)) throw misfit(value, dtype, column);
  } else {
    target[index] = Number(value);
    if (target[index] !== Number(value) || (dtype === 'bool' && Number(value) > 1))
      throw misfit(value, dtype, column);
  }
}

function misfit(value: Element, dtype: DType, column: string): RowFault {
  return new RowFault(0, column, `holds ${value}, which does not fit ${dtype}`);
}

function lengthOf(value: unknown, column: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  if (typeof value === 'object' && value !== null && 'length' in value && typeof value.length === 'number')
    return value.length;
  throw new RowFault(0, column, `is ${String(value)}, which is no length`);
}

/** The numbers of a value, nested arrays flattened. */
function elementsOf(value: unknown, column: string, nulls: boolean): ArrayLike<Element | null> {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return value as TypedArray;
  if (Array.isArray(value)) {
    const flat = value
      .flat(Number.POSITIVE_INFINITY)
      .flatMap((part: unknown) =>
        ArrayBuffer.isView(part) ? Array.from(part as unknown as Iterable<unknown>) : [part],
      );
    const wrong = flat.findIndex((element) => !isElement(element) && !(nulls && element === null));
    if (wrong < 0) return flat as (Element | null)[];
    throw new RowFault(0, column, `holds ${String(flat[wrong])}, which is no number`);
  }
  if (isElement(value)) return [value];
  throw new RowFault(
    0,
    column,
    value === undefined ? 'is missing' : `is ${String(value)}, which is no number`,
  );
}

function isElement(value: unknown): value is Element {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean';
}
