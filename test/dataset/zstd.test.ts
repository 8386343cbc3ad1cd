import { readFileSync } from 'node:fs';
import * as zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { loadZstd, mostZstdBytes } from '../../src/dataset/zstd.js';

/** `penstock ` 3000 times, by the zstd of pyarrow: one block; with its size; and with a checksum. */
const content = Buffer.from('penstock '.repeat(3000));
const frame = readFileSync(new URL('./fixtures/pyarrow/penstock.zst', import.meta.url));

test('decodes what another implementation compressed', async () => {
  const decode = await loadZstd();
  expect(Buffer.compare(decode(frame, content.length), content)).toBe(0);
});

describe('how much a frame may hold is known before it is decoded', () => {
  test('at least what it holds, and no more than its blocks can', () => {
    const most = mostZstdBytes(frame);
    expect(most).toBeGreaterThanOrEqual(content.length);
    expect(most).toBeLessThanOrEqual(128 * 1024);
  });

  test('of a run of one byte: exactly', () => {
    // Magic; single segment, one byte of content size; one last block of 100,000 times 7.
    const run = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 0x03 | ((100_000 << 3) & 0xff), 0, 0, 7);
    new DataView(run.buffer).setUint16(6, ((100_000 << 3) | 3) & 0xffff, true);
    run[8] = (100_000 << 3) >> 16;
    expect(mostZstdBytes(run)).toBe(100_000);
  });

  test('of several frames: together', () => {
    const two = Buffer.concat([frame, frame]);
    expect(mostZstdBytes(two)).toBe(2 * mostZstdBytes(frame));
  });

  test('cut off anywhere is told', () => {
    for (let length = 1; length < frame.length; length++)
      expect(() => mostZstdBytes(frame.subarray(0, length)), `${length}`).toThrow(RangeError);
  });

  test('what is no frame is told', () => {
    expect(() => mostZstdBytes(Buffer.from('id,label\n1,2\n'))).toThrow(
      'does not begin as a ZSTD frame does',
    );
  });
});

test("Node's own zstd is used where there is one", async () => {
  const has = 'zstdDecompressSync' in zlib;
  const decode = await loadZstd();
  expect(String(decode).includes('zstdDecompressSync')).toBe(has);
});
