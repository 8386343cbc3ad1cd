import * as arrow from 'apache-arrow';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ArrowFile } from '../../src/dataset/arrow-file.js';
import { readFooter } from '../../src/dataset/arrow-footer.js';
import { DataError } from '../../src/util/errors.js';
import { random } from '../helpers/random.js';
import { type Lost, Victim } from '../helpers/victim.js';
import { fileOf, fileOfPieces, type SampleColumn } from './columns.js';
import { MemoryReader } from './memory-reader.js';

const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

const column = (name: string, type: arrow.DataType, values: unknown[]): SampleColumn => {
  const vector = arrow.vectorFromArray(values, type);
  return { name, piece: (from, rows) => (vector.data[0] as arrow.Data).slice(from, rows) };
};

const item = (type: arrow.DataType): arrow.Field => new arrow.Field('item', type, true);
const ROWS = 4;

/** Small, and of each kind of layout one column: each byte of it has a meaning. */
const SMALL = fileOf(
  [
    column('id', new arrow.Int32(), [1, 2, 3, 4, 5, 6, 7, 8]),
    column('name', new arrow.Utf8(), ['a', '', null, 'four', 'five', null, 'x', 'y']),
    column('kind', new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), 1), [...'xyxyyyxx']),
    column('list', new arrow.List(item(new arrow.Float32())), [[1, 2], [3], [], [4], [5], [6, 7], [], null]),
    column(
      'vector',
      new arrow.FixedSizeList(2, item(new arrow.Float64())),
      Array.from({ length: 2 * ROWS }, (_, i) => [i, -i]),
    ),
  ],
  [ROWS, ROWS],
);

describe('what is no Arrow file is named', () => {
  test.each([
    ['nothing', '', 'the file is empty; expected an Arrow IPC file'],
    ['Parquet', 'PAR1\u0015\u0004 and more', 'is a Parquet file; expected an Arrow IPC file'],
    ['a stream', '\u00ff\u00ff\u00ff\u00ff\u0010\u0000\u0000\u0000 and more', 'is an Arrow stream; expected'],
    ['text', 'id,label\n1,2\n', 'is a CSV file; expected an Arrow IPC file'],
    ['bytes', '\u0000\u0001é"', 'begins with "...\\""; expected an Arrow IPC file'],
    ['one byte', 'A', 'begins with "A"; expected an Arrow IPC file'],
    [
      'the beginning alone',
      'ARROW1\0\0',
      'is truncated: it has 8 bytes and does not end as an Arrow IPC file does',
    ],
  ])('%s', async (_, content, message) => {
    const failure = readFooter(new MemoryReader(latin1(content)));
    await expect(failure).rejects.toBeInstanceOf(DataError);
    await expect(failure).rejects.toThrow(`memory.arrow: ${message}`);
    await expect(failure).rejects.toMatchObject({ place: { file: 'memory.arrow' } });
  });

  test.each([-1, 0, 10_000])('a footer that claims %i bytes', async (length) => {
    const bytes = SMALL.slice();
    new DataView(bytes.buffer, bytes.byteOffset).setInt32(bytes.length - 10, length, true);
    const failure = readFooter(new MemoryReader(bytes));
    await expect(failure).rejects.toBeInstanceOf(DataError);
    await expect(failure).rejects.toThrow(
      `memory.arrow: is damaged: its footer claims ${length} bytes of a file of ${bytes.length}`,
    );
  });
});

test('a footer is read with three small reads, whatever the size of the file', async () => {
  const reader = new MemoryReader(
    fileOfPieces(
      ['n'],
      [[arrow.vectorFromArray(Array(50_000).fill(1), new arrow.Int32()).data[0] as arrow.Data]],
    ),
  );
  const footer = await readFooter(reader);
  expect(footer.schema.fields.map(String)).toEqual(['n: Int32']);
  expect(reader.reads).toHaveLength(3);
  expect(reader.reads.reduce((sum, [from, to]) => sum + to - from, 0)).toBeLessThan(1000);
});

/** What reading a damaged file comes to. */
interface Outcome {
  readonly batches?: readonly { readonly rows: number; readonly values: readonly (readonly string[])[] }[];
  readonly error?: { readonly known: boolean; readonly text: string; readonly file: string | undefined };
}

/** A file of 2 KB is read in less than a millisecond. */
const LIMIT_MS = 3000;

/** Parts of the file, as [from, to). */
async function anatomy(): Promise<{ bodies: [number, number][]; framing: [number, number][] }> {
  const { blocks } = await ArrowFile.open(new MemoryReader(SMALL));
  const bodies = blocks.map(({ offset, metaDataLength, bodyLength }): [number, number] => {
    const start = offset + metaDataLength;
    return [start, start + bodyLength];
  });
  const edges = [0, ...bodies.flat(), SMALL.length];
  const framing = edges.flatMap((from, i): [number, number][] =>
    i % 2 === 0 ? [[from, edges[i + 1] as number]] : [],
  );
  return { bodies, framing };
}

describe('a damaged file', () => {
  async function victim(): Promise<{ reader: Victim<Outcome>; right: Outcome }> {
    const reader = new Victim<Outcome>(new URL('./fixtures/read.mjs', import.meta.url), LIMIT_MS);
    onTestFinished(() => reader.close());
    return { reader, right: await reader.read(SMALL) };
  }

  /** Files with one to three bytes changed in the ranges, and how they were changed. */
  function* flipped(ranges: readonly [number, number][], seed: number, cases: number) {
    const next = random(seed);
    const below = (limit: number): number => Math.floor(next() * limit);
    for (let i = 0; i < cases; i++) {
      const bytes = SMALL.slice();
      const flips = Array.from({ length: 1 + below(3) }, () => {
        const [from, to] = ranges[below(ranges.length)] as [number, number];
        const [at, mask] = [from + below(to - from), 1 + below(255)];
        bytes[at] = (bytes[at] as number) ^ mask;
        return `${at} ^ ${mask}`;
      });
      yield { bytes, name: `seed ${seed}, case ${i}: ${flips.join(', ')}` };
    }
  }

  /** Why an outcome is none that a user should meet; undefined where it is one. */
  function fault({ batches, error, lost }: Outcome & Lost): string | undefined {
    if (lost !== undefined) return lost;
    if (error !== undefined) return error.known ? undefined : error.text;
    const strange = batches?.find(({ rows }) => rows !== ROWS);
    if (strange !== undefined) return `a batch of ${strange.rows} rows`;
    // What is beyond the end of a buffer reads as undefined.
    const missing = batches?.some(({ values }) => values.some((column) => column.includes('')));
    return missing ? 'values of nothing' : undefined;
  }

  test('undamaged is read right', async () => {
    const { right } = await victim();
    expect(right.batches?.map(({ rows, values }) => [rows, values.map((column) => column.length)])).toEqual([
      [4, [4, 4, 4, 4, 4]],
      [4, [4, 4, 4, 4, 4]],
    ]);
    expect(right.batches?.[1]?.values.slice(1, 3)).toEqual([
      ['"five"', 'null', '"x"', '"y"'],
      ['"y"', '"y"', '"x"', '"x"'],
    ]);
  });

  test('cut off anywhere is a data error that names the file', async () => {
    for (let length = 0; length < SMALL.length; length++) {
      const error = await ArrowFile.open(new MemoryReader(SMALL.slice(0, length))).catch((thrown) => thrown);
      expect(error, `${length} bytes`).toBeInstanceOf(DataError);
      expect(error.place.file, `${length} bytes`).toBe('memory.arrow');
    }
  });

  test.each([1, 2, 3])(
    'with bytes changed in its data has other values, or is a data error, seed %i',
    async (seed) => {
      const { reader } = await victim();
      const { bodies } = await anatomy();
      const faults: string[] = [];
      for (const { bytes, name } of flipped(bodies, seed, 150)) {
        const reason = fault(await reader.read(bytes));
        if (reason !== undefined) faults.push(`${name}: ${reason}`);
      }
      expect(faults).toEqual([]);
    },
  );

  test.each([1, 2, 3])(
    'with bytes changed in its framing is a data error, unless it still makes sense, seed %i',
    async (seed) => {
      const { reader } = await victim();
      const { framing } = await anatomy();
      const faults: string[] = [];
      for (const { bytes, name } of flipped(framing, seed, 150)) {
        const reason = fault(await reader.read(bytes));
        if (reason !== undefined) faults.push(`${name}: ${reason}`);
      }
      expect(faults).toEqual([]);
    },
  );

  // Among the words are lengths of lists, and where to find them: whoever believes them allocates, or goes round in
  // circles, until there is no memory left.
  test.each([
    ['a little more or less', (word: number) => word ^ 1],
    ['something else', (word: number) => word ^ 0x100],
    ['huge', () => 0x7ffffff0],
  ])(
    'with any one word of its framing made %s is a data error, unless it still makes sense',
    async (_, change) => {
      const { reader } = await victim();
      const { framing } = await anatomy();
      const faults: string[] = [];
      for (const [from, to] of framing) {
        for (let at = Math.ceil(from / 4) * 4; at + 4 <= to; at += 4) {
          const bytes = SMALL.slice();
          const view = new DataView(bytes.buffer, bytes.byteOffset);
          view.setInt32(at, change(view.getInt32(at, true)), true);
          const reason = fault(await reader.read(bytes));
          if (reason !== undefined) faults.push(`word at ${at}: ${reason}`);
        }
      }
      expect(faults).toEqual([]);
    },
  );

  test('with bytes changed between its parts is read right', async () => {
    const { reader, right } = await victim();
    // Padding of the magic, and what sequential readers take for the end of the stream.
    for (const at of [6, 7]) {
      const bytes = SMALL.slice();
      bytes[at] = 0xaa;
      expect(await reader.read(bytes)).toEqual(right);
    }
  });
});
