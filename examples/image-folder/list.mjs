// Writes files.arrow: a row for each image of a folder, and of those below it.
//
//   node list.mjs FOLDER
import { readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Table, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow';

/** A record batch is a split: the unit of resume and of output. */
const ROWS = 50;

const folder = resolve(process.argv[2] ?? 'images');
const paths = readdirSync(folder, { recursive: true })
  .filter((name) => /\.(png|jpe?g|webp)$/i.test(name))
  .sort()
  .map((name) => join(folder, name));

const tables = [];
for (let first = 0; first < paths.length; first += ROWS) {
  tables.push(new Table({ path: vectorFromArray(paths.slice(first, first + ROWS), new Utf8()) }));
}
const all = new Table(tables.flatMap(({ batches }) => batches));
writeFileSync(new URL('files.arrow', import.meta.url), tableToIPC(all, 'file'));
console.log(`files.arrow: ${paths.length} images of ${folder}`);
