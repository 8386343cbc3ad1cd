// PNG, JPEG, WebP and what else sharp reads, decoded and resized in the producers' threads: uint8 [SIZE, SIZE, 3] a row.

import sharp from 'sharp';

const SIZE = 32;

export const columns = ['image'];

/** Parallelism comes from the producers: one image at a time in each. */
export function setup() {
  sharp.concurrency(1);
  sharp.cache(false);
}

/**
 * @param {import('apache-arrow').RecordBatch} batch
 * @returns {Promise<import('penstock').Columns>}
 */
export default async function decode(batch) {
  const pixels = [];
  for (const bytes of batch.getChild('image')) {
    const image = sharp(bytes)
      .resize(SIZE, SIZE, { fit: 'fill', kernel: 'linear' })
      .flatten()
      .toColourspace('srgb');
    pixels.push(await image.removeAlpha().raw().toBuffer());
  }
  return { pixels };
}
