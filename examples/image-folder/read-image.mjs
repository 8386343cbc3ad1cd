// Opens, decodes and resizes the file that a row names; runs in the producers' threads, one file at a time in each.
import sharp from 'sharp';

const SIZE = 28;

export const columns = ['path'];

/** Parallelism comes from the producers. */
export function setup() {
  sharp.concurrency(1);
  sharp.cache(false);
}

/**
 * @param {import('apache-arrow').RecordBatch} batch
 * @returns {Promise<import('penstock').Columns>}
 */
export default async function read(batch) {
  const pixels = [];
  for (const path of batch.getChild('path')) {
    pixels.push(await sharp(path).greyscale().resize(SIZE, SIZE, { fit: 'fill' }).raw().toBuffer());
  }
  return { pixels };
}
