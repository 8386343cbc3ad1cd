import { decompressFrameSync } from 'lz4-napi';
import { describe, expect, test } from 'vitest';
import { decodeLz4Frame } from '../../src/dataset/lz4.js';
import { encodeLz4Frame } from '../../src/sink/lz4.js';
import { random } from '../helpers/random.js';

/** Bytes with more or less to find in them: pieces of what was there before, and noise. */
function sample(size: number, noise: number, seed: number): Uint8Array {
  const next = random(seed);
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    const length = Math.min(size - at, 1 + Math.floor(next() ** 4 * 3000));
    if (at === 0 || next() < noise) for (let i = 0; i < length; i++) bytes[at + i] = Math.floor(next() * 256);
    else {
      const from = Math.floor(next() * at);
      for (let i = 0; i < length; i++) bytes[at + i] = bytes[from + i] as number;
    }
    at += length;
  }
  return bytes;
}

const sizes = [
  0,
  1,
  4,
  5,
  11,
  12,
  13,
  14,
  20,
  300,
  65_535,
  65_536,
  65_600,
  1_000_000,
  4 * 2 ** 20,
  9_000_001,
];

describe.each(sizes)('a frame of %i bytes', (size) => {
  test.each([0, 0.2, 1])('decodes to what it was made of, by two decoders; noise %d', (noise) => {
    const bytes = sample(size, noise, size + 1);
    const frame = encodeLz4Frame(bytes);
    const own = new Uint8Array(size);
    decodeLz4Frame(frame, own);
    expect(Buffer.compare(own, bytes)).toBe(0);
    expect(Buffer.compare(decompressFrameSync(Buffer.from(frame)), bytes)).toBe(0);
  });
});

test('what repeats takes little room, and noise hardly more than it is', () => {
  expect(encodeLz4Frame(new Uint8Array(1_000_000)).byteLength).toBeLessThan(5000);
  const noise = sample(1_000_000, 1, 1);
  expect(encodeLz4Frame(noise).byteLength).toBeLessThan(1_000_100);
});
