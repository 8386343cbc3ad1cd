import * as arrow from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { Dictionaries } from '../../src/dataset/arrow-dictionaries.js';
import { ArrowFile } from '../../src/dataset/arrow-file.js';
import { ArrowStream } from '../../src/dataset/arrow-stream.js';
import { plain } from './columns.js';
import { batchMessage, dictionaryMessage, schemaMessage, streamOf } from './ipc.js';
import { MemoryReader } from './memory-reader.js';

const object = { uri: 'memory.arrow', size: 1, version: '1' };
const { Int8, Int32, List, Utf8 } = arrow;
const field = (name: string, type: arrow.DataType): arrow.Field => new arrow.Field(name, type, true);
const list = (type: arrow.DataType): arrow.DataType => new List(field('item', type));

const word = new arrow.Dictionary(new Utf8(), new Int8(), 1);
const schema = new arrow.Schema([field('word', word)]);
const none = new Uint8Array(0);
const int32s = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);

const words = (...values: string[]) => {
  const offsets = [0, ...values.map((_, i) => values.slice(0, i + 1).join('').length)];
  const buffers = [none, int32s(...offsets), Buffer.from(values.join(''))];
  return { rows: values.length, nodes: [[values.length, 0] as const], buffers };
};
const indices = (...values: number[]) => ({
  rows: values.length,
  nodes: [[values.length, 0] as const],
  buffers: [none, Uint8Array.from(values)],
});

async function read(...messages: Uint8Array[]): Promise<string[]> {
  const stream = await ArrowStream.open(new MemoryReader(streamOf(...messages)));
  const found: string[] = [];
  for await (const raw of stream.batches({ first: 0, count: 1 }))
    for (const column of raw.decode().schema.fields) found.push(...plain(raw.decode().getChild(column.name)));
  return found;
}

describe('those that some fields need', () => {
  test('are found at any depth, also in the values of another, and before it', () => {
    const phrase = new arrow.Dictionary(list(word), new Int32(), 2);
    const inner = new arrow.Dictionary(new Int32(), new Int32(), 3);
    const found = new Dictionaries(object, [
      field('n', new Int32()),
      field('phrase', phrase),
      field('nested', new arrow.Struct([field('a', new arrow.FixedSizeList(2, field('item', inner)))])),
    ]);
    expect(found.ids.map((id) => [id, String(found.fieldOf(id)?.type)])).toEqual([
      [1, 'Utf8'],
      [2, 'List<Dictionary<Int8, Utf8>>'],
      [3, 'Int32'],
    ]);
  });

  test('must not refer to themselves', () => {
    const cyclic = new arrow.Dictionary(list(new arrow.Dictionary(new Utf8(), new Int8(), 4)), new Int8(), 4);
    expect(() => new Dictionaries(object, [field('c', cyclic)])).toThrow('dictionary 4 refers to itself');
  });

  test('must be of one type', () => {
    const other = new arrow.Dictionary(new Int32(), new Int8(), 1);
    expect(() => new Dictionaries(object, [field('a', word), field('b', other)])).toThrow(
      'dictionary 1 is said to hold Utf8, and Int32 elsewhere',
    );
  });
});

describe('in a stream', () => {
  test('one that is missing is an error', async () => {
    await expect(read(schemaMessage(schema), batchMessage(indices(0)))).rejects.toThrow(
      'is damaged: the dictionary of column "word" is missing',
    );
  });

  test('an index beyond it is an error', async () => {
    const messages = [
      schemaMessage(schema),
      dictionaryMessage(1, words('a', 'b')),
      batchMessage(indices(0, 2)),
    ];
    await expect(read(...messages)).rejects.toThrow('element 1 is value 2 of a dictionary of 2');
  });

  test('a piece of one that is not there is an error', async () => {
    const messages = [schemaMessage(schema), dictionaryMessage(1, words('a'), true)];
    await expect(read(...messages)).rejects.toThrow(/message 1 .* adds to dictionary 1, which is not there/);
  });

  test('one that nobody wants is passed over', async () => {
    const messages = [
      dictionaryMessage(9, words('z')),
      dictionaryMessage(1, words('a')),
      batchMessage(indices(0)),
    ];
    expect(await read(schemaMessage(schema), ...messages)).toEqual(['"a"']);
  });

  test('values that refer to another dictionary are those of now', async () => {
    const phrases = new arrow.Schema([field('phrase', new arrow.Dictionary(list(word), new Int8(), 2))]);
    const phrase = {
      rows: 1,
      nodes: [[1, 0] as const, [2, 0] as const],
      buffers: [none, int32s(0, 2), none, Uint8Array.of(0, 1)],
    };
    expect(
      await read(
        schemaMessage(phrases),
        dictionaryMessage(1, words('a', 'b')),
        dictionaryMessage(2, phrase),
        batchMessage(indices(0)),
        dictionaryMessage(1, words('x', 'y')),
        batchMessage(indices(0)),
      ),
    ).toEqual(['["a","b"]', '["x","y"]']);
  });
});

test('in a file, one that is replaced is an error', async () => {
  // A file is a stream between a magic and a footer; this one names both dictionaries.
  const { Footer, FileBlock } = await import('apache-arrow/ipc/metadata/file');
  const parts = [
    dictionaryMessage(1, words('a')),
    dictionaryMessage(1, words('b')),
    batchMessage(indices(0)),
  ];
  let offset = 8 + schemaMessage(schema).length;
  const blocks = parts.map((bytes) => {
    const metadata = 8 + bytes.readInt32LE(4);
    const block = new FileBlock(metadata, BigInt(bytes.length - metadata), BigInt(offset));
    offset += bytes.length;
    return block;
  });
  const footer = Buffer.from(
    Footer.encode(new Footer(schema, arrow.MetadataVersion.V5, blocks.slice(2), blocks.slice(0, 2))),
  );
  const length = Buffer.alloc(4);
  length.writeInt32LE(footer.length);
  const magic = Buffer.from('ARROW1\0\0');
  const file = Buffer.concat([magic, schemaMessage(schema), ...parts, footer, length, magic.subarray(0, 6)]);
  await expect(ArrowFile.open(new MemoryReader(file))).rejects.toThrow(
    'dictionary batch 1 replaces dictionary 1, which is allowed in streams, not in files',
  );
  expect((await ArrowFile.open(new MemoryReader(file), { columns: [] })).units).toHaveLength(1);
});
