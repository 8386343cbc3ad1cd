// Makes a folder of images to try it with: handwritten digits as PNG and JPEG files, called by what they show, and one file
// that is no image at all.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tableFromIPC } from 'apache-arrow';
import sharp from 'sharp';

const COUNT = 200;

const digits = tableFromIPC(readFileSync(new URL('../digits/digits.arrow', import.meta.url)));
const folder = new URL('images/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (let i = 0; i < COUNT; i++) {
  const { id, label, pixels } = digits.get(i);
  const image = sharp(Uint8Array.from(pixels), { raw: { width: 28, height: 28, channels: 1 } });
  const isPng = i % 2 === 0;
  const bytes = await (isPng ? image.png() : image.jpeg({ quality: 95 })).toBuffer();
  writeFileSync(
    new URL(`${String(id).padStart(4, '0')}-is-${label}.${isPng ? 'png' : 'jpg'}`, folder),
    bytes,
  );
}
writeFileSync(new URL('broken.png', folder), 'this is no image');
console.log(`images: ${COUNT} digits, and one broken file`);
