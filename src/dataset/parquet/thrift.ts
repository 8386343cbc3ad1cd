/** Types of the compact protocol. Source: thrift-compact-protocol.md of Apache Thrift. */
const STOP = 0;
const TRUE = 1;
const FALSE = 2;
const BYTE = 3;
const I16 = 4;
const I32 = 5;
const I64 = 6;
const DOUBLE = 7;
const BINARY = 8;
const LIST = 9;
const SET = 10;
const STRUCT = 12;

/** Parquet's own metadata nests ten structs deep at most. */
const MAX_DEPTH = 32;
const MAX_VARINT_BYTES = 10;

/**
 * Walks over a struct of the compact protocol without building anything; returns where it ends. hyparquet's reader
 * allocates what a length claims and takes integers of any length, so it is shown only what has passed here.
 *
 * @throws RangeError where the struct is none, or claims more than there is
 */
export function checkThrift(bytes: Uint8Array, at: number): number {
  return new Walker(bytes).struct(at, 0);
}

class Walker {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  struct(from: number, depth: number): number {
    if (depth > MAX_DEPTH) throw new RangeError('its metadata is nested too deeply');
    let at = from;
    for (;;) {
      const byte = this.#byte(at++);
      const type = byte & 15;
      if (type === STOP) return at;
      if (byte >> 4 === 0) at = this.#varint(at).next;
      if (type !== TRUE && type !== FALSE) at = this.#value(type, at, depth);
    }
  }

  #value(type: number, at: number, depth: number): number {
    switch (type) {
      case TRUE:
      case FALSE:
      case BYTE:
        return this.#within(at + 1);
      case I16:
      case I32:
      case I64:
        return this.#varint(at).next;
      case DOUBLE:
        return this.#within(at + 8);
      case BINARY: {
        const { value, next } = this.#varint(at);
        return this.#within(next + value);
      }
      case LIST:
      case SET:
        return this.#list(at, depth);
      case STRUCT:
        return this.struct(at, depth + 1);
      default:
        throw new RangeError(`its metadata has a value of unknown type ${type}`);
    }
  }

  #list(from: number, depth: number): number {
    const head = this.#byte(from);
    let size = head >> 4;
    let at = from + 1;
    if (size === 15) ({ value: size, next: at } = this.#varint(at));
    // Every element takes a byte at least.
    if (size > this.#bytes.length - at)
      throw new RangeError(`its metadata claims a list of ${size} elements`);
    for (let i = 0; i < size; i++) at = this.#value(head & 15, at, depth + 1);
    return at;
  }

  #varint(from: number): { value: number; next: number } {
    let value = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.#byte(from + i);
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return { value, next: from + i + 1 };
    }
    throw new RangeError('its metadata has an integer of more than 64 bits');
  }

  #byte(at: number): number {
    if (at >= this.#bytes.length) throw new RangeError('its metadata ends too early');
    return this.#bytes[at] as number;
  }

  #within(end: number): number {
    if (!(end <= this.#bytes.length)) throw new RangeError('its metadata ends too early');
    return end;
  }
}
