import type { MetadataVersion, Schema } from 'apache-arrow';
import {
  type RecordBatch as BatchMetadata,
  type DictionaryBatch,
  Message,
} from 'apache-arrow/ipc/metadata/message';
import type { ObjectReader, StoredObject } from '../storage/types.js';
import { messageOf } from '../util/errors.js';
import { corrupt } from './arrow-errors.js';
import { checkMessage } from './arrow-metadata.js';

/** What a message carries, but for its body. */
export type ArrowMessage = { readonly version: MetadataVersion; readonly bodyLength: number } & (
  | { readonly kind: 'schema'; readonly schema: Schema }
  | { readonly kind: 'batch'; readonly metadata: BatchMetadata }
  | {
      readonly kind: 'dictionary';
      readonly id: number;
      readonly isDelta: boolean;
      readonly metadata: BatchMetadata;
    }
);
export type DictionaryMessage = Extract<ArrowMessage, { kind: 'dictionary' }>;
export type BatchMessage = Extract<ArrowMessage, { kind: 'batch' }>;

/** A reader that reads at once. */
export type SyncReader = ObjectReader & Required<Pick<ObjectReader, 'readSync'>>;

export const readsAtOnce = (reader: ObjectReader): reader is SyncReader => reader.readSync !== undefined;

/** The metadata of a hundred thousand columns takes some 5 MB; nothing needs more than this. */
export const MAX_METADATA_BYTES = 64 * 1024 * 1024;

/** What stands in front of a message's flatbuffer: `FF FF FF FF` and its length; before Arrow 0.15 only the length. */
export interface MessagePrefix {
  readonly bytes: 4 | 8;
  readonly length: number;
}

/** Reads the prefix at the beginning of `bytes`, of which there are 8, or 4 where the object ends after them. */
export function prefixOf(bytes: Uint8Array): MessagePrefix {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getInt32(0, true);
  if (first !== -1) return { bytes: 4, length: first };
  return { bytes: 8, length: bytes.byteLength < 8 ? 0 : view.getInt32(4, true) };
}

/** Where a message's metadata lies. */
export interface MessagePlace {
  readonly offset: number;
  readonly metaDataLength: number;
}

export async function readMessage(
  reader: ObjectReader,
  place: MessagePlace,
  what: string,
): Promise<ArrowMessage> {
  const bytes = new Uint8Array(place.metaDataLength);
  await reader.read(place.offset, bytes);
  return parseMessage(reader.object, bytes, what);
}

/** The same for a reader that reads at once. */
export function readMessageSync(reader: SyncReader, place: MessagePlace, what: string): ArrowMessage {
  const bytes = new Uint8Array(place.metaDataLength);
  reader.readSync(place.offset, bytes, 0, bytes.byteLength);
  return parseMessage(reader.object, bytes, what);
}

/** A message's metadata, prefix and all. */
function parseMessage(object: StoredObject, bytes: Uint8Array, what: string): ArrowMessage {
  const prefix = prefixOf(bytes);
  const room = bytes.length - prefix.bytes;
  if (prefix.length <= 0 || prefix.length > room) {
    throw corrupt(object, `the metadata of ${what} claims ${prefix.length} bytes of ${room}`);
  }
  return decodeMessage(object, bytes.subarray(prefix.bytes, prefix.bytes + prefix.length), what);
}

/** A message's flatbuffer. */
export function decodeMessage(object: StoredObject, flatbuffer: Uint8Array, what: string): ArrowMessage {
  try {
    checkMessage(object, flatbuffer, what);
    return parsed(Message.decode(flatbuffer));
  } catch (cause) {
    throw corrupt(object, `the metadata of ${what} can't be decoded: ${messageOf(cause)}`, cause);
  }
}

/** The library decodes a header when it is looked at, so all of it is looked at here. */
function parsed(message: Message): ArrowMessage {
  const { version, bodyLength } = message;
  if (message.isSchema()) return { kind: 'schema', version, bodyLength, schema: message.header() as Schema };
  if (message.isRecordBatch())
    return { kind: 'batch', version, bodyLength, metadata: message.header() as BatchMetadata };
  const { id, isDelta, data } = message.header() as DictionaryBatch;
  return { kind: 'dictionary', version, bodyLength, id, isDelta, metadata: data };
}
