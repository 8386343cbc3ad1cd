// Writes corpus.parquet: the paragraphs of the Markdown files of a folder, by default Penstock's own manual.
//
//   node make-data.mjs [FOLDER]
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Int32, Table, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow';
import * as parquet from 'parquet-wasm';

const manual = fileURLToPath(new URL('docs/', import.meta.resolve('penstock/package.json')));
const folder = process.argv[2] ?? manual;

const pages = readdirSync(folder, { recursive: true })
  .filter((name) => name.endsWith('.md'))
  .sort();
const rows = pages.flatMap((page) =>
  paragraphsOf(readFileSync(join(folder, page), 'utf8')).map((text) => ({ page, text })),
);

const table = new Table({
  id: vectorFromArray(
    rows.map((_, i) => i),
    new Int32(),
  ),
  page: vectorFromArray(
    rows.map(({ page }) => page),
    new Utf8(),
  ),
  text: vectorFromArray(
    rows.map(({ text }) => text),
    new Utf8(),
  ),
});
const file = parquet.writeParquet(parquet.Table.fromIPCStream(tableToIPC(table, 'stream')));
writeFileSync(new URL('corpus.parquet', import.meta.url), file);
console.log(`corpus.parquet: ${rows.length} paragraphs of ${pages.length} pages`);

/** What people read: no code, no tables, no headings. */
function paragraphsOf(markdown) {
  return markdown
    .replaceAll(/```.*?```/gs, '')
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replaceAll(/\s+/g, ' ').trim())
    .filter((paragraph) => paragraph.length > 60 && !/^([#|<!]|\*[^*]|- \[)/.test(paragraph));
}
