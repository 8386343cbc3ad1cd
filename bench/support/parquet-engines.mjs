import { openAsBlob, statSync } from 'node:fs';

/** Each decodes column `x`, lists of float32, of a whole file, and returns how many numbers it saw and the sum of a few. */
export const ENGINES = {
  async penstock() {
    const { openFile } = await import('../../dist/dataset/dataset.js');
    return async (path) => {
      const { size, mtimeMs } = statSync(path);
      const object = { uri: path, size, version: String(Math.round(mtimeMs * 1000)) };
      const access = { format: 'parquet', storage: { options: {} } };
      const file = await openFile(object, access, { columns: ['x'] });
      const seen = new Seen();
      for await (const raw of file.batches({ first: 0, count: file.units.length })) {
        seen.add(raw.decode().getChild('x').data[0].children[0].values);
      }
      await file.close();
      return seen;
    };
  },
  async 'parquet-wasm'() {
    const { ParquetFile } = await import('parquet-wasm');
    const { tableFromIPC } = await import('apache-arrow');
    return async (path) => {
      const file = await ParquetFile.fromFile(await openAsBlob(path));
      const groups = file.metadata().numRowGroups();
      const seen = new Seen();
      for (let group = 0; group < groups; group++) {
        const table = await file.read({ rowGroups: [group], columns: ['x'], batchSize: 4096 });
        for (const batch of tableFromIPC(table.intoIPCStream()).batches) {
          seen.add(batch.getChild('x').data[0].children[0].values);
        }
      }
      file.free();
      return seen;
    };
  },
  async duckdb() {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    return async (path) => {
      const result = await connection.stream(`SELECT x FROM read_parquet('${path}')`);
      const seen = new Seen();
      for (let chunk = await result.fetchChunk(); chunk?.rowCount > 0; chunk = await result.fetchChunk()) {
        seen.add(chunk.getColumnVector(0).childData.items);
      }
      return seen;
    };
  },
  async hyparquet() {
    const { asyncBufferFromFile, parquetRead } = await import('hyparquet');
    const { compressors } = await import('hyparquet-compressors');
    return async (path) => {
      const seen = new Seen();
      await parquetRead({
        file: await asyncBufferFromFile(path),
        columns: ['x'],
        compressors,
        onChunk: ({ columnData }) => {
          for (const list of columnData) seen.add(list);
        },
      });
      return seen;
    };
  },
};

class Seen {
  count = 0;
  first;

  add(values) {
    this.count += values.length;
    this.first ??= values[0];
  }
}
