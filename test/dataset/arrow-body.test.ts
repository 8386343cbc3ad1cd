import { BufferRegion } from 'apache-arrow/ipc/metadata/message';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BodyReader } from '../../src/dataset/arrow-body.js';
import { random } from '../helpers/random.js';
import { MemoryReader } from './memory-reader.js';

const SIZE = 1_000_000;
const next = random(1);
const content = Uint8Array.from({ length: SIZE }, () => Math.floor(256 * next()));

/** Whether a region lies in memory as it lies in the file. */
function holds(body: BodyReader, start: number, region: BufferRegion): boolean {
  const from = start + region.offset;
  const wanted = content.subarray(from, from + region.length);
  return Buffer.compare(body.bytesOf(region), wanted) === 0;
}

const region = fc
  .record({
    offset: fc.nat({ max: SIZE / 8 - 10_000 }),
    length: fc.oneof(fc.constant(0), fc.nat({ max: 10_000 })),
  })
  .map(({ offset, length }) => new BufferRegion(offset * 8, length));

test('whatever regions are read, each is found again, aligned as it was', async () => {
  const body = new BodyReader();
  await fc.assert(
    fc.asyncProperty(fc.array(region, { maxLength: 12 }), fc.nat({ max: 1000 }), async (regions, start) => {
      const reader = new MemoryReader(content);
      const own = regions.filter(({ offset, length }) => start + offset + length <= SIZE);
      const bytes = await body.read(reader, start, own);
      expect(bytes).toBe(reader.reads.reduce((sum, [from, to]) => sum + to - from, 0));
      for (const one of own) {
        expect(holds(body, start, one)).toBe(true);
        if (one.length > 0) expect(body.bytesOf(one).byteOffset % 64).toBe(one.offset % 64);
      }
    }),
    { numRuns: 200 },
  );
});

test('regions close to each other are read in one go, and the gap with them', async () => {
  const reader = new MemoryReader(content);
  const body = new BodyReader();
  const near = [new BufferRegion(70_000, 10), new BufferRegion(0, 5000), new BufferRegion(8, 8)];
  expect(await body.read(reader, 100, near)).toBe(70_010);
  expect(reader.reads).toEqual([[100, 70_110]]);
  expect(near.every((one) => holds(body, 100, one))).toBe(true);
});

test('regions far from each other are read apart, at the same time', async () => {
  let answer = (): void => {};
  const asked = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const reader = new MemoryReader(content, () => asked);
  const far = [new BufferRegion(0, 1000), new BufferRegion(500_000, 1000)];
  const body = new BodyReader();
  const reading = body.read(reader, 0, far);
  expect(reader.reads).toEqual([
    [0, 1000],
    [500_000, 501_000],
  ]);
  answer();
  expect(await reading).toBe(2000);
  expect(far.every((one) => holds(body, 0, one))).toBe(true);
});

test('memory is used again for the next batch, and grows when that is larger', async () => {
  const reader = new MemoryReader(content);
  const body = new BodyReader();
  await body.read(reader, 0, [new BufferRegion(0, 4096)]);
  const { buffer } = body.bytesOf(new BufferRegion(0, 1));
  await body.read(reader, 8192, [new BufferRegion(0, 4000)]);
  expect(body.bytesOf(new BufferRegion(0, 1)).buffer).toBe(buffer);
  await body.read(reader, 0, [new BufferRegion(0, 100_000)]);
  expect(body.bytesOf(new BufferRegion(0, 100_000)).byteLength).toBe(100_000);
});

test('nothing is read where nothing is wanted', async () => {
  const reader = new MemoryReader(content);
  expect(await new BodyReader().read(reader, 0, [new BufferRegion(64, 0)])).toBe(0);
  expect(reader.reads).toEqual([]);
});
