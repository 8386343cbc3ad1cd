// Images in, tensors out: a transform decodes PNG and JPEG files, which lie in a column as they are, in the producers'
// threads, and the pixels become what an image model takes: float32 [rows, 3, 32, 32], normalised by channel.
//
//   node examples/images/main.ts      (Node 22.18 or later runs TypeScript as it is; sharp must be installed)

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Binary, Table, tableFromIPC, tableToIPC, Uint8, vectorFromArray } from 'apache-arrow';
import { createLoader } from 'penstock';
import sharp from 'sharp';

/** A digit is 28 × 28; the images are made of so many of them. */
const DIGITS = 200;

const directory = await mkdtemp(join(tmpdir(), 'penstock-example-'));
try {
  const file = join(directory, 'images.arrow');
  await writeImages(file);

  const loader = createLoader({
    source: file,
    transform: new URL('transform.mjs', import.meta.url),
    inputs: {
      image: {
        column: 'pixels',
        dtype: 'float32',
        shape: [3, 32, 32],
        // Decoded images are height × width × channels; most models want channels first.
        transpose: [2, 0, 1],
        // ImageNet's, by channel: (value ÷ 255 − mean) ÷ std.
        scale: 1 / 255,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
      },
      label: {},
    },
    batch: { size: 16 },
  });
  const brightness = new Float64Array(10);
  const count = new Float64Array(10);
  let rows = 0;
  let dims: readonly number[] = [];
  for await (const batch of loader) {
    const { image, label } = batch.tensors;
    if (image === undefined || label === undefined) throw new Error('the loader makes both');
    dims = image.dims.slice(1);
    const size = 3 * 32 * 32;
    for (let row = 0; row < batch.rows; row++) {
      const red = (image.data as Float32Array).subarray(row * size, row * size + 32 * 32);
      const digit = Number(label.data[row]);
      brightness[digit] =
        (brightness[digit] ?? 0) + red.reduce((sum, value) => sum + value * 0.229 + 0.485, 0) / red.length;
      count[digit] = (count[digit] ?? 0) + 1;
    }
    rows += batch.rows;
    batch.release();
  }
  const ink = Array.from(brightness, (sum, digit) => `${digit}: ${(sum / (count[digit] ?? 1)).toFixed(3)}`);
  console.log(`${rows} images as [${dims.join(', ')}]; mean red by digit: ${ink.join(', ')}`);
} finally {
  await rm(directory, { recursive: true });
}

/** Columns image binary and label uint8, 25 rows a record batch: handwritten digits, every other one a JPEG. */
async function writeImages(path: string): Promise<void> {
  const digits = tableFromIPC(await readFile(new URL('../digits/digits.arrow', import.meta.url)));
  const parts: Table[] = [];
  for (let first = 0; first < DIGITS; first += 25) {
    const rows = Array.from({ length: 25 }, (_, i) => digits.get(first + i));
    const images: Uint8Array[] = [];
    for (const [i, row] of rows.entries()) {
      const pixels = Uint8Array.from(row?.pixels as Iterable<number>);
      const image = sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } });
      images.push(await (i % 2 === 0 ? image.png() : image.jpeg({ quality: 95 })).toBuffer());
    }
    const labels = rows.map((row) => row?.label as number);
    parts.push(
      new Table({
        image: vectorFromArray(images, new Binary()),
        label: vectorFromArray(labels, new Uint8()),
      }),
    );
  }
  await writeFile(path, tableToIPC(new Table(parts.flatMap(({ batches }) => batches)), 'file'));
}
