import { createWriteStream, linkSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as arrow from 'apache-arrow';

const TYPES = { float32: [arrow.Float32, Float32Array], uint8: [arrow.Uint8, Uint8Array] };

/** Runs `work` in a folder of its own, which is gone afterwards. */
export async function inTemporaryFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Writes an Arrow IPC file with one column `x`, a fixed-size list of `width` numbers, and names it `copies` times
 * (hard links: a long pass over a small piece of the page cache). Returns the paths.
 */
export async function writeVectors(folder, { dtype, width, rows, recordBatchRows, copies }) {
  const path = join(folder, '000.arrow');
  const writer = new arrow.RecordBatchFileWriter({ autoDestroy: true });
  const written = pipeline(writer.toNodeStream(), createWriteStream(path));
  for (let row = 0; row < rows; row += recordBatchRows) {
    writer.write(vectors(dtype, width, Math.min(recordBatchRows, rows - row)));
  }
  writer.finish();
  await written;
  const paths = [path];
  for (let i = 1; i < copies; i++) {
    const link = join(folder, `${String(i).padStart(3, '0')}.arrow`);
    linkSync(path, link);
    paths.push(link);
  }
  return paths;
}

/** A record batch of one column `x`. */
export function vectors(dtype, width, rows) {
  const [Type, Values] = TYPES[dtype];
  const values = Values.from({ length: rows * width }, (_, i) => i % 251);
  const child = arrow.makeData({ type: new Type(), length: values.length, nullCount: 0, data: values });
  const type = new arrow.FixedSizeList(width, new arrow.Field('item', child.type, false));
  const column = arrow.makeData({ type, length: rows, nullCount: 0, child });
  const schema = new arrow.Schema([new arrow.Field('x', type, false)]);
  const struct = new arrow.Struct(schema.fields);
  const data = arrow.makeData({ type: struct, length: rows, nullCount: 0, children: [column] });
  return new arrow.RecordBatch(schema, data);
}
