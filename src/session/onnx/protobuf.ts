import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/*
 * The wire format of Protocol Buffers, as far as a look into an ONNX model needs it. Messages are walked where they lie,
 * and what nobody looks at is stepped over: a model of gigabytes costs a few reads. The format:
 * https://protobuf.dev/programming-guides/encoding/
 */

/** Bytes by position. */
export interface Bytes {
  readonly length: number;
  at(position: number): number;
  slice(start: number, end: number): Buffer;
}

/** The bytes are no message, or one cut short. */
export class MalformedError extends Error {}

export function bytesOf(buffer: Buffer): Bytes {
  return {
    length: buffer.length,
    at: (position) => buffer[position] as number,
    slice: (start, end) => buffer.subarray(start, end),
  };
}

/** A file of which only a window is in memory: that around the position asked for last. */
export class FileBytes implements Bytes, Disposable {
  readonly length: number;
  readonly #descriptor: number;
  readonly #window = Buffer.alloc(64 * 1024);
  #start = 0;
  #end = 0;

  /** @throws what opening it throws */
  constructor(file: string) {
    this.#descriptor = openSync(file, 'r');
    this.length = fstatSync(this.#descriptor).size;
  }

  at(position: number): number {
    if (position < this.#start || position >= this.#end) {
      this.#end = this.#start = position;
      this.#end += readSync(this.#descriptor, this.#window, 0, this.#window.length, position);
      if (position >= this.#end) throw new MalformedError('ends too early');
    }
    return this.#window[position - this.#start] as number;
  }

  slice(start: number, end: number): Buffer {
    const buffer = Buffer.alloc(end - start);
    let at = start;
    while (at < end) {
      const count = readSync(this.#descriptor, buffer, at - start, end - at, at);
      if (count === 0) throw new MalformedError('ends too early');
      at += count;
    }
    return buffer;
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

export interface Field {
  readonly number: number;
  /** Of an integer; undefined for a field with bytes. Exact up to 2^53, which no size or offset exceeds. */
  readonly value: number | undefined;
  /** Where its bytes are: a text, a message, packed numbers. */
  readonly start: number;
  readonly end: number;
  /** Where the field itself begins, with its number. */
  readonly from: number;
}

const Wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * The fields of the message between two positions, in their order.
 *
 * @throws MalformedError
 */
export function* fieldsOf(bytes: Bytes, start = 0, end = bytes.length): Generator<Field, void, undefined> {
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1, size = 1; size <= 10 && at < end; scale *= 128, size++) {
      const byte = bytes.at(at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new MalformedError('a number without an end');
  };
  while (at < end) {
    const from = at;
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    const value = wire === Wire.varint ? varint() : undefined;
    const size = sizeOn(wire) ?? varint();
    const begin = at;
    at += size;
    if (number === 0 || at > end) throw new MalformedError('a field without an end');
    yield { number, value, start: begin, end: at, from };
  }
}

function sizeOn(wire: number): number | undefined {
  if (wire === Wire.varint) return 0;
  if (wire === Wire.fixed32) return 4;
  if (wire === Wire.fixed64) return 8;
  if (wire === Wire.bytes) return undefined;
  throw new MalformedError(`no wire type: ${wire}`);
}

/** An unsigned number, seven bits a byte. */
function varintOf(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varintOf(Math.floor(value / 128))];
}

/** A field with bytes, in pieces that nobody has to copy before all are there. */
export function bytesField(number: number, pieces: readonly Buffer[]): Buffer[] {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return [Buffer.from([...varintOf(number * 8 + Wire.bytes), ...varintOf(length)]), ...pieces];
}

/** A field with an integer, 0 or more. */
export function integerField(number: number, value: number): Buffer {
  return Buffer.from([...varintOf(number * 8 + Wire.varint), ...varintOf(value)]);
}
