import { type FileBlock, Footer } from 'apache-arrow/ipc/metadata/file';
import type { ObjectReader, StoredObject } from '../storage/types.js';
import { DataError, messageOf } from '../util/errors.js';
import { corrupt, truncated } from './arrow-errors.js';
import { MAX_METADATA_BYTES } from './arrow-message.js';
import { checkFooter } from './arrow-metadata.js';
import { claimsFile, claimsStream } from './arrow-sniff.js';
import { foreignFile, LEAVE_OUT } from './foreign.js';

const MAGIC = 'ARROW1';
/** Magic and padding in front; footer length and magic behind. */
const HEAD_BYTES = 8;
const TAIL_BYTES = 10;

/** The footer of an Arrow IPC file; a DataError that says what the file is instead, where it is none. */
export async function readFooter(reader: ObjectReader): Promise<Footer> {
  const { object } = reader;
  const { size } = object;
  await checkHead(reader);
  if (size < HEAD_BYTES + TAIL_BYTES) throw cutOff(object);
  const tail = new Uint8Array(TAIL_BYTES);
  await reader.read(size - TAIL_BYTES, tail);
  if (text(tail.subarray(4)) !== MAGIC) throw cutOff(object);
  const length = new DataView(tail.buffer).getInt32(0, true);
  if (length <= 0 || length > size - HEAD_BYTES - TAIL_BYTES) {
    throw corrupt(object, `its footer claims ${length} bytes of a file of ${size}`);
  }
  const bytes = new Uint8Array(length);
  await reader.read(size - TAIL_BYTES - length, bytes);
  try {
    checkFooter(object, bytes);
    return Footer.decode(bytes);
  } catch (cause) {
    throw corrupt(object, `its footer can't be decoded: ${messageOf(cause)}`, cause);
  }
}

async function checkHead(reader: ObjectReader): Promise<void> {
  const { object } = reader;
  const expected = 'an Arrow IPC file';
  const head = new Uint8Array(Math.min(object.size, HEAD_BYTES));
  if (head.length > 0) await reader.read(0, head);
  if (claimsFile(head)) return;
  if (!claimsStream(head, object.size)) throw await foreignFile(reader, expected, LEAVE_OUT);
  throw new DataError(`${object.uri}: is an Arrow stream; expected ${expected}`, {
    file: object.uri,
    hint: 'Leave source.format out, or set it to arrow-stream.',
  });
}

/** Checks that a block lies in the file, before its footer. */
export function checkBlock(object: StoredObject, block: FileBlock): void {
  const { offset, metaDataLength, bodyLength } = block;
  const end = offset + metaDataLength + bodyLength;
  if (offset < HEAD_BYTES || metaDataLength < 8 || bodyLength < 0 || !(end <= object.size - TAIL_BYTES)) {
    throw corrupt(
      object,
      `its footer names a block at bytes ${offset} to ${end} of a file of ${object.size}`,
    );
  }
  if (metaDataLength > MAX_METADATA_BYTES) {
    throw corrupt(object, `its footer names a block whose metadata takes ${metaDataLength} bytes`);
  }
}

const cutOff = (object: StoredObject): DataError =>
  truncated(object, `it has ${object.size} bytes and does not end as an Arrow IPC file does`);

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
