// Adds a day's data: 500 handwritten digits in two files.
//
//   node make-day.mjs 2026-11-27
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Table, tableFromIPC, tableToIPC } from 'apache-arrow';

const [day = new Date().toISOString().slice(0, 10)] = process.argv.slice(2);
const digits = tableFromIPC(readFileSync(new URL('../digits/digits.arrow', import.meta.url)));
const folder = new URL(`days/${day}/`, import.meta.url);
mkdirSync(folder, { recursive: true });
// Another day, other digits: two of the eight record batches.
const first = (Number(day.replaceAll('-', '')) * 2) % digits.batches.length;
for (const [i, batch] of digits.batches.slice(first, first + 2).entries()) {
  writeFileSync(new URL(`part-${i}.arrow`, folder), tableToIPC(new Table([batch]), 'file'));
}
console.log(`days/${day}: two files`);
