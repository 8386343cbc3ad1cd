// A process that reads damaged files to the end, and everything in them: for each message, a file's bytes, answers with
// what came of it. What it is given may hang or crash a reader, and then it is this process that hangs or is gone.
import { RecordBatchStreamWriter } from 'apache-arrow';
import { foreignFile } from '../../dist/dataset/foreign.js';
import { formatOf } from '../../dist/dataset/format.js';
import { flatten, leafOf } from '../../dist/produce/leaf.js';
import { PenstockError, StorageError } from '../../dist/util/errors.js';

/** More rows than this are not looked at one by one: columns without values may have as many as they like. */
const MAX_ROWS = 10_000;

function readerOf(bytes, atOnce) {
  const copy = (offset, into, at, length) => {
    if (!(offset >= 0 && length >= 0 && offset + length <= bytes.byteLength))
      throw new StorageError(`ends before byte ${offset + length}`);
    into.set(bytes.subarray(offset, offset + length), at);
  };
  const reader = {
    object: { uri: 'damaged', size: bytes.byteLength, version: '1' },
    read: async (offset, into) => copy(offset, into, 0, into.byteLength),
    close: async () => {},
  };
  return atOnce ? { ...reader, readSync: copy } : reader;
}

/** Looks at a value, however deep. */
function touch(value) {
  if (value === undefined) throw new Error('a value is missing');
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return;
  if (value instanceof Date) return;
  if (typeof value[Symbol.iterator] === 'function') for (const item of value) touch(item);
}

/** Times that no Date holds are right in Arrow, and it is the library that can't show them. */
const TOO_FAR = /is not safe to convert to a number/;

function touchAll(vector) {
  for (let row = 0; row < vector.length; row++) {
    try {
      touch(vector.get(row));
    } catch (error) {
      if (!/Timestamp|Date|Time/.test(vector.type) || !TOO_FAR.test(error.message)) throw error;
    }
  }
}

/** Every element that a flat column's rows refer to. */
function touchFlat({ values, offsets }, rows, width) {
  const end = offsets === undefined ? rows * width : offsets[rows];
  if (offsets !== undefined) {
    for (let row = 0; row < rows; row++)
      if (!(offsets[row] >= 0 && offsets[row] <= offsets[row + 1]))
        throw new Error(`row ${row} has no place`);
  }
  if (rows > 0 && !(end <= values.length)) throw new Error(`rows end at ${end} of ${values.length}`);
}

async function read(bytes, atOnce) {
  const reader = readerOf(bytes, atOnce);
  const format = await formatOf('auto', reader);
  if (format === undefined) throw await foreignFile(reader, 'an Arrow or a Parquet file');
  const file = await format.open(reader, {});
  let rows = 0;
  for (const { name } of file.schema.fields) String(name);
  for await (const raw of file.batches({ first: 0, count: file.units.length })) {
    rows += raw.rows;
    const batch = raw.decode();
    if (batch.numRows !== raw.rows) throw new Error(`${batch.numRows} rows of ${raw.rows}`);
    batch.schema.fields.forEach(({ type }, i) => {
      const vector = batch.getChildAt(i);
      if (raw.rows <= MAX_ROWS) touchAll(vector);
      const leaf = leafOf(type);
      const [data] = vector.data;
      if (leaf !== undefined && data !== undefined) touchFlat(flatten(data), raw.rows, leaf.width ?? 1);
    });
    // Kept columns are written again.
    if (raw.rows <= MAX_ROWS) RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);
  }
  const counted = await file.rowsBefore(file.units.length);
  if (counted !== rows) throw new Error(`${counted} rows counted, and ${rows} read`);
  await file.close();
}

process.on('message', async ({ bytes, atOnce }) => {
  let outcome = {};
  try {
    await read(bytes, atOnce);
  } catch (error) {
    const known = error instanceof PenstockError && ['DATA', 'STORAGE'].includes(error.code);
    outcome = { known, text: known ? error.message : error.stack };
  }
  process.send({ ...outcome, rss: process.memoryUsage.rss() });
});
