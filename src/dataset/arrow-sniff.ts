import { MAX_METADATA_BYTES, prefixOf } from './arrow-message.js';

const MAGIC = Buffer.from('ARROW1', 'latin1');

/** Whether an object that begins like this is an Arrow IPC file. */
export function claimsFile(head: Uint8Array): boolean {
  return MAGIC.compare(head, 0, Math.min(head.length, MAGIC.length)) === 0;
}

/**
 * Whether an object that begins like this is an Arrow stream: with the marker of a message; or, as before Arrow 0.15,
 * with the length of a flatbuffer that fits into the object and begins like one.
 */
export function claimsStream(head: Uint8Array, size: number): boolean {
  if (head.length < 8) return false;
  const prefix = prefixOf(head);
  if (prefix.bytes === 8) return true;
  const root = new DataView(head.buffer, head.byteOffset).getUint32(4, true);
  const least = 16;
  const fits = prefix.length >= least && prefix.length <= Math.min(size - 4, MAX_METADATA_BYTES);
  return fits && root >= 4 && root % 2 === 0 && root < prefix.length;
}
