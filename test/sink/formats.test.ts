import * as arrow from 'apache-arrow';
import fc from 'fast-check';
import { readParquet } from 'parquet-wasm';
import { expect, test } from 'vitest';
import { ArrowFile } from '../../src/dataset/arrow-file.js';
import { codecsOf, hasZstd } from '../../src/sink/codecs.js';
import { loadEncoder } from '../../src/sink/formats.js';
import type { CompleteSplit, Compression } from '../../src/sink/types.js';
import { everyType, plain } from '../dataset/columns.js';
import { MemoryReader } from '../dataset/memory-reader.js';
import { random } from '../helpers/random.js';
import { output, split } from './splits.js';

/** Kept columns whose values every format has, with what their JSON is. */
const KEPT = [
  'bool',
  'int32',
  'uint8',
  'float64',
  'utf8',
  'dictionary',
  'list',
  'listOfLists',
  'fixedSizeList',
  'struct',
];
const DTYPES = ['float32', 'float64', 'int32', 'uint16', 'bool'] as const;

type Rows = Record<string, unknown>[];
type Read = (bytes: Uint8Array) => Promise<Rows> | Rows;

const rowsOf = (batches: readonly arrow.RecordBatch[]): Rows =>
  batches.flatMap((batch) => {
    const columns = batch.schema.fields.map(({ name }) => [name, plain(batch.getChild(name))] as const);
    return Array.from({ length: batch.numRows }, (_, row) =>
      Object.fromEntries(columns.map(([name, values]) => [name, JSON.parse(values[row] as string)])),
    );
  });

const READERS: Readonly<Record<string, Read>> = {
  async arrow(bytes) {
    const file = await ArrowFile.open(new MemoryReader(bytes), {});
    const rows: Rows = [];
    for (let i = 0; i < file.blocks.length; i++) rows.push(...rowsOf([(await file.fetch(i)).decode()]));
    return rows;
  },
  parquet: (bytes) => rowsOf(arrow.tableFromIPC(readParquet(bytes).intoIPCStream()).batches),
  jsonl: (bytes) =>
    Buffer.from(bytes)
      .toString()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line)),
};

/** Tensors are lists of lists in JSON, and flat elsewhere. */
const flat = (rows: Rows, tensors: ReadonlySet<string>): Rows =>
  rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        tensors.has(name) && Array.isArray(value) ? value.flat(10) : value,
      ]),
    ),
  );

const splits = fc
  .record({
    seed: fc.nat(),
    batchRows: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 4 }),
    kept: fc.uniqueArray(fc.constantFrom(...KEPT), { maxLength: 4 }),
    outputs: fc.array(
      fc.record({
        dtype: fc.constantFrom(...DTYPES),
        rowDims: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ seed, batchRows, kept, outputs }): [CompleteSplit, Set<string>] => {
    const next = random(seed);
    const rows = batchRows.reduce((sum, count) => sum + count, 0);
    const columns = everyType(rows, next).filter(({ name }) => kept.includes(name));
    const made = outputs.map(({ dtype, rowDims }, i) => {
      const size = rowDims.reduce((product, dim) => product * dim, 1);
      const limit = dtype === 'bool' ? 2 : 1000;
      const values = Array.from({ length: rows * size }, () =>
        dtype.startsWith('float') ? Math.fround(next() - 0.5) : Math.floor(next() * limit),
      );
      return output(`output ${i}`, { name: `o${i}`, dtype, rowDims }, values);
    });
    return [split(batchRows, made, columns), new Set(made.map(({ as }) => as))];
  });

const formats = ['arrow', 'parquet', 'jsonl'].flatMap((format) =>
  codecsOf(format)
    .filter((codec) => format !== 'arrow' || codec !== 'zstd' || hasZstd())
    .map((codec) => [format, codec] as [string, Compression]),
);

test('outputs in every format and codec are the same rows', { timeout: 120_000 }, async () => {
  const encoders = new Map(
    await Promise.all(
      [...new Set(formats.map(([format]) => format))].map(async (f) => [f, await loadEncoder(f)] as const),
    ),
  );
  await fc.assert(
    fc.asyncProperty(splits, fc.integer({ min: 1, max: 30 }), async ([complete, tensors], rowGroupRows) => {
      const read = async (format: string, compression: Compression): Promise<Rows> => {
        const bytes = await encoders.get(format)?.(complete, { compression, rowGroupRows });
        return flat((await READERS[format]?.(bytes as Uint8Array)) ?? [], tensors);
      };
      const expected = await read('arrow', 'none');
      for (const [format, codec] of formats) {
        expect(await read(format, codec), `${format}, ${codec}`).toEqual(expected);
      }
    }),
    { numRuns: 60, seed: 7 },
  );
});
