/**
 * Checks of flatbuffers before anybody decodes them. The flatbuffers library reads zeros beyond the end of its bytes,
 * follows any offset, and allocates what a vector claims as its length: a damaged buffer would be read as something else
 * in silence, or until there is no memory left.
 * Source: the FlatBuffers binary format, https://flatbuffers.dev/internals/.
 */

/** What a slot of a table refers to. */
export type Part =
  /** A scalar of so many bytes. */
  | { readonly scalar: number }
  | { readonly table: Shape }
  /** A table whose shape is known by a number in another slot. */
  | { readonly union: Readonly<Record<number, Shape>>; readonly type: number }
  | { readonly tables: Shape }
  /** A vector of scalars or structs of so many bytes each. */
  | { readonly vector: number }
  | { readonly text: true };

/** The slots of a table, by their number; those that are not named are not looked at. */
export interface Shape {
  readonly [slot: number]: Part;
}

/** Slots of shapes that were looked at: every message of a file has the same. */
const known = new WeakMap<Shape, readonly { readonly slot: number; readonly part: Part }[]>();

function slotsOf(shape: Shape): readonly { readonly slot: number; readonly part: Part }[] {
  let slots = known.get(shape);
  if (slots === undefined) {
    slots = Object.entries(shape).map(([slot, part]) => ({ slot: Number(slot), part }));
    known.set(shape, slots);
  }
  return slots;
}

/** Deeper than any schema; C++ Arrow reads 64 levels of types. */
const MAX_DEPTH = 128;
const SIZE = 4;

/**
 * Checks that a flatbuffer's tables, vectors and strings lie inside of it, and that what they claim, taken together, is no
 * more than it holds: so one that is reached many times, or from within itself, ends.
 *
 * @throws RangeError that says what lies where it can't
 */
export function checkFlatbuffer(bytes: Uint8Array, shape: Shape): void {
  new Checker(bytes).root(shape);
}

class Checker {
  readonly #view: DataView;
  readonly #size: number;
  #spent = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#size = bytes.byteLength;
  }

  root(shape: Shape): void {
    this.#table(this.#target(0, 'the root table'), shape, 0);
  }

  #table(at: number, shape: Shape, depth: number): void {
    if (depth > MAX_DEPTH) throw new RangeError(`its tables are nested deeper than ${MAX_DEPTH} levels`);
    this.#within(at, SIZE, 'a table');
    this.#spend(SIZE);
    const vtable = at - this.#view.getInt32(at, true);
    this.#within(vtable, 4, 'a vtable');
    const vtableBytes = this.#view.getUint16(vtable, true);
    const tableBytes = this.#view.getUint16(vtable + 2, true);
    if (vtableBytes < 4 || vtableBytes % 2 !== 0) throw new RangeError(`a vtable has ${vtableBytes} bytes`);
    this.#within(vtable, vtableBytes, 'a vtable');
    this.#within(at, tableBytes, 'a table');
    for (const { slot, part } of slotsOf(shape)) {
      const field = this.#field(vtable, vtableBytes, slot);
      if (field === 0) continue;
      const bytes = 'scalar' in part ? part.scalar : SIZE;
      if (field < 4 || field + bytes > tableBytes)
        throw new RangeError(`slot ${slot} lies outside of its table`);
      if ('scalar' in part) continue;
      const typeField = 'union' in part ? this.#field(vtable, vtableBytes, part.type) : 0;
      this.#part(at + field, part, typeField === 0 ? 0 : this.#view.getUint8(at + typeField), depth);
    }
  }

  /** Where a slot lies in its table; 0 where it does not. */
  #field(vtable: number, vtableBytes: number, slot: number): number {
    const entry = 4 + 2 * slot;
    return entry + 2 <= vtableBytes ? this.#view.getUint16(vtable + entry, true) : 0;
  }

  #part(at: number, part: Exclude<Part, { scalar: number }>, type: number, depth: number): void {
    if ('table' in part || 'union' in part) {
      const shape = 'table' in part ? part.table : (part.union[type] ?? {});
      this.#table(this.#target(at, 'a table'), shape, depth + 1);
      return;
    }
    if ('text' in part) {
      this.#vector(at, 1);
      return;
    }
    if ('vector' in part) {
      this.#spend(this.#vector(at, part.vector) * part.vector);
      return;
    }
    const count = this.#vector(at, SIZE);
    this.#spend(count * SIZE);
    const first = this.#target(at, 'a vector') + SIZE;
    for (let i = 0; i < count; i++) {
      this.#table(this.#target(first + i * SIZE, 'a table'), part.tables, depth + 1);
    }
  }

  /** The elements of the vector that the offset at `at` points to. */
  #vector(at: number, elementBytes: number): number {
    const vector = this.#target(at, 'a vector');
    this.#within(vector, SIZE, 'a vector');
    const count = this.#view.getUint32(vector, true);
    this.#within(vector + SIZE, count * elementBytes, 'a vector');
    return count;
  }

  #target(at: number, what: string): number {
    this.#within(at, SIZE, what);
    const target = at + this.#view.getUint32(at, true);
    if (target === at) throw new RangeError(`${what} at byte ${at} is not there`);
    return target;
  }

  #within(at: number, bytes: number, what: string): void {
    if (at >= 0 && at + bytes <= this.#size) return;
    throw new RangeError(`${what} lies at bytes ${at} to ${at + bytes} of ${this.#size}`);
  }

  #spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent > this.#size)
      throw new RangeError(`its tables and vectors take more than its ${this.#size} bytes`);
  }
}
