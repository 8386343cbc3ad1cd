import { isUtf8 } from 'node:buffer';
import { messageOf } from '../../util/errors.js';
import { Refusal } from '../refusal.js';

/** JSON is parsed at one go, in which nobody else is answered; tensors this large had better come as binary data. */
const MOST_BYTES = 16 * 2 ** 20;
/** Far more than tensors have dimensions. What a parser holds for each level costs more than the byte that opens it. */
const MOST_DEPTH = 64;

/** @throws Refusal where it is none, too large, or nested too deeply */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > MOST_BYTES)
    throw new Refusal('too-large', `the request has more than ${MOST_BYTES} bytes of JSON`, {
      hint: 'Send tensors as binary data.',
    });
  if (!isUtf8(bytes)) throw new Refusal('invalid', 'the request is not JSON: it is not UTF-8');
  checkDepth(bytes);
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (error) {
    throw new Refusal('invalid', `the request is not JSON: ${messageOf(error)}`);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function checkDepth(bytes: Uint8Array): void {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (inText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    // «[» and «{» differ in one bit from each other, and so do «]» and «}».
    else if ((byte & 0xdf) === 0x5b) {
      if (++depth > MOST_DEPTH)
        throw new Refusal('invalid', `the request is nested deeper than ${MOST_DEPTH} levels`);
    } else if ((byte & 0xdf) === 0x5d) depth--;
  }
}
