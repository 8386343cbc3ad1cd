import { describe, expect, test } from 'vitest';
import { readingAhead, SEQUENTIAL_BYTES } from '../../src/storage/sequential.js';
import { MemoryReader } from '../dataset/memory-reader.js';
import { random } from '../helpers/random.js';
import { randomBytes } from '../helpers/storage.js';

const KIB = 1024;
const MIB = KIB * KIB;
const CONTENT = randomBytes(6 * MIB + 12_345);

async function read(reader: ReturnType<typeof readingAhead>, offset: number, length: number): Promise<void> {
  const into = new Uint8Array(length);
  await reader.read(offset, into);
  if (Buffer.compare(into, CONTENT.subarray(offset, offset + length)) !== 0)
    throw new Error(`other bytes at ${offset}`);
}

describe('a reader that reads ahead', () => {
  test('reads an object from front to back in few requests', async () => {
    const memory = new MemoryReader(CONTENT);
    const reader = readingAhead(memory);
    for (let at = 0; at < CONTENT.length; at += 10 * KIB)
      await read(reader, at, Math.min(10 * KIB, CONTENT.length - at));
    expect(memory.reads.length).toBeLessThan(14);
    const bytes = memory.reads.reduce((sum, [from, to]) => sum + to - from, 0);
    expect(bytes).toBeLessThan(CONTENT.length + 300 * KIB);
  });

  test('has the next bytes on their way before they are asked for', async () => {
    const memory = new MemoryReader(CONTENT);
    const reader = readingAhead(memory);
    for (let at = 0; at < 3 * MIB; at += 10 * KIB) await read(reader, at, 10 * KIB);
    expect(Math.max(...memory.reads.map(([, to]) => to))).toBeGreaterThan(3 * MIB + 256 * KIB);
  });

  test('passes on reads that do not follow each other, and large ones, as they are', async () => {
    const memory = new MemoryReader(CONTENT);
    const reader = readingAhead(memory);
    const reads = [
      [5 * MIB, 100],
      [MIB, 100],
      [3 * MIB, 100],
      [3 * MIB + 500 * KIB, 10],
      [4 * MIB, 2 * MIB],
    ] as const;
    for (const [offset, length] of reads) await read(reader, offset, length);
    expect(memory.reads).toEqual(reads.map(([offset, length]) => [offset, offset + length]));
  });

  test.each([1, 2, 3])('reads right whatever the order, at the same time too, seed %d', async (seed) => {
    const next = random(seed);
    const memory = new MemoryReader(CONTENT, () => new Promise((resolve) => setImmediate(resolve)));
    const reader = readingAhead(memory);
    let at = 0;
    for (let round = 0; round < 100; round++) {
      const reads = Array.from({ length: 1 + Math.floor(next() * 8) }, () => {
        if (next() < 0.1) at = Math.floor(next() * CONTENT.length);
        const length = Math.min(Math.floor(next() ** 3 * 600 * KIB), CONTENT.length - at);
        const reading = read(reader, at, length);
        at += length + (next() < 0.5 ? 0 : Math.floor(next() * 100 * KIB));
        at = Math.min(at, CONTENT.length);
        return reading;
      });
      await Promise.all(reads);
    }
  });

  test('passes on what reading fails with, and asks anew after it', async () => {
    let failing = true;
    const memory = new MemoryReader(CONTENT, async () => {
      if (failing && memory.reads.length > 1) throw new Error('no');
    });
    const reader = readingAhead(memory);
    await read(reader, 0, 10);
    await expect(read(reader, 10, 10)).rejects.toThrow('no');
    failing = false;
    await read(reader, 10, 10);
    await read(reader, 20, 10);
    expect(SEQUENTIAL_BYTES).toBe(5 * MIB);
  });
});
