import * as arrow from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { ArrowFile } from '../../src/dataset/arrow-file.js';
import { encodeArrowPart } from '../../src/sink/arrow-part.js';
import { hasZstd } from '../../src/sink/codecs.js';
import type { CompleteSplit } from '../../src/sink/types.js';
import { DTYPES } from '../../src/util/dtype.js';
import { everyType, plain } from '../dataset/columns.js';
import { MemoryReader } from '../dataset/memory-reader.js';
import { random } from '../helpers/random.js';
import { output, SAMPLES, split } from './splits.js';

const read = (complete: CompleteSplit): arrow.Table =>
  arrow.tableFromIPC(encodeArrowPart(complete, { compression: 'none' }));
const rowsOf = (table: arrow.Table, column: string): string[] => plain(table.getChild(column));

describe.each(DTYPES)('outputs of %s', (dtype) => {
  const sample = SAMPLES[dtype];
  const elements = (count: number): (typeof sample)[number][] =>
    Array.from({ length: count }, (_, i) => sample[(i * 3) % 4] as (typeof sample)[number]);

  test('that are one value a row come back as a plain column', () => {
    const values = elements(21);
    const scalar = output(
      'y',
      { name: 'y', dtype, rowDims: [] },
      values.map(([raw]) => raw),
    );
    const table = read(split([5, 0, 13, 3], [scalar]));
    expect(table.batches.map(({ numRows }) => numRows)).toEqual([5, 0, 13, 3]);
    expect(rowsOf(table, 'y')).toEqual(values.map(([, meaning]) => JSON.stringify(meaning)));
    expect(table.schema.fields[0]).toMatchObject({ name: 'y', nullable: false });
    expect(table.getChild('y')?.nullCount).toBe(0);
  });

  test('that are tensors come back as lists with their shape', () => {
    const values = elements(6 * 11);
    const tensor = { name: 'logits', dtype, rowDims: [2, 3] };
    const table = read(
      split(
        [4, 7],
        [
          output(
            'z',
            tensor,
            values.map(([raw]) => raw),
          ),
        ],
      ),
    );
    const rows = Array.from({ length: 11 }, (_, row) =>
      JSON.stringify(values.slice(row * 6, row * 6 + 6).map(([, meaning]) => meaning)),
    );
    expect(rowsOf(table, 'z')).toEqual(rows);
    const [field] = table.schema.fields;
    expect(String(field?.type)).toMatch(/^FixedSizeList\[6\]</);
    expect(field?.metadata.get('ARROW:extension:name')).toBe('arrow.fixed_shape_tensor');
    expect(JSON.parse(field?.metadata.get('ARROW:extension:metadata') ?? '')).toEqual({ shape: [2, 3] });
    expect(field?.metadata.get('penstock:output')).toBe('logits');
  });
});

describe('a tensor of an odd shape', () => {
  const ofShape = (rowDims: number[], values: number[], rows: number[]): arrow.Table =>
    read(split(rows, [output('y', { name: 'y', dtype: 'int32', rowDims }, values)]));

  test('of one element is a list of one', () => {
    const table = ofShape([1], [7, 8], [2]);
    expect(rowsOf(table, 'y')).toEqual(['[7]', '[8]']);
  });

  test('of many dimensions is one flat list', () => {
    const table = ofShape([1, 2, 1, 2], [1, 2, 3, 4], [1]);
    expect(rowsOf(table, 'y')).toEqual(['[1,2,3,4]']);
    expect(table.schema.fields[0]?.metadata.get('ARROW:extension:metadata')).toBe('{"shape":[1,2,1,2]}');
  });

  test('of no element is an empty list a row', () => {
    expect(rowsOf(ofShape([0], [], [3]), 'y')).toEqual(['[]', '[]', '[]']);
  });
});

describe('kept columns', () => {
  const BATCHES = [6, 0, 9];
  const outputs = [
    output(
      'y',
      { name: 'y', dtype: 'int32', rowDims: [] },
      Array.from({ length: 15 }, (_, i) => i),
    ),
  ];

  test.each(everyType(15, random(1)).map((column) => [column.name, column] as const))(
    'of type %s keep type, nulls and values',
    (name, column) => {
      const table = read(split(BATCHES, outputs, [column]));
      const original = column.piece(0, 15);
      expect(table.schema.fields.map((field) => field.name)).toEqual([name, 'y']);
      expect(String(table.schema.fields[0]?.type)).toBe(String(original.type));
      expect(rowsOf(table, name)).toEqual(plain(new arrow.Vector([original])));
      expect(rowsOf(table, 'y')).toEqual(Array.from({ length: 15 }, (_, i) => String(i)));
    },
  );

  test('stand in front of the outputs, in their own order', () => {
    const columns = everyType(15, random(2)).filter(({ name }) =>
      ['utf8', 'int64', 'fixedSizeList'].includes(name),
    );
    const table = read(split(BATCHES, outputs, columns.toReversed()));
    expect(table.schema.fields.map(({ name }) => name)).toEqual(['fixedSizeList', 'utf8', 'int64', 'y']);
  });

  test('are all there is where no output is wanted', () => {
    const columns = everyType(15, random(3)).filter(({ name }) => name === 'utf8');
    const table = read(split(BATCHES, [], columns));
    expect([table.numRows, table.schema.fields.map(({ name }) => name)]).toEqual([15, ['utf8']]);
  });

  test('keep their types where there is no row', () => {
    const columns = everyType(15, random(4)).filter(({ name }) => name === 'list' || name === 'dictionary');
    const none = [output('y', { name: 'y', dtype: 'float32', rowDims: [2] }, [])];
    const table = read(split([0], none, columns));
    expect(table.numRows).toBe(0);
    expect(table.schema.fields.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      'list: List<Int32>',
      'dictionary: Dictionary<Int8, Utf8>',
      'y: FixedSizeList[2]<Float32>',
    ]);
  });
});

test('a part without rows has the schema of the outputs', () => {
  const none = [output('y', { name: 'y', dtype: 'float32', rowDims: [] }, [])];
  for (const batchRows of [[], [0]]) {
    const table = read(split(batchRows, none));
    expect([table.numRows, table.schema.fields.map(String)]).toEqual([0, ['y: Float32']]);
  }
});

/** Codecs that this Node has; zstd came with 22.15. */
const CODECS = hasZstd() ? (['lz4', 'zstd'] as const) : (['lz4'] as const);

describe.each(CODECS)('buffers compressed with %s', (compression) => {
  const BATCHES = [500, 0, 41];
  const columns = everyType(541, random(5));
  const values = Array.from({ length: 541 * 6 }, (_, i) => Math.fround(i % 7));
  const outputs = [output('z', { name: 'z', dtype: 'float32', rowDims: [2, 3] }, values)];
  const complete = split(BATCHES, outputs, columns);
  const names = [...columns.map(({ name }) => name), 'z'];
  const compressed = encodeArrowPart(complete, { compression });

  test.each(names)('hold the same values: %s', async (name) => {
    const expected = read(complete).batches.map((batch) => plain(batch.getChild(name)));
    const file = await ArrowFile.open(new MemoryReader(compressed), { columns: [name] });
    for (const [index, rows] of expected.entries()) {
      expect(plain((await file.fetch(index)).decode().getChild(name))).toEqual(rows);
    }
  });

  test('take less room, but where nothing repeats', () => {
    expect(compressed.byteLength).toBeLessThan(encodeArrowPart(complete, { compression: 'none' }).byteLength);
    const next = random(6);
    const noise = output(
      'z',
      { name: 'z', dtype: 'float64', rowDims: [] },
      Array.from({ length: 1000 }, next),
    );
    const sizes = ([compression, 'none'] as const).map(
      (codec) => encodeArrowPart(split([1000], [noise]), { compression: codec }).byteLength,
    );
    expect((sizes[0] as number) - (sizes[1] as number)).toBeLessThan(200);
  });
});
