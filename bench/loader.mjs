// How near does a loader come to plain reads of the same file, which only fill buffers?
import { closeSync, openSync, readSync } from 'node:fs';
import { inTemporaryFolder, writeVectors } from './support/arrow-file.mjs';
import { pass } from './support/pass.mjs';
import { ratios } from './support/stats.mjs';

const REPEATS = 5;
const WIDTH = 256;
const FILE = { dtype: 'float32', width: WIDTH, rows: 200_000, recordBatchRows: 4096, copies: 16 };
const ROW_BYTES = WIDTH * 4;

const CASES = [
  { producers: 1, size: 64, bar: { least: 0.8 } },
  { producers: 2, size: 64, bar: { least: 1.3 } },
  { producers: 1, size: 512, bar: { least: 0.8 } },
  { producers: 2, size: 512, bar: { least: 1.3 } },
];

/** Reads go round 64 MiB of buffers, so that what was read is not at once overwritten in the cache. */
const BUFFERS = Array.from({ length: 64 }, () => Buffer.alloc(2 ** 20));

/** Reads the files from start to end with one thread; GB/s. */
function readPlainly(paths) {
  let bytes = 0;
  let next = 0;
  const startedAt = performance.now();
  for (const path of paths) {
    const file = openSync(path);
    for (;;) {
      const read = readSync(file, BUFFERS[next]);
      if (read === 0) break;
      bytes += read;
      next = (next + 1) % BUFFERS.length;
    }
    closeSync(file);
  }
  return bytes / (performance.now() - startedAt) / 1e6;
}

export async function measure() {
  return inTemporaryFolder(async (folder) => {
    const paths = await writeVectors(folder, FILE);
    const plain = [];
    const results = CASES.map(() => []);
    readPlainly(paths);
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      plain.push(readPlainly(paths));
      for (const [i, { producers, size }] of CASES.entries()) {
        results[i].push(await pass({ source: folder, producers, batch: { size } }));
      }
    }
    const speed = (i) => results[i].map(({ rowsPerSecond }) => (rowsPerSecond * ROW_BYTES) / 1e9);
    return [
      ...CASES.flatMap(({ producers, size, bar }, i) => {
        const said = `${producers} producer${producers > 1 ? 's' : ''}, batches of ${size}`;
        return [
          { what: `loader only ÷ plain reads, ${said}`, bar, unit: '×', values: ratios(speed(i), plain) },
          { what: `  loader only, ${said}`, unit: 'GB/s', values: speed(i) },
        ];
      }),
      { what: '  plain reads', unit: 'GB/s', values: plain },
      {
        what: 'first batch after createLoader',
        unit: 'ms',
        values: results[0].map(({ firstBatch }) => firstBatch),
      },
    ];
  });
}
