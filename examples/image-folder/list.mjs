// Writes files/, a list of the images of a folder and of those below it, as small Arrow files.
//
//   node list.mjs FOLDER
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Table, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow';

/** Images of a file. Each file is a split, which one producer works on: so there are some for all of them. */
const ROWS = 50;

const folder = resolve(process.argv[2] ?? 'images');
const paths = readdirSync(folder, { recursive: true })
  .filter((name) => /\.(png|jpe?g|webp)$/i.test(name))
  .sort()
  .map((name) => join(folder, name));

const list = new URL('files/', import.meta.url);
rmSync(list, { recursive: true, force: true });
mkdirSync(list);
for (let first = 0; first < paths.length; first += ROWS) {
  const path = vectorFromArray(paths.slice(first, first + ROWS), new Utf8());
  const name = `${String(first / ROWS).padStart(5, '0')}.arrow`;
  writeFileSync(new URL(name, list), tableToIPC(new Table({ path }), 'file'));
}
console.log(`files/: ${paths.length} images of ${folder}`);
