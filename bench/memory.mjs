// Does the memory of a job stay the same over a data set that is twenty times as large?
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { inTemporaryFolder, writeVectors } from './support/arrow-file.mjs';
import { ratios } from './support/stats.mjs';

const REPEATS = 5;
const FILE = { dtype: 'float32', width: 256, rows: 100_000, recordBatchRows: 4096 };
const TIMES = 20;

/** A whole job in a process of its own, over a simulated device that takes no time; its peak RSS, MB. */
const SCRIPT = `
  const { runJob } = await import(process.argv[1]);
  const report = await runJob({
    source: { uri: process.argv[2] },
    model: { runtime: 'simulated' },
    inputs: { x: { shape: [256] } },
    producers: 2,
    sink: { format: 'none' },
  });
  console.log(JSON.stringify(report));`;

function peakMegabytes(source, rows) {
  const library = new URL('../dist/index.js', import.meta.url).href;
  const args = ['--input-type=module', '-e', SCRIPT, library, source];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  const report = JSON.parse(stdout);
  if (report.rows.read !== rows) throw new Error(`${report.rows.read} of ${rows} rows were read`);
  return report.memory.peakRssBytes / 1e6;
}

export async function measure() {
  return inTemporaryFolder(async (folder) => {
    const [small, large] = ['small', 'large'].map((name) => join(folder, name));
    for (const [path, copies] of [
      [small, 1],
      [large, TIMES],
    ]) {
      mkdirSync(path);
      await writeVectors(path, { ...FILE, copies });
    }
    const peaks = { small: [], large: [] };
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      peaks.small.push(peakMegabytes(small, FILE.rows));
      peaks.large.push(peakMegabytes(large, FILE.rows * TIMES));
    }
    return [
      {
        what: `peak memory of a job over ${TIMES} × the data ÷ over 1 × (100 MB)`,
        bar: { most: 1.1 },
        unit: '×',
        values: ratios(peaks.large, peaks.small),
      },
      { what: '  over 1 ×', unit: 'MB', values: peaks.small },
      { what: `  over ${TIMES} ×`, unit: 'MB', values: peaks.large },
    ];
  });
}
