import { type FileBlock, Footer } from 'apache-arrow/ipc/metadata/file';
import type { ObjectReader, StoredObject } from '../storage/types.js';
import { DataError, messageOf } from '../util/errors.js';
import { corrupt, truncated } from './arrow-errors.js';
import { MAX_METADATA_BYTES } from './arrow-message.js';
import { checkFooter } from './arrow-metadata.js';
import { claimsFile, claimsStream } from './arrow-sniff.js';

const MAGIC = 'ARROW1';
/** Magic and padding in front; footer length and magic behind. */
const HEAD_BYTES = 8;
const TAIL_BYTES = 10;

/** The footer of an Arrow IPC file; a DataError that says what the file is instead, where it is none. */
export async function readFooter(reader: ObjectReader): Promise<Footer> {
  const { object } = reader;
  const { uri, size } = object;
  if (size === 0) {
    throw new DataError(`${uri}: the file is empty; expected an Arrow IPC file`, {
      file: uri,
      hint: 'Check how it was written or copied.',
    });
  }
  const head = new Uint8Array(Math.min(size, HEAD_BYTES));
  await reader.read(0, head);
  checkHead(object, head);
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

function checkHead(object: StoredObject, head: Uint8Array): void {
  if (claimsFile(head)) return;
  const { uri } = object;
  const expected = 'expected an Arrow IPC file, which begins with "ARROW1"';
  if (text(head).startsWith('PAR1')) {
    throw new DataError(`${uri}: is a Parquet file; ${expected}`, {
      file: uri,
      hint: 'Leave source.format out, or name the format that the file is of.',
    });
  }
  if (claimsStream(head, object.size)) {
    throw new DataError(`${uri}: is an Arrow stream; ${expected}`, {
      file: uri,
      hint: 'Leave source.format out, or set it to arrow-stream.',
    });
  }
  const shown = JSON.stringify(text(head).replace(/[^\x20-\x7e]/g, '.'));
  throw new DataError(`${uri}: is not an Arrow file: it begins with ${shown}; ${expected}`, { file: uri });
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
