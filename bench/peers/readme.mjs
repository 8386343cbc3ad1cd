// What of the comparison do strangers see first? `node bench/peers/readme.mjs results.json` puts its table into README.md
import { readFileSync, writeFileSync } from 'node:fs';
import { median } from '../support/stats.mjs';
import { markdown, short } from './support/tables.mjs';

/** One row for each way to do it. */
const ROWS = [
  ['penstock-1', 'Penstock, 1 producer', 'threads over one ring in shared memory, ahead'],
  ['node', 'plain Node loop', 'one thing after another'],
  ['numpy', 'loop over numpy', 'copies out of a memory map, one thing after another'],
  ['pytorch-0', 'PyTorch DataLoader, 0 workers', 'views of a memory map, one thing after another'],
  ['pytorch-2', 'PyTorch DataLoader, 2 workers', 'processes, ahead'],
  ['hf-arrow', 'Hugging Face datasets', 'views of a memory map, one thing after another'],
  ['tf-map', 'tf.data', 'threads, ahead'],
  ['ray', 'Ray Data', 'processes, ahead'],
  ['mosaic-0', 'MosaicML Streaming', 'samples of its own format'],
];

/** A row of the vectors that loaders are measured with: float32[256]. */
const ROW_BYTES = 1024;

const COLUMNS = [
  ...[64, 512].map((size) => ({
    head: size === 64 ? 'loader, GB/s: batches of 64' : `of ${size}`,
    of: `arrow ${size}`,
    value: ({ copy }) => (copy.rowsPerSecond * ROW_BYTES) / 1e9,
  })),
  ...[64, 512].map((size) => ({
    head: size === 64 ? 'device busy, %: of 64' : `of ${size}`,
    of: `arrow ${size}`,
    value: ({ work }) => work.busy * 100,
  })),
  ...[64, 512].map((size) => ({
    head: size === 64 ? 'end to end, thousand rows/s: of 64' : `of ${size}`,
    of: `light, arrow ${size}, 1 thread`,
    value: ({ rows, seconds }) => rows / seconds / 1000,
  })),
];

/** The table, of what `main.mjs --json` has written. */
export function tableFor({ measured }) {
  const lines = ROWS.map(([id, name, how]) => {
    const cells = COLUMNS.map(({ of, value }) => {
      const values = (measured[`${id}/${of}`] ?? []).map(value);
      return values.length === 0 ? '' : short(median(values));
    });
    return [name, how, ...cells];
  });
  return markdown([['', 'how it loads', ...COLUMNS.map(({ head }) => head)], ...lines]);
}

const BEGIN = '<!-- peers: ';
const END = '<!-- /peers -->';

/** A page with another table between the two comments. */
export function withTable(page, table) {
  const begin = page.indexOf('\n', page.indexOf(BEGIN)) + 1;
  const end = page.indexOf(END);
  if (page.indexOf(BEGIN) < 0 || end < begin) throw new Error(`no ${BEGIN}… --> and ${END} around a table`);
  return `${page.slice(0, begin)}\n${table}\n\n${page.slice(end)}`;
}

if (process.argv[1] === import.meta.filename) {
  const [file] = process.argv.slice(2);
  if (file === undefined) {
    console.error('usage: node bench/peers/readme.mjs results.json');
    process.exit(2);
  }
  const page = new URL('../../README.md', import.meta.url);
  const table = tableFor(JSON.parse(readFileSync(file, 'utf8')));
  writeFileSync(page, withTable(readFileSync(page, 'utf8'), table));
}
