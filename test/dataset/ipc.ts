import type { Schema } from 'apache-arrow';
import {
  type BodyCompression,
  BufferRegion,
  DictionaryBatch,
  FieldNode,
  Message,
  RecordBatch,
} from 'apache-arrow/ipc/metadata/message';

/** Messages of Arrow's IPC format put together by hand: what no writer would write, too. */

/** A message with its body, as streams have it. */
export function framed(message: Message, body: Uint8Array = new Uint8Array(0)): Buffer {
  const flatbuffer = Buffer.from(Message.encode(message));
  const padded = Buffer.alloc(Math.ceil(flatbuffer.length / 8) * 8);
  padded.set(flatbuffer);
  const prefix = Buffer.alloc(8, 0xff);
  prefix.writeInt32LE(padded.length, 4);
  return Buffer.concat([prefix, padded, body]);
}

/** Buffers one after another, each from a multiple of 8 on. */
function bodyOf(buffers: readonly Uint8Array[]): { body: Buffer; regions: BufferRegion[] } {
  const parts: Uint8Array[] = [];
  const regions: BufferRegion[] = [];
  let at = 0;
  for (const bytes of buffers) {
    regions.push(new BufferRegion(at, bytes.length));
    const padding = (8 - (bytes.length % 8)) % 8;
    parts.push(bytes, new Uint8Array(padding));
    at += bytes.length + padding;
  }
  return { body: Buffer.concat(parts), regions };
}

/** What a batch is made of: `nodes` are `[length, nullCount]`. */
export interface BatchParts {
  readonly rows: number;
  readonly nodes: readonly (readonly [number, number])[];
  readonly buffers: readonly Uint8Array[];
  readonly compression?: BodyCompression;
}

function metadataOf({ rows, nodes, buffers, compression }: BatchParts): {
  metadata: RecordBatch;
  body: Buffer;
} {
  const { body, regions } = bodyOf(buffers);
  const fieldNodes = nodes.map(([length, nullCount]) => new FieldNode(length, nullCount));
  return { metadata: new RecordBatch(rows, fieldNodes, regions, compression ?? null), body };
}

export const schemaMessage = (schema: Schema): Buffer => framed(Message.from(schema));

export function batchMessage(parts: BatchParts): Buffer {
  const { metadata, body } = metadataOf(parts);
  return framed(Message.from(metadata, body.length), body);
}

export function dictionaryMessage(id: number, parts: BatchParts, isDelta = false): Buffer {
  const { metadata, body } = metadataOf(parts);
  return framed(Message.from(new DictionaryBatch(metadata, id, isDelta), body.length), body);
}

/** A whole stream. */
export const streamOf = (...messages: Uint8Array[]): Uint8Array =>
  Uint8Array.from(Buffer.concat([...messages, Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])]));

/** A compressed buffer: how long it claims to be, and what it is. */
export function compressed(claimed: bigint, content: Uint8Array): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeBigInt64LE(claimed);
  return Buffer.concat([prefix, content]);
}
