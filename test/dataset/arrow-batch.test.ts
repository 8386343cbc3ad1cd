import * as arrow from 'apache-arrow';
import { BodyCompression } from 'apache-arrow/ipc/metadata/message';
import { compressFrameSync } from 'lz4-napi';
import { describe, expect, test } from 'vitest';
import { ArrowStream } from '../../src/dataset/arrow-stream.js';
import { DataError } from '../../src/util/errors.js';
import { plain } from './columns.js';
import { batchMessage, compressed, schemaMessage, streamOf } from './ipc.js';
import { MemoryReader } from './memory-reader.js';

const { LZ4, ZSTD } = { LZ4: 0, ZSTD: 1 };
const ROWS = 1000;
const values = Int32Array.from({ length: ROWS }, (_, i) => i % 50);
const bytes = Buffer.from(values.buffer);
const frame = compressFrameSync(bytes);
const schema = new arrow.Schema([new arrow.Field('n', new arrow.Int32(), true)]);

const oneBatch = (data: Uint8Array, codec: number, method = 0): Uint8Array =>
  streamOf(
    schemaMessage(schema),
    batchMessage({
      rows: ROWS,
      nodes: [[ROWS, 0]],
      buffers: [new Uint8Array(0), data],
      compression: new BodyCompression(codec, method),
    }),
  );

async function read(stream: Uint8Array, column = 'n'): Promise<string[]> {
  const file = await ArrowStream.open(new MemoryReader(stream));
  const found: string[] = [];
  for await (const raw of file.batches({ first: 0, count: 1 }))
    found.push(...plain(raw.decode().getChild(column)));
  return found;
}

const right = Array.from(values, String);
const size = BigInt(bytes.length);
/** One block of a billion zeros, many times: what a few bytes of ZSTD can claim with good reason. */
const bomb = (blocks: number): Buffer => {
  const block = Buffer.alloc(4);
  block.writeUIntLE((128 * 1024 * 8) | 2, 0, 3);
  const all = Array.from({ length: blocks }, () => block);
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x88]), ...all, Buffer.from([1, 0, 0])]);
};

describe('compressed buffers', () => {
  test('of LZ4, and those that were left as they are', async () => {
    expect(await read(oneBatch(compressed(size, frame), LZ4))).toEqual(right);
    expect(await read(oneBatch(compressed(-1n, bytes), LZ4))).toEqual(right);
  });

  test.each([
    [
      'claims an exabyte',
      LZ4,
      compressed(2n ** 60n, frame),
      /claims 1152921504606846976 bytes, and its LZ4 holds/,
    ],
    ['claims a gigabyte of a few bytes', LZ4, compressed(2n ** 30n, frame), 'claims 1073741824 bytes'],
    [
      'claims a gigabyte of a few bytes',
      ZSTD,
      compressed(2n ** 30n, bomb(3)),
      'its ZSTD holds 393216 at most',
    ],
    ['claims less than nothing', LZ4, compressed(-2n, frame), 'a buffer of -2 bytes is to hold 4000'],
    ['claims too little', LZ4, compressed(8n, frame), 'a buffer of 8 bytes is to hold 4000'],
    ['claims more than there is', LZ4, compressed(size + 8n, frame), 'holds 4000 bytes, and 4008 are wanted'],
    ['has no room for a claim', LZ4, Buffer.from([1, 2, 3]), 'a compressed buffer has 3 bytes'],
    ['is empty', LZ4, Buffer.alloc(0), 'a buffer is empty where 4000 bytes are needed'],
    ['is no frame', LZ4, compressed(size, Buffer.alloc(400)), 'does not begin as an LZ4 frame does'],
    ['is no frame', ZSTD, compressed(size, Buffer.alloc(400)), 'does not begin as a ZSTD frame does'],
    ['is cut off', LZ4, compressed(size, frame.subarray(0, frame.length - 9)), "can't be decoded"],
    ['is left as it is, and short', LZ4, compressed(-1n, bytes.subarray(0, 9)), 'of 9 bytes is to hold 4000'],
  ])('one that %s (%#)', async (_, codec, data, message) => {
    const before = process.memoryUsage().arrayBuffers;
    const failure = read(oneBatch(data, codec));
    await expect(failure).rejects.toBeInstanceOf(DataError);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toThrow(/column "n" of message 1 \(at byte \d+\) can't be decoded/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
  });

  test('that take more than a quarter of the memory, with good reason, are refused before they are decompressed', async () => {
    const blocks = 16_000;
    const claimed = BigInt(blocks * 128 * 1024) - 1n;
    const many = Array.from({ length: 80 }, () => compressed(claimed, bomb(blocks)));
    const stream = streamOf(
      schemaMessage(new arrow.Schema(many.map((_, i) => new arrow.Field(`c${i}`, new arrow.Int32(), true)))),
      batchMessage({
        rows: 1,
        nodes: many.map(() => [1, 0] as const),
        buffers: many.flatMap((data) => [new Uint8Array(0), data]),
        compression: new BodyCompression(ZSTD),
      }),
    );
    await expect(read(stream)).rejects.toThrow(
      /takes \d+ bytes when it is decompressed, more than a quarter/,
    );
  });

  test.each([
    [7, 0, 'is compressed with codec 7, which is not supported'],
    [LZ4, 3, 'is compressed by method 3, which is not supported'],
  ])('of codec %i by method %i are refused', async (codec, method, message) => {
    await expect(read(oneBatch(compressed(size, frame), codec, method))).rejects.toThrow(message);
  });
});

test('buffers that lie at any byte are read', async () => {
  const odd = streamOf(
    schemaMessage(schema),
    batchMessage({ rows: 2, nodes: [[2, 0]], buffers: [new Uint8Array(0), Buffer.alloc(8, 1)] }),
  );
  expect(await read(odd)).toEqual(['16843009', '16843009']);
});
