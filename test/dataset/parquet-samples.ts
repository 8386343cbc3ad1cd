import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type DataType, DataType as Type, type Vector } from 'apache-arrow';
import { ParquetFile } from '../../src/dataset/parquet/parquet-file.js';
import type { DataFile } from '../../src/dataset/types.js';
import { MemoryReader } from './memory-reader.js';

// The interop suite has them made anew.
const folder =
  process.env.PENSTOCK_TEST_PARQUET ?? fileURLToPath(new URL('./fixtures/parquet/', import.meta.url));

/** A file that another implementation wrote; `make.py` beside it says how. */
export function sample(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${folder}${name}`));
}

/** What is in the samples: types and rows, as pyarrow has them. */
export const expected = JSON.parse(Buffer.from(sample('expected.json')).toString()) as Record<
  string,
  { types: Record<string, string>; rows: Record<string, unknown>[] }
>;

export function openSample(bytes: Uint8Array, columns?: readonly string[]): Promise<ParquetFile> {
  return ParquetFile.open(new MemoryReader(bytes, undefined, 'memory.parquet'), columns);
}

/** All rows of a file as plain values, in the form of `expected`. */
export async function rowsOf(file: DataFile): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const raw of file.batches({ first: 0, count: file.units.length })) {
    const batch = raw.decode();
    const columns = batch.schema.fields.map(({ name, type }) => {
      const vector = batch.getChild(name) as Vector;
      return [name, Array.from({ length: batch.numRows }, (_, i) => plain(vector.get(i), type))] as const;
    });
    for (let i = 0; i < batch.numRows; i++) {
      rows.push(Object.fromEntries(columns.map(([name, values]) => [name, values[i]])));
    }
  }
  return rows;
}

function plain(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  if (Type.isMap(type)) {
    const { keyType, valueType } = type;
    const entries = [...(value as Iterable<[unknown, unknown]>)];
    return entries.map(([k, v]) => [plain(k, keyType), plain(v, valueType)]);
  }
  if (Type.isList(type) || Type.isFixedSizeList(type)) {
    const vector = value as Vector;
    return Array.from({ length: vector.length }, (_, i) => plain(vector.get(i), type.valueType));
  }
  if (Type.isStruct(type)) {
    const row = value as Record<string, unknown>;
    return Object.fromEntries(type.children.map((child) => [child.name, plain(row[child.name], child.type)]));
  }
  if (Type.isDecimal(type)) return { decimal: String(fromWords(value as Uint32Array)) };
  if (Type.isDate(type)) return { days: Number(value) / 86_400_000 };
  if (Type.isTime(type)) return { micros: Number(value) };
  if (Type.isTimestamp(type)) return { micros: Math.round(Number(value) * 1000) };
  if (typeof value === 'bigint') {
    return value < 2n ** 53n && value > -(2n ** 53n) ? Number(value) : `${value}n`;
  }
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('base64') };
  return value;
}

function fromWords(words: Uint32Array): bigint {
  const value = words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n);
  return BigInt.asIntN(words.length * 32, value);
}
