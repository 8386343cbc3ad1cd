// Which engine decodes Parquet fastest inside producer threads, and does a second thread help it?
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { inTemporaryFolder } from './support/arrow-file.mjs';
import { memcpySpeed } from './support/memcpy.mjs';
import { noise } from './support/noise.mjs';
import { ENGINES } from './support/parquet-engines.mjs';
import { Thread } from './support/threads.mjs';

const REPEATS = 5;
/** Passes before that: code that is new is slow. */
const WARM_UP = 3;
const WIDTH = 256;
const ROWS = 16_384;
const ROW_GROUP = 8192;
const CODECS = ['UNCOMPRESSED', 'SNAPPY', 'ZSTD'];
const BYTES = ROWS * WIDTH * 4;
/** The bar is set for a machine whose memcpy gives so many GB/s, and moves with it. */
const [BAR_MBS, BAR_MEMCPY] = [600, 20];

/** Vectors, with scalar columns beside them. */
async function writeFiles(folder) {
  const arrow = await import('apache-arrow');
  const wasm = await import('parquet-wasm');
  const next = noise();
  const values = Float32Array.from({ length: ROWS * WIDTH }, next);
  const child = arrow.makeData({
    type: new arrow.Float32(),
    length: values.length,
    nullCount: 0,
    data: values,
  });
  const type = new arrow.List(new arrow.Field('item', child.type, false));
  const valueOffsets = Int32Array.from({ length: ROWS + 1 }, (_, row) => row * WIDTH);
  const table = new arrow.Table({
    id: arrow.makeVector(Int32Array.from({ length: ROWS }, (_, row) => row)),
    score: arrow.makeVector(Float64Array.from({ length: ROWS }, next)),
    x: new arrow.Vector([arrow.makeData({ type, length: ROWS, nullCount: 0, valueOffsets, child })]),
  });
  const ipc = arrow.tableToIPC(table, 'stream');
  return CODECS.map((codec) => {
    const properties = new wasm.WriterPropertiesBuilder()
      .setCompression(wasm.Compression[codec])
      .setDictionaryEnabled(false)
      .setMaxRowGroupSize(ROW_GROUP)
      .build();
    const path = join(folder, `${codec}.parquet`);
    writeFileSync(path, wasm.writeParquet(wasm.Table.fromIPCStream(ipc), properties));
    return path;
  });
}

/** Megabytes of decoded vectors a second, of all threads together. */
async function speed(threads, path) {
  const startedAt = performance.now();
  for (const { count } of await Promise.all(threads.map((thread) => thread.ask(path)))) {
    if (count < ROWS * WIDTH) throw new Error(`${path}: ${count} of ${ROWS * WIDTH} numbers`);
  }
  return (threads.length * BYTES) / (performance.now() - startedAt) / 1000;
}

export async function measure() {
  return inTemporaryFolder(async (folder) => {
    const paths = await writeFiles(folder);
    const least = (BAR_MBS * memcpySpeed()) / BAR_MEMCPY;
    const rows = [];
    for (const engine of Object.keys(ENGINES)) {
      const threads = [new Thread(import.meta.url, engine), new Thread(import.meta.url, engine)];
      const ours = engine === 'penstock';
      for (const [i, codec] of CODECS.entries()) {
        const [one, two] = [[], []];
        for (let pass = 0; pass < WARM_UP; pass++) await speed(threads, paths[i]);
        for (let repeat = 0; repeat < REPEATS; repeat++) {
          one.push(await speed(threads.slice(0, 1), paths[i]));
          two.push(await speed(threads, paths[i]));
        }
        const what = `${engine}, ${codec.toLowerCase()}`;
        const bar = ours && codec === 'SNAPPY' ? { bar: { least } } : {};
        rows.push({
          what: `Parquet decoded by ${what}, one thread`,
          unit: 'MB/s',
          values: one,
          ...bar,
          detail: !ours,
        });
        rows.push({ what: '  two threads', unit: 'MB/s', values: two, detail: true });
      }
      for (const thread of threads) await thread.end();
    }
    return rows;
  });
}

if (!isMainThread) {
  const decode = ENGINES[workerData.role]();
  parentPort.on('message', async (path) => {
    const { count, first } = await (await decode)(path);
    parentPort.postMessage({ count, first });
  });
}
