import { createWriteStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type FixedSizeList,
  type Float32,
  Int32,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Struct,
  type Table,
  tableFromIPC,
  Uint8,
} from 'apache-arrow';
import { DataError, StorageError } from '../util/errors.js';
import { reasonOf } from '../util/system-error.js';

// The data of the demo, and the check of what comes out: of the form of examples/digits.

type DigitTypes = {
  readonly id: Int32;
  readonly label: Uint8;
  readonly pixels: FixedSizeList<Uint8>;
};

type AnswerTypes = {
  readonly id: Int32;
  readonly label: Uint8;
  readonly logits: FixedSizeList<Float32>;
};

/**
 * Writes the digits of `from` over and over until there are `rows`, numbered from 0: a record batch for each time.
 * Only ids are new memory; images are written out of the same buffers every time.
 */
export async function repeatDigits(
  from: string,
  to: string,
  rows: number,
  signal: AbortSignal,
): Promise<void> {
  const digits = tableFromIPC<DigitTypes>(await readFile(from));
  const writer = RecordBatchFileWriter.throughNode();
  const batches = Readable.from(recordBatches(digits, rows));
  await pipeline(batches, writer, createWriteStream(to), { signal }).catch((cause) => {
    if (signal.aborted) return;
    throw new StorageError(`${to}: the data set can't be written: ${reasonOf(cause)}`, {
      file: to,
      hint: 'Name a folder with more room, by --keep DIR or the environment variable TMPDIR; or take fewer --rows.',
      cause,
    });
  });
}

function* recordBatches(digits: Table<DigitTypes>, rows: number): Generator<RecordBatch> {
  const { schema, numRows } = digits;
  const labels = digits.getChild('label')?.toArray() as Uint8Array;
  const column = digits.getChild('pixels');
  const pixels = column?.getChildAt<Uint8>(0)?.toArray() as Uint8Array;
  const type = column?.type as FixedSizeList<Uint8>;
  for (let first = 0; first < rows; first += numRows) {
    const length = Math.min(numRows, rows - first);
    const ids = Int32Array.from({ length }, (_, row) => first + row);
    const images = pixels.subarray(0, length * type.listSize);
    const children = [
      makeData({ type: new Int32(), data: ids }),
      makeData({ type: new Uint8(), data: labels.subarray(0, length) }),
      makeData({ type, length, child: makeData({ type: new Uint8(), data: images }) }),
    ];
    const data = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children });
    yield new RecordBatch(schema, data);
  }
}

/**
 * Reads the outputs in `directory` and counts digits whose largest logit is that of their label.
 *
 * @throws DataError unless the ids are 0 to `rows` − 1, each once and in order
 */
export async function countRight(directory: string, rows: number): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.startsWith('part-')).sort();
  let right = 0;
  let next = 0;
  for (const name of names) {
    const file = join(directory, name);
    const table = tableFromIPC<AnswerTypes>(await readFile(file));
    const ids = table.getChild('id')?.toArray() as Int32Array;
    const labels = table.getChild('label')?.toArray() as Uint8Array;
    const logits = table.getChild('logits')?.getChildAt<Float32>(0)?.toArray() as Float32Array;
    const classes = logits.length / ids.length;
    for (let row = 0; row < ids.length; row++, next++) {
      if (ids[row] !== next)
        throw new DataError(`${file}: row ${row} has the id ${ids[row]}, expected ${next}`, { file, row });
      if (largest(logits, row * classes, classes) === labels[row]) right++;
    }
  }
  if (next !== rows)
    throw new DataError(`${directory}: holds ${next} rows, expected ${rows}`, { file: directory });
  return right;
}

/** The place of the largest of `count` values from `start` on. */
function largest(values: Float32Array, start: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) {
    if ((values[start + i] as number) > (values[start + best] as number)) best = i;
  }
  return best;
}
