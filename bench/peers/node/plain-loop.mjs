// What a program in Node does without a loader: apache-arrow reads, one batch after the other, in one thread.
//
// Arrow: record batches lie in the file's buffer and are not copied. Parquet: apache-arrow reads none; `variant` says what
// does: parquet-wasm, which hands Arrow's IPC over (its README), or DuckDB, whose chunks hold typed arrays.
import { openAsBlob, readFileSync } from 'node:fs';
import { RecordBatchReader, tableFromIPC } from 'apache-arrow';
import { main } from './harness.mjs';

async function* batches(spec) {
  const scratch = spec.scale === null ? undefined : new Float32Array(spec.size * spec.width);
  const read =
    spec.format === 'arrow'
      ? arrowChunks
      : { 'parquet-wasm': wasmChunks, duckdb: duckdbChunks }[spec.variant];
  for await (const values of cut(read(spec.files), spec.size * spec.width)) {
    yield { data: scratch ? scaled(values, spec.scale, scratch) : values, rows: values.length / spec.width };
  }
}

/** A file is read as a whole: faster than a read for each record batch. */
async function* arrowChunks(files) {
  for (const path of files) {
    for (const batch of RecordBatchReader.from(readFileSync(path)))
      yield batch.getChild('x').data[0].children[0].values;
  }
}

async function* wasmChunks(files) {
  const { ParquetFile } = await import('parquet-wasm');
  for (const path of files) {
    const file = await ParquetFile.fromFile(await openAsBlob(path));
    for (let group = 0; group < file.metadata().numRowGroups(); group++) {
      const table = await file.read({ rowGroups: [group], columns: ['x'], batchSize: 4096 });
      for (const batch of tableFromIPC(table.intoIPCStream()).batches) {
        yield batch.getChild('x').data[0].children[0].values;
      }
    }
    file.free();
  }
}

async function* duckdbChunks(files) {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const list = files.map((path) => `'${path}'`).join(', ');
  const result = await connection.stream(`SELECT x FROM read_parquet([${list}])`);
  for (let chunk = await result.fetchChunk(); chunk?.rowCount > 0; chunk = await result.fetchChunk()) {
    yield chunk.getColumnVector(0).childData.items;
  }
  connection.closeSync();
}

/** Batches of `size` values, views where they lie in one chunk. */
async function* cut(chunks, size) {
  let rest;
  for await (const chunk of chunks) {
    let from = 0;
    if (rest !== undefined) {
      from = Math.min(size - rest.length, chunk.length);
      const joined = new chunk.constructor(rest.length + from);
      joined.set(rest);
      joined.set(chunk.subarray(0, from), rest.length);
      rest = joined.length < size ? joined : undefined;
      if (rest === undefined) yield joined;
    }
    for (; from + size <= chunk.length; from += size) yield chunk.subarray(from, from + size);
    if (from < chunk.length) rest = chunk.slice(from);
  }
  if (rest !== undefined) yield rest;
}

function scaled(values, factor, scratch) {
  const target = values.length === scratch.length ? scratch : scratch.subarray(0, values.length);
  for (let i = 0; i < values.length; i++) target[i] = values[i] * factor;
  return target;
}

await main(batches, { packages: ['apache-arrow', 'onnxruntime-node', 'parquet-wasm', '@duckdb/node-api'] });
