import type { WireTensor } from '../types.js';
import { textBytes } from './texts.js';

/** A tensor as the protocol has it in binary: a view of its memory, but for texts. */
export function tensorBytes({ data }: WireTensor): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : textBytes(data);
}
