import { compressFrameSync } from 'lz4-napi';
import { describe, expect, test } from 'vitest';
import { decodeLz4Frame } from '../../src/dataset/lz4.js';
import { random } from '../helpers/random.js';

const next = random(3);
const contents: [name: string, bytes: Uint8Array][] = [
  ['one byte', Uint8Array.of(7)],
  ['noise', Uint8Array.from({ length: 100_000 }, () => 256 * next())],
  ['zeros', new Uint8Array(5_000_000)],
  ['small numbers', new Uint8Array(Int32Array.from({ length: 300_000 }, () => 500 * next()).buffer)],
  ['a counter', new Uint8Array(Float64Array.from({ length: 100_000 }, (_, i) => i >> 3).buffer)],
  ['text', Buffer.from('the same again, and '.repeat(9000))],
];

const decoded = (frame: Uint8Array, bytes: number): Uint8Array => {
  const out = new Uint8Array(bytes);
  decodeLz4Frame(frame, out);
  return out;
};

describe.each([
  ['no checksums', {}],
  ['checksums', { contentChecksum: true, blockChecksums: true }],
])('what another implementation compressed, with %s', (_, options) => {
  test.each(contents)('%s', (_name, bytes) => {
    const frame = compressFrameSync(Buffer.from(bytes), options);
    expect(Buffer.compare(decoded(frame, bytes.byteLength), bytes)).toBe(0);
  });
});

describe('damage is told', () => {
  const content = Buffer.from('penstock '.repeat(3000));
  const frame = compressFrameSync(content, { contentChecksum: true, blockChecksums: true });

  test.each([-1, 1, 100_000])('%i bytes more are claimed than there are', (more) => {
    expect(() => decoded(frame, content.length + more)).toThrow(RangeError);
  });

  test('cut off anywhere', () => {
    for (let length = 0; length < frame.length; length++)
      expect(() => decoded(frame.subarray(0, length), content.length), `${length}`).toThrow(RangeError);
  });

  test('any bit flipped: its checksums tell', () => {
    for (let bit = 0; bit < 8 * frame.length; bit++) {
      const damaged = Uint8Array.from(frame);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => decoded(damaged, content.length), `bit ${bit}`).toThrow(RangeError);
    }
  });

  test('never a byte is written beyond what is claimed', () => {
    const all = new Uint8Array(content.length);
    const plain = compressFrameSync(content);
    const room = all.subarray(0, 1000);
    expect(() => decodeLz4Frame(plain, room)).toThrow('more than the 1000 bytes');
    expect(all.subarray(1000).every((byte) => byte === 0)).toBe(true);
  });
});
