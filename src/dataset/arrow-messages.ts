import type { Schema } from 'apache-arrow';
import type { ObjectReader } from '../storage/types.js';
import { corrupt, truncated } from './arrow-errors.js';
import {
  type ArrowMessage,
  decodeMessage,
  MAX_METADATA_BYTES,
  prefixOf,
  type SyncReader,
} from './arrow-message.js';
import { claimsStream } from './arrow-sniff.js';
import { foreignFile, LEAVE_OUT } from './foreign.js';

/** A message of a stream, and where its body lies. */
export interface PlacedMessage {
  readonly message: ArrowMessage;
  /** As messages to people name it: its number counts from the schema, which is message 0. */
  readonly what: string;
  readonly bodyStart: number;
  readonly bodyLength: number;
}

/** What is read at a time: the metadata of most messages fits. */
const WINDOW_BYTES = 4096;

/** The messages of a stream, one after another, without their bodies. */
export class StreamMessages {
  readonly #reader: ObjectReader;
  #offset: number;
  #index: number;

  /** @param index what the message that begins at `offset` counts as */
  constructor(reader: ObjectReader, offset: number, index = 1) {
    this.#reader = reader;
    this.#offset = offset;
    this.#index = index;
  }

  /** Where the next message begins. */
  get offset(): number {
    return this.#offset;
  }

  /** The next message; undefined at the end of the stream. */
  async next(): Promise<PlacedMessage | undefined> {
    const head = this.#makeHead();
    if (head === undefined) return undefined;
    await this.#reader.read(this.#offset, head);
    const rest = this.#restOf(head);
    if (rest === undefined) return undefined;
    if (rest.missing.byteLength > 0) await this.#reader.read(this.#offset + head.byteLength, rest.missing);
    return this.#placed(rest.flatbuffer, rest.end);
  }

  /** The same for a reader that reads at once. */
  nextSync(reader: SyncReader): PlacedMessage | undefined {
    const head = this.#makeHead();
    if (head === undefined) return undefined;
    reader.readSync(this.#offset, head, 0, head.byteLength);
    const rest = this.#restOf(head);
    if (rest === undefined) return undefined;
    const { missing } = rest;
    if (missing.byteLength > 0)
      reader.readSync(this.#offset + head.byteLength, missing, 0, missing.byteLength);
    return this.#placed(rest.flatbuffer, rest.end);
  }

  /** Memory for the beginning of the next message; undefined where the object ends before it. */
  #makeHead(): Uint8Array | undefined {
    const { object } = this.#reader;
    const left = object.size - this.#offset;
    if (left === 0) return undefined;
    if (left < 4) throw truncated(object, `${this.#what} has ${left} bytes of its length`);
    return new Uint8Array(Math.min(left, WINDOW_BYTES));
  }

  get #what(): string {
    return `message ${this.#index} (at byte ${this.#offset})`;
  }

  /** The memory for the metadata, and the part of it that is not read yet; undefined for the mark of the end. */
  #restOf(head: Uint8Array): { flatbuffer: Uint8Array; missing: Uint8Array; end: number } | undefined {
    const { object } = this.#reader;
    const prefix = prefixOf(head);
    if (prefix.bytes > head.byteLength) throw truncated(object, `${this.#what} has no length`);
    if (prefix.length === 0) return undefined;
    const start = this.#offset + prefix.bytes;
    if (prefix.length < 0 || prefix.length > MAX_METADATA_BYTES) {
      throw corrupt(object, `${this.#what} claims ${prefix.length} bytes of metadata`);
    }
    const end = start + prefix.length;
    if (end > object.size) {
      throw truncated(
        object,
        `the metadata of ${this.#what} takes ${prefix.length} bytes, and ${object.size - start} are left`,
      );
    }
    const flatbuffer = new Uint8Array(prefix.length);
    const there = head.subarray(prefix.bytes, prefix.bytes + prefix.length);
    flatbuffer.set(there);
    return { flatbuffer, missing: flatbuffer.subarray(there.byteLength), end };
  }

  #placed(flatbuffer: Uint8Array, bodyStart: number): PlacedMessage {
    const { object } = this.#reader;
    const what = this.#what;
    const message = decodeMessage(object, flatbuffer, what);
    const { bodyLength } = message;
    if (!(bodyLength >= 0)) throw corrupt(object, `${what} claims a body of ${bodyLength} bytes`);
    if (bodyStart + bodyLength > object.size) {
      throw truncated(
        object,
        `the body of ${what} takes ${bodyLength} bytes, and ${object.size - bodyStart} are left`,
      );
    }
    this.#offset = bodyStart + bodyLength;
    this.#index++;
    return { message, what, bodyStart, bodyLength };
  }
}

/** The first message of a stream, and where the next begins; an error that says what the object is where it is none. */
export async function readSchema(reader: ObjectReader): Promise<{ schema: Schema; next: number }> {
  const { object } = reader;
  await checkHead(reader);
  const messages = new StreamMessages(reader, 0, 0);
  const first = await messages.next();
  if (first === undefined) throw truncated(object, 'it ends before its schema');
  if (first.message.kind !== 'schema') throw corrupt(object, `${first.what} is not a schema`);
  return { schema: first.message.schema, next: messages.offset };
}

const HEAD_BYTES = 8;

async function checkHead(reader: ObjectReader): Promise<void> {
  const { object } = reader;
  const head = new Uint8Array(Math.min(object.size, HEAD_BYTES));
  if (head.length > 0) await reader.read(0, head);
  if (claimsStream(head, object.size)) return;
  if (head[0] === 0xff && head.every((byte, i) => i > 3 || byte === 0xff))
    throw truncated(object, `it has ${object.size} bytes`);
  throw await foreignFile(reader, 'an Arrow stream', LEAVE_OUT);
}
