import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { Field, Int32, RecordBatchFileWriter, Schema } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openDataset, openFile } from '../../src/dataset/dataset.js';
import type { Dataset } from '../../src/dataset/types.js';
import { PLAIN_ACCESS } from '../../src/storage/access.js';
import { DataError, StorageError } from '../../src/util/errors.js';
import { type ColumnData, float32, int32, vectors, writeArrow, writeStream } from '../helpers/arrow.js';
import { workspace } from '../helpers/workspace.js';

const KIB = 1024;

/** Record batches of `rows` rows, each row 4 bytes. */
const batches = (...rows: number[]): ColumnData[][] =>
  rows.map((count) => [
    int32(
      'n',
      Array.from({ length: count }, (_, i) => i),
    ),
  ]);

/** `[first, count, limit]` of each split. */
const cuts = ({ splits }: Dataset): (number | undefined)[][] =>
  splits.map(({ first, count, limit }) => (limit === undefined ? [first, count] : [first, count, limit]));

/** Bytes of a record batch's body to rows of 4 bytes. */
const rowsOf = (kib: number): number => (kib * KIB) / 4;

describe('splits', () => {
  test('of a small file: it is one', async () => {
    const at = workspace();
    writeArrow(at('a.arrow'), batches(5, 0, 7));
    const dataset = await openDataset({ uri: at('a.arrow') });
    expect(cuts(dataset)).toEqual([[0, 3]]);
    expect(dataset.splits[0]).toMatchObject({ ordinal: 0, object: { uri: at('a.arrow') } });
    expect(dataset.bytes).toBe(dataset.objects[0]?.size);
  });

  test('are runs of record batches of at least 256 KiB, the rest in the last', async () => {
    const at = workspace();
    writeArrow(at('a.arrow'), batches(...Array(10).fill(rowsOf(100))));
    expect(cuts(await openDataset({ uri: at('a.arrow') }))).toEqual([
      [0, 3],
      [3, 3],
      [6, 3],
      [9, 1],
    ]);
  });

  test('are about 64 of a larger source', async () => {
    const at = workspace();
    writeArrow(at('a.arrow'), batches(...Array(320).fill(rowsOf(100))));
    const { splits } = await openDataset({ uri: at('a.arrow') });
    expect(splits.length).toBeGreaterThanOrEqual(50);
    expect(splits.length).toBeLessThanOrEqual(64);
  });

  test('are numbered over all files, in the order of their paths, and lie in one file each', async () => {
    const at = workspace();
    mkdirSync(at('data'));
    writeArrow(at('data', 'b.arrow'), batches(1));
    writeArrow(at('data', 'a.arrow'), batches(...Array(6).fill(rowsOf(100))));
    const dataset = await openDataset({ uri: at('data') });
    expect(
      dataset.splits.map(({ ordinal, object, first, count }) => [ordinal, object.uri, first, count]),
    ).toEqual([
      [0, at('data', 'a.arrow'), 0, 3],
      [1, at('data', 'a.arrow'), 3, 3],
      [2, at('data', 'b.arrow'), 0, 1],
    ]);
    expect(dataset.bytes).toBe(dataset.objects.reduce((sum, { size }) => sum + size, 0));
  });

  test('of a file without record batches: there is none', async () => {
    const at = workspace();
    mkdirSync(at('data'));
    writeArrow(at('data', 'b.arrow'), batches(3));
    writeEmpty(at('data', 'a.arrow'));
    expect(cuts(await openDataset({ uri: at('data') }))).toEqual([[0, 1]]);
    expect(cuts(await openDataset({ uri: at('data', 'a.arrow') }))).toEqual([]);
  });

  test('hold every record batch once, whatever the sizes', async () => {
    const sizes = fc.array(fc.constantFrom(0, 1, rowsOf(60), rowsOf(130), rowsOf(300)), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(sizes, async (rows) => {
        const at = workspace();
        writeArrow(at('a.arrow'), batches(...rows));
        const { splits } = await openDataset({ uri: at('a.arrow') });
        const covered = splits.flatMap(({ first, count }) =>
          Array.from({ length: count }, (_, i) => first + i),
        );
        expect(covered).toEqual(rows.map((_, i) => i));
        expect(splits.map(({ ordinal }) => ordinal)).toEqual(splits.map((_, i) => i));
      }),
      { numRuns: 25 },
    );
  });
});

describe('a limit', () => {
  const rows = Array(6).fill(rowsOf(100));
  const [split] = [3 * rowsOf(100)];

  test.each([
    ['in the middle of the first split', 10, [[0, 3, 10]]],
    ['at the end of the first split', split, [[0, 3]]],
    [
      'one row into the second split',
      split + 1,
      [
        [0, 3],
        [3, 3, 1],
      ],
    ],
    [
      'in the middle of a record batch of the second split',
      split + rowsOf(150),
      [
        [0, 3],
        [3, 3, rowsOf(150)],
      ],
    ],
    [
      'at the end',
      2 * split,
      [
        [0, 3],
        [3, 3],
      ],
    ],
    [
      'beyond the end',
      3 * split,
      [
        [0, 3],
        [3, 3],
      ],
    ],
    ['at nothing', 0, []],
  ])('%s', async (_, limit, expected) => {
    const at = workspace();
    writeArrow(at('a.arrow'), batches(...rows));
    expect(cuts(await openDataset({ uri: at('a.arrow'), limit }))).toEqual(expected);
  });

  test('counts over files; those behind it are opened all the same, and must have the same schema', async () => {
    const at = workspace();
    mkdirSync(at('data'));
    writeArrow(at('data', 'a.arrow'), batches(4, 3));
    writeArrow(at('data', 'b.arrow'), batches(5));
    writeArrow(at('data', 'c.arrow'), batches(6));
    const dataset = await openDataset({ uri: at('data'), limit: 9 });
    expect(cuts(dataset)).toEqual([
      [0, 2],
      [0, 1, 2],
    ]);
    expect(dataset.objects).toHaveLength(3);
    writeArrow(at('data', 'c.arrow'), [[float32('n', [1])]]);
    await expect(openDataset({ uri: at('data'), limit: 9 })).rejects.toThrow('the same schema');
  });
});

describe('files of one source', () => {
  async function open(first: ColumnData[], second: ColumnData[]): Promise<Dataset> {
    const at = workspace();
    mkdirSync(at('data'));
    writeArrow(at('data', 'a.arrow'), [first]);
    writeArrow(at('data', 'b.arrow'), [second]);
    return openDataset({ uri: at('data') });
  }

  test.each([
    [
      'another type',
      [float32('n', [1])],
      /column "n" is Int32 in \S+a\.arrow, and this file has it as Float32/,
    ],
    [
      'no such column',
      [int32('m', [1])],
      /column "n" is Int32 in \S+a\.arrow, and this file has no such column/,
    ],
  ])('are refused where one has %s: both are named', async (_, second, message) => {
    const failure = open([int32('n', [1])], second);
    await expect(failure).rejects.toBeInstanceOf(DataError);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toMatchObject({
      place: { file: expect.stringMatching(/b\.arrow$/), column: 'n' },
    });
  });

  test('are refused where vectors differ in width', async () => {
    await expect(open([vectors('v', 2, [1, 2])], [vectors('v', 3, [1, 2, 3])])).rejects.toThrow(
      'is FixedSizeList[2]<Float32>',
    );
  });

  test('may have their columns in another order, and more of them', async () => {
    const dataset = await open(
      [int32('n', [1]), float32('x', [1])],
      [float32('y', [3]), float32('x', [1]), int32('n', [1])],
    );
    expect(dataset.schema.fields.map(({ name }) => name)).toEqual(['n', 'x']);
    expect(dataset.splits).toHaveLength(2);
  });

  test('are closed again, also where one is damaged', async (context) => {
    context.skip(process.platform !== 'linux', 'counts open files in /proc');
    const openFiles = (): number => readdirSync('/proc/self/fd').length;
    const at = workspace();
    mkdirSync(at('data'));
    for (const name of ['a', 'b', 'c']) writeArrow(at('data', `${name}.arrow`), batches(4));
    const before = openFiles();
    await openDataset({ uri: at('data'), limit: 5 });
    expect(openFiles()).toBe(before);
    writeFileSync(at('data', 'b.arrow'), 'no longer');
    await expect(openDataset({ uri: at('data') })).rejects.toThrow(
      `${at('data', 'b.arrow')}: is not an Arrow file`,
    );
    expect(openFiles()).toBe(before);
  });
});

describe('the format', () => {
  test('is told by what the files begin with, whatever they are called', async () => {
    const at = workspace();
    writeStream(at('a.arrow'), batches(3, 4));
    writeArrow(at('b.arrows'), batches(3, 4));
    expect((await openDataset({ uri: at('a.arrow') })).format).toBe('arrow-stream');
    expect((await openDataset({ uri: at('b.arrows') })).format).toBe('arrow');
  });

  test('must be the same for all files of a source: both are named', async (context) => {
    context.skip(process.platform !== 'linux', 'counts open files in /proc');
    const at = workspace();
    mkdirSync(at('data'));
    writeArrow(at('data', 'a.arrow'), batches(3));
    writeStream(at('data', 'b.arrows'), batches(3));
    const before = readdirSync('/proc/self/fd').length;
    const failure = openDataset({ uri: at('data') });
    await expect(failure).rejects.toBeInstanceOf(DataError);
    await expect(failure).rejects.toThrow(
      `${at('data', 'b.arrows')}: is of format arrow-stream, and ${at('data', 'a.arrow')} of format arrow; `,
    );
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  test('that is named must be that of the files', async () => {
    const at = workspace();
    writeStream(at('a.arrows'), batches(3));
    writeArrow(at('b.arrow'), batches(3));
    await expect(openDataset({ uri: at('a.arrows'), format: 'arrow' })).rejects.toThrow(
      `${at('a.arrows')}: is an Arrow stream; expected an Arrow IPC file`,
    );
    await expect(openDataset({ uri: at('b.arrow'), format: 'arrow-stream' })).rejects.toThrow(
      `${at('b.arrow')}: is an Arrow IPC file; expected an Arrow stream`,
    );
  });
});

describe('a stream', () => {
  test('is one split, however long', async () => {
    const at = workspace();
    writeStream(at('a.arrows'), batches(...Array(6).fill(rowsOf(100))));
    expect(cuts(await openDataset({ uri: at('a.arrows') }))).toEqual([[0, 1]]);
  });

  test('is limited by rows, as files are', async () => {
    const at = workspace();
    mkdirSync(at('data'));
    writeStream(at('data', 'a.arrows'), batches(4, 3));
    writeStream(at('data', 'b.arrows'), batches(5, 2));
    const limited = async (limit: number) => cuts(await openDataset({ uri: at('data'), limit }));
    expect(await limited(5)).toEqual([[0, 1, 5]]);
    expect(await limited(7)).toEqual([[0, 1]]);
    expect(await limited(9)).toEqual([
      [0, 1],
      [0, 1, 2],
    ]);
  });
});

const ARROW = { format: 'arrow', storage: PLAIN_ACCESS };

describe("a split's file", () => {
  test('is opened for the named columns', async () => {
    const at = workspace();
    writeArrow(at('a.arrow'), [[int32('n', [1, 2]), float32('x', [3, 4]), int32('m', [5, 6])]]);
    const { splits } = await openDataset({ uri: at('a.arrow') });
    const file = await openFile(splits[0]?.object as never, ARROW, { columns: ['m', 'n'] });
    for await (const raw of file.batches({ first: 0, count: 1 })) {
      const batch = raw.decode();
      expect(batch.schema.fields.map(({ name }) => name)).toEqual(['m', 'n']);
      expect([...(batch.getChild('m') ?? [])]).toEqual([5, 6]);
    }
    await file.close();
  });

  test('is not opened once it has changed since it was listed', async () => {
    const at = workspace();
    writeArrow(at('a.arrow'), batches(4));
    const { objects } = await openDataset({ uri: at('a.arrow') });
    writeArrow(at('a.arrow'), batches(500));
    const failure = openFile(objects[0] as never, ARROW, { columns: ['n'] });
    await expect(failure).rejects.toBeInstanceOf(StorageError);
    await expect(failure).rejects.toThrow('the file changed since it was listed');
  });
});

/** A schema and no record batch: what a writer leaves that was closed at once. */
function writeEmpty(path: string): void {
  const writer = new RecordBatchFileWriter();
  writer.reset(undefined, new Schema([new Field('n', new Int32(), false)]));
  writeFileSync(path, writer.finish().toUint8Array(true));
}
