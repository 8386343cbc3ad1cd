// Data for the heavy models, made up from a seed and written as Arrow IPC files.
import { createWriteStream, linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as arrow from 'apache-arrow';
import { SHAPE } from './models/encoder.mjs';
import { seeded } from './models/weights.mjs';

/** Texts have from 8 to 512 tokens, half of them fewer than 60: as sentences and paragraphs do. */
const LENGTHS = { least: 8, most: SHAPE.positions, median: 60, deviation: 0.8 };
export const BUCKETS = [16, 32, 64, 128, 256, 512];

/** Bytes of noise; `place` numbers the images of all files. */
export function imageBytes(place, bytes) {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  // xorshift32 (Marsaglia): noise for pixels need not be any better.
  let state = (place + 1) * 2_654_435_761;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, bytes);
}

/** Token ids of a text; `place` numbers the texts of all files. */
export function textTokens(place) {
  const { least, most, median, deviation } = LENGTHS;
  const random = seeded(place + 1);
  // Box and Muller: a normal logarithm.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const length = Math.round(Math.min(most, Math.max(least, median * Math.exp(deviation * normal))));
  return Int32Array.from({ length }, () => Math.floor(random() * SHAPE.vocabulary));
}

/** Columns id and image, uint8 [side × side × 3]. */
export function writeImages(folder, { files, rows, side }) {
  const width = side * side * 3;
  const item = new arrow.Field('item', new arrow.Uint8(), false);
  const type = new arrow.FixedSizeList(width, item);
  return writeFiles(folder, 'image', type, { files, rows, perBatch: 64 }, (first, length) => {
    const data = new Uint8Array(length * width);
    for (let row = 0; row < length; row++) data.set(imageBytes(first + row, width), row * width);
    const child = arrow.makeData({ type: item.type, length: data.length, nullCount: 0, data });
    return arrow.makeData({ type, length, nullCount: 0, child });
  });
}

/** Columns id and tokens, a list of int32. */
export function writeTexts(folder, { files, rows }) {
  const item = new arrow.Field('item', new arrow.Int32(), false);
  const type = new arrow.List(item);
  return writeFiles(folder, 'tokens', type, { files, rows, perBatch: 512 }, (first, length) => {
    const texts = Array.from({ length }, (_, row) => textTokens(first + row));
    const valueOffsets = new Int32Array(length + 1);
    texts.forEach((text, row) => {
      valueOffsets[row + 1] = valueOffsets[row] + text.length;
    });
    const data = new Int32Array(valueOffsets[length]);
    texts.forEach((text, row) => {
      data.set(text, valueOffsets[row]);
    });
    const child = arrow.makeData({ type: item.type, length: data.length, nullCount: 0, data });
    return arrow.makeData({ type, length, nullCount: 0, valueOffsets, child });
  });
}

async function writeFiles(folder, name, type, { files, rows, perBatch }, column) {
  mkdirSync(folder, { recursive: true });
  const fields = [new arrow.Field('id', new arrow.Int32(), false), new arrow.Field(name, type, false)];
  const schema = new arrow.Schema(fields);
  for (let file = 0; file < files; file++) {
    const writer = new arrow.RecordBatchFileWriter({ autoDestroy: true });
    const path = join(folder, `${String(file).padStart(4, '0')}.arrow`);
    const written = pipeline(writer.toNodeStream(), createWriteStream(path));
    for (let row = 0; row < rows; row += perBatch) {
      const first = file * rows + row;
      const length = Math.min(perBatch, rows - row);
      const ids = Int32Array.from({ length }, (_, i) => first + i);
      const children = [
        arrow.makeData({ type: new arrow.Int32(), length, nullCount: 0, data: ids }),
        column(first, length),
      ];
      const data = arrow.makeData({ type: new arrow.Struct(fields), length, nullCount: 0, children });
      writer.write(new arrow.RecordBatch(schema, data));
    }
    writer.finish();
    await written;
  }
}

/** A folder with the files of another, over and over under other names: a long run over little data on the disk. */
export function repeatFiles(from, to, copies) {
  mkdirSync(to, { recursive: true });
  const names = readdirSync(from).sort();
  for (let copy = 0; copy < copies; copy++) {
    for (const name of names)
      linkSync(join(from, name), join(to, `${String(copy).padStart(4, '0')}-${name}`));
  }
}
