import * as arrow from 'apache-arrow';
import { type Compression as Codec, ParquetFile, readParquet } from 'parquet-wasm';
import { describe, expect, test } from 'vitest';
import { checkKept } from '../../src/sink/formats.js';
import { encodeParquetPart } from '../../src/sink/parquet-part.js';
import type { CompleteSplit, Compression } from '../../src/sink/types.js';
import { DTYPES } from '../../src/util/dtype.js';
import { DataError } from '../../src/util/errors.js';
import { everyType, plain } from '../dataset/columns.js';
import { random } from '../helpers/random.js';
import { output, SAMPLES, split } from './splits.js';

const SETTINGS = { compression: 'none' as Compression, rowGroupRows: 2 ** 20 };

async function read(complete: CompleteSplit, settings = SETTINGS): Promise<arrow.Table> {
  const bytes = await encodeParquetPart(complete, settings);
  return arrow.tableFromIPC(readParquet(bytes).intoIPCStream());
}

const rowsOf = (table: arrow.Table, column: string): string[] => plain(table.getChild(column));

describe.each(DTYPES)('outputs of %s', (dtype) => {
  const values = Array.from({ length: 6 * 11 }, (_, i) => SAMPLES[dtype][(i * 3) % 4] as [number, unknown]);
  const raw = values.map(([value]) => value);

  test('come back as a column, and as lists with their shape', async () => {
    const table = await read(
      split(
        [4, 0, 7],
        [
          output('y', { name: 'y', dtype, rowDims: [] }, raw.slice(0, 11)),
          output('z', { name: 'logits', dtype, rowDims: [2, 3] }, raw),
        ],
      ),
    );
    expect(rowsOf(table, 'y')).toEqual(values.slice(0, 11).map(([, meaning]) => JSON.stringify(meaning)));
    const rows = Array.from({ length: 11 }, (_, row) =>
      JSON.stringify(values.slice(row * 6, row * 6 + 6).map(([, meaning]) => meaning)),
    );
    expect(rowsOf(table, 'z')).toEqual(rows);
    const [y, z] = table.schema.fields;
    expect(y).toMatchObject({ name: 'y', nullable: false });
    expect(String(z?.type)).toMatch(/^FixedSizeList\[6\]</);
    expect(z?.metadata.get('ARROW:extension:name')).toBe('arrow.fixed_shape_tensor');
    expect(JSON.parse(z?.metadata.get('ARROW:extension:metadata') ?? '')).toEqual({ shape: [2, 3] });
  });
});

/** Types that Parquet has no words for, and what they are there. */
const CHANGED: Readonly<Record<string, string>> = {
  timeSecond: 'Time32<MILLISECOND>',
  timestampSecond: 'Timestamp<MILLISECOND>',
  dateMillisecond: 'Date32<DAY>',
  // They are in the file as they were, but what reads it back here hands them on so.
  utf8View: 'Utf8',
  binaryView: 'Binary',
  struct: 'Struct<{x:Float64, names:List<Utf8>}>',
};
const UNFIT = ['sparseUnion', 'denseUnion', 'intervalMonthDayNano', 'dictionaryOfLists'];

describe('kept columns', () => {
  const BATCHES = [6, 0, 9];
  const outputs = [
    output(
      'y',
      { name: 'y', dtype: 'int32', rowDims: [] },
      Array.from({ length: 15 }, (_, i) => i),
    ),
  ];
  const columns = everyType(15, random(1));
  const named = columns.map((column) => [column.name, column] as const);

  test.each(named.filter(([name]) => !UNFIT.includes(name)))(
    'of type %s keep type, nulls and values',
    async (name, column) => {
      const table = await read(split(BATCHES, outputs, [column]));
      const original = column.piece(0, 15);
      expect(table.schema.fields.map((field) => field.name)).toEqual([name, 'y']);
      expect(String(table.schema.fields[0]?.type)).toBe(CHANGED[name] ?? String(original.type));
      const values = plain(new arrow.Vector([original]));
      const scale = name === 'timeSecond' ? 1000 : 1;
      expect(rowsOf(table, name)).toEqual(
        values.map((value) => (scale === 1 || value === 'null' ? value : String(Number(value) * scale))),
      );
      expect(rowsOf(table, 'y')).toEqual(Array.from({ length: 15 }, (_, i) => String(i)));
    },
  );

  test.each(named.filter(([name]) => UNFIT.includes(name)))(
    'of type %s are refused before anything is read, with what to do',
    (name, column) => {
      const { type } = column.piece(0, 1);
      const inside = new arrow.Struct([new arrow.Field('x', new arrow.List(new arrow.Field('item', type)))]);
      for (const kind of [type, inside]) {
        const schema = new arrow.Schema([new arrow.Field(name, kind)]);
        expect(() => checkKept('parquet', [name], schema)).toThrow(DataError);
        expect(() => checkKept('parquet', [name], schema)).toThrow(
          `sink.keep: column "${name}" is of type ${kind}, `,
        );
        expect(() => checkKept('parquet', [], schema)).not.toThrow();
        expect(() => checkKept('arrow', [name], schema)).not.toThrow();
      }
    },
  );

  test('are changed wherever they are, dictionaries and lists of them', async () => {
    const seconds = [3, null, 5].map((value) => (value === null ? null : value * 1000));
    const type = new arrow.List(
      new arrow.Field(
        'item',
        new arrow.Dictionary(new arrow.TimestampSecond('UTC'), new arrow.Int8(), 7),
        true,
      ),
    );
    const data = arrow.vectorFromArray([seconds, null, []], type).data[0] as arrow.Data;
    const table = await read(
      split([3], [], [{ name: 'times', piece: (from, rows) => data.slice(from, rows) }]),
    );
    expect(String(table.schema.fields[0]?.type)).toContain('Timestamp<MILLISECOND, UTC>');
    expect(rowsOf(table, 'times')).toEqual(['[3000,null,5000]', 'null', '[]']);
  });

  test.each([
    [new arrow.TimestampSecond(), 10n ** 16n, 'a timestamp of 10000000000000000 s is out of the range'],
    [new arrow.DateMillisecond(), 86_400_001n, 'a date of 86400001 ms is not a whole day'],
  ])('that would lose something are an error: %s', async (type, value, message) => {
    const data = arrow.makeData({ type, length: 1, nullCount: 0, data: BigInt64Array.of(value) } as never);
    const failure = read(split([1], [], [{ name: 't', piece: () => data }]));
    await expect(failure).rejects.toBeInstanceOf(DataError);
    await expect(failure).rejects.toThrow(`column "t": ${message}`);
  });
});

test('what the writer refuses is an error that says so', async () => {
  const data = arrow.vectorFromArray([1, null], new arrow.Int32()).data[0] as arrow.Data;
  const entries = new arrow.Struct([new arrow.Field('x', data.type, false)]);
  const inside = arrow.makeData({ type: entries, length: 2, nullCount: 0, children: [data] });
  const failure = read(split([2], [], [{ name: 's', piece: () => inside }]));
  await expect(failure).rejects.toBeInstanceOf(DataError);
  await expect(failure).rejects.toThrow(/^the outputs can't be written as Parquet: .*non-null/);
});

test('a part without rows has its schema', async () => {
  const none = [
    output('y', { name: 'y', dtype: 'float32', rowDims: [] }, []),
    output('z', { name: 'z', dtype: 'int8', rowDims: [2] }, []),
  ];
  for (const batchRows of [[], [0]]) {
    const table = await read(split(batchRows, none));
    expect([table.numRows, table.schema.fields.map(String)]).toEqual([
      0,
      ['y: Float32', 'z: FixedSizeList[2]<Int8>'],
    ]);
  }
});

describe('a file', () => {
  const complete = split(
    [500, 700, 33],
    [
      output(
        'y',
        { name: 'y', dtype: 'float32', rowDims: [4] },
        Array.from({ length: 1233 * 4 }, (_, i) => i),
      ),
    ],
    everyType(1233, random(2)).filter(({ name }) => name === 'utf8'),
  );

  async function metadataOf(settings: typeof SETTINGS) {
    const bytes = await encodeParquetPart(complete, settings);
    return (await ParquetFile.fromFile(new Blob([Uint8Array.from(bytes)]))).metadata();
  }

  test('has row groups of the rows that it may have', async () => {
    const metadata = await metadataOf({ ...SETTINGS, rowGroupRows: 400 });
    expect(metadata.rowGroups().map((group) => group.numRows())).toEqual([400, 400, 400, 33]);
    expect(metadata.fileMetadata().createdBy()).toBe('penstock');
  });

  test.each<[Compression, Codec]>([
    ['none', 0],
    ['snappy', 1],
    ['gzip', 2],
    ['lz4', 6],
    ['zstd', 5],
  ])('is compressed with %s, and holds the same', async (compression, codec) => {
    const metadata = await metadataOf({ ...SETTINGS, compression });
    const [group] = metadata.rowGroups();
    expect(group?.columns().map((column) => column.compression())).toEqual([codec, codec]);
    const table = await read(complete, { ...SETTINGS, compression });
    const expected = await read(complete);
    for (const name of ['utf8', 'y']) expect(rowsOf(table, name)).toEqual(rowsOf(expected, name));
  });

  test('written again is the same to the byte', async () => {
    const [one, two] = [
      await encodeParquetPart(complete, SETTINGS),
      await encodeParquetPart(complete, SETTINGS),
    ];
    expect(Buffer.compare(one, two)).toBe(0);
  });
});
