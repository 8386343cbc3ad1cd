import { setImmediate as turn } from 'node:timers/promises';
import { Int32, vectorFromArray } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { formatNamed, formatOf } from '../../src/dataset/format.js';
import { StorageError } from '../../src/util/errors.js';
import { fileOfPieces, streamOfPieces } from './columns.js';
import { MemoryReader } from './memory-reader.js';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const nameOf = async (bytes: Uint8Array): Promise<string | undefined> =>
  (await formatOf('auto', new MemoryReader(bytes)))?.name;

const pieces = Array.from({ length: 5 }, (_, i) => vectorFromArray([i], new Int32()).data.slice(0, 1));
const file = fileOfPieces(['n'], pieces);
const stream = streamOfPieces(['n'], pieces);

describe('the format of an object', () => {
  test('is told by how it begins', async () => {
    expect(await nameOf(file)).toBe('arrow');
    expect(await nameOf(stream)).toBe('arrow-stream');
    // Before Arrow 0.15 a stream began with the length of its first message.
    expect(await nameOf(stream.subarray(4))).toBe('arrow-stream');
  });

  test.each([
    ['nothing', ''],
    ['a byte', 'A'],
    ['text', 'id,label\n1,2\n3,4\n'],
    ['zeros', '\0'.repeat(100)],
    ['JSON', '{"id": 1, "label": 2}\n'.repeat(100)],
  ])('is not known of %s', async (_, text) => {
    expect(await nameOf(bytesOf(text))).toBeUndefined();
  });

  test('is what its name says where it is named', async () => {
    expect((await formatOf('arrow-stream', new MemoryReader(file)))?.name).toBe('arrow-stream');
    expect(formatNamed('arrow').name).toBe('arrow');
    expect(() => formatNamed('csv')).toThrow('no format csv');
  });
});

test.each([
  ['file', file],
  ['stream', stream],
])('a %s whose next batch fails while one is worked on says so when its turn comes', async (_, bytes) => {
  let failing = false;
  const reader = new MemoryReader(bytes, async () => {
    if (failing) throw new StorageError('the cable is out');
  });
  const format = (await formatOf('auto', reader)) ?? formatNamed('arrow');
  const opened = await format.open(reader, {});
  const batches = opened.batches({ first: 0, count: opened.units.length });
  expect((await batches.next()).done).toBe(false);
  // The next one arrives; the one after it fails.
  await turn();
  failing = true;
  expect((await batches.next()).done).toBe(false);
  // An unhandled rejection would be noticed now.
  await turn();
  await expect(batches.next()).rejects.toThrow('the cable is out');
});
