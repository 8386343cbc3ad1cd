// How fast does the sink's thread encode and write parts, by format and codec, beside plain writes of as many bytes?
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { RecordBatchStreamWriter, tableFromArrays } from 'apache-arrow';
import { checkCodec, codecsOf } from '../dist/sink/codecs.js';
import { PartWriter } from '../dist/sink/part-writer.js';
import { inTemporaryFolder } from './support/arrow-file.mjs';
import { noise } from './support/noise.mjs';

const REPEATS = 5;
const WARM_UP = 2;
const WIDTH = 256;
/** As splits have them: record batches of 1 MiB of vectors. */
const BATCH = 1024;
const ROWS = 16 * BATCH;
const BYTES = ROWS * WIDTH * 4;
const FORMATS = ['arrow', 'parquet', 'jsonl'];

/** What a model puts out: vectors of numbers of about one size, of which little repeats; an id is kept. */
function split() {
  const values = Float32Array.from({ length: ROWS * WIDTH }, noise());
  const batchRows = new Array(ROWS / BATCH).fill(BATCH);
  const keep = batchRows.map((_, b) => {
    const id = Int32Array.from({ length: BATCH }, (_, i) => b * BATCH + i);
    return RecordBatchStreamWriter.writeAll(tableFromArrays({ id })).toUint8Array(true);
  });
  const produced = {
    split: 0,
    ordinal: 0,
    rowsRead: ROWS,
    deadLetters: [],
    batchRows,
    origins: [],
    keep,
    bytes: 0,
  };
  const tensor = { name: 'y', dtype: 'float32', rowDims: [WIDTH], rowSize: WIDTH };
  return { produced, outputs: [{ as: 'y', tensor, values }] };
}

/** Megabytes of outputs a second, by CPU time and by the clock, and the bytes of a part to those of its outputs. */
async function speedOf(write) {
  const [clock, cpu] = [[], []];
  let size = 0;
  for (let pass = -WARM_UP; pass < REPEATS; pass++) {
    const before = process.cpuUsage();
    const startedAt = performance.now();
    size = await write();
    const ms = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(before);
    if (pass < 0) continue;
    clock.push(BYTES / ms / 1000);
    cpu.push(BYTES / (user + system));
  }
  return { clock, cpu, size };
}

async function plainWrite(path, bytes) {
  const handle = await open(path, 'w');
  await handle.writeFile(bytes);
  await handle.datasync();
  await handle.close();
  return bytes.byteLength;
}

export async function measure() {
  return inTemporaryFolder(async (folder) => {
    const complete = split();
    const plain = await speedOf(() => plainWrite(join(folder, 'plain'), new Uint8Array(BYTES).fill(7)));
    const rows = [{ what: 'plain writes with fsync', unit: 'MB/s', values: plain.clock }];
    for (const format of FORMATS) {
      for (const compression of codecsOf(format)) {
        try {
          checkCodec(format, compression);
        } catch {
          continue;
        }
        const settings = { compression, rowGroupRows: 2 ** 20 };
        const writer = await PartWriter.open({ location: { uri: folder, options: {} }, format, settings });
        const { clock, cpu, size } = await speedOf(async () => (await writer.write(complete)).bytes);
        const what = `${format}, ${compression}`;
        rows.push({ what: `parts encoded and written, ${what}`, unit: 'MB/s', values: clock });
        rows.push({ what: `  by CPU time, ${what}`, unit: 'MB/s', values: cpu, detail: true });
        rows.push({ what: `  size ÷ outputs, ${what}`, unit: '×', values: [size / BYTES], detail: true });
      }
    }
    return rows;
  });
}
