import { isUtf8 } from 'node:buffer';
import { Refusal } from '../refusal.js';

// BYTES in binary: each text behind its length, four bytes, little-endian.

const HEAD = 4;

/** @throws Refusal where lengths lead outside, texts are more or less than expected, or one is not UTF-8 */
export function textsIn(bytes: Uint8Array, count: number, name: string): readonly string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // So many at the most, whatever the shape says: nothing is allocated on its word.
  if (count * HEAD > buffer.length) throw tooShort(name, count);
  const texts: string[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + HEAD > buffer.length) throw tooShort(name, count);
    const start = at + HEAD;
    at = start + buffer.readUInt32LE(at);
    if (at > buffer.length)
      throw new Refusal('invalid', `input ${name}: element ${i} is longer than the data that was sent`);
    texts.push(decoded(buffer.subarray(start, at), name, i));
  }
  if (at !== buffer.length)
    throw new Refusal('invalid', `input ${name}: ${buffer.length - at} bytes follow its ${count} elements`);
  return texts;
}

/** @throws Refusal where it is not UTF-8 */
export function decoded(bytes: Buffer, name: string, index: number): string {
  if (!isUtf8(bytes)) throw new Refusal('invalid', `input ${name}: element ${index} is not UTF-8`);
  return bytes.toString('utf8');
}

function tooShort(name: string, count: number): Refusal {
  return new Refusal('invalid', `input ${name}: its data ends before its ${count} elements do`);
}

export function textBytes(texts: readonly string[]): Buffer {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + HEAD + length, 0));
  let at = 0;
  texts.forEach((text, i) => {
    at = bytes.writeUInt32LE(lengths[i] as number, at);
    at += bytes.write(text, at);
  });
  return bytes;
}
