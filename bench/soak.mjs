// Do memory and handles stay flat over thousands of jobs, and millions of batches, in one process?
// `npm run soak -- --minutes N`: half of the time for jobs in a row, half for one loader. Exit code 1 where they don't.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createLoader, runJob } from '../dist/index.js';
import { optionsOf } from '../scripts/options.mjs';
import { inTemporaryFolder, writeVectors } from './support/arrow-file.mjs';
import { growth } from './support/stats.mjs';

/** Of the level that a figure has when it is first looked at. */
const MOST_GROWTH = 0.05;
const SAMPLES = 200;
/** What comes before is not counted: caches fill, code is compiled, the heap finds its size. */
const WARM_UP = 0.3;

/** What is looked at, each with its unit; files and threads as Linux counts them. */
const FIGURES = [
  ['resident memory', 'MB', () => process.memoryUsage.rss() / 1e6],
  ['heap in use', 'MB', () => process.memoryUsage().heapUsed / 1e6],
  ['outside the heap', 'MB', () => process.memoryUsage().external / 1e6],
  ['handles', '', () => process.getActiveResourcesInfo().length],
  ['open files', '', () => readdirSync('/proc/self/fd').length],
  ['threads', '', () => readdirSync('/proc/self/task').length],
];

/** Calls `step` until the time is up; the figures over what it counts, `count` by `count`. */
async function watched(what, minutes, step) {
  const samples = [];
  const startedAt = performance.now();
  const end = startedAt + minutes * 60_000;
  const every = (end - startedAt) / SAMPLES;
  let count = 0;
  let next = startedAt;
  while (performance.now() < end) {
    count += await step();
    if (performance.now() < next) continue;
    next = performance.now() + every;
    global.gc();
    samples.push([count, ...FIGURES.map(([, , read]) => read())]);
    if (process.stderr.isTTY) process.stderr.write(`\r${what}: ${count.toLocaleString('en')}   `);
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
  return { what, count, samples: samples.slice(Math.floor(samples.length * WARM_UP)) };
}

/** A line a figure; whether all stay flat. */
function tell({ what, count, samples }, per) {
  console.log(`\n${count.toLocaleString('en')} ${what}, ${samples.length} samples after warming up`);
  let isFlat = true;
  FIGURES.forEach(([name, unit], figure) => {
    const points = samples.map((sample) => [sample[0], sample[figure + 1]]);
    const { slope, from, to } = growth(points);
    const share = (to - from) / Math.max(1, from);
    const flat = share <= MOST_GROWTH;
    isFlat &&= flat;
    const [level, end, rise] = [from, to, slope * per].map((value) => value.toFixed(unit === '' ? 1 : 2));
    console.log(
      `  ${name.padEnd(17)} ${level} → ${end} ${unit}, ${rise} ${unit} per ${per.toLocaleString('en')} ` +
        `(${(share * 100).toFixed(1)} %): ${flat ? 'flat' : 'GROWS'}`,
    );
  });
  return isFlat;
}

/** Whole jobs, with outputs: the model's threads, the producers' and the sink's start and end with each. */
async function jobs(folder, minutes) {
  const source = join(folder, 'jobs');
  mkdirSync(source);
  await writeVectors(source, { dtype: 'float32', width: 16, rows: 512, recordBatchRows: 64, copies: 2 });
  const job = {
    source: { uri: source },
    model: { runtime: 'simulated' },
    inputs: { x: { shape: [16] } },
    sink: { uri: join(folder, 'out') },
  };
  return watched('jobs', minutes, async () => {
    const { rows } = await runJob(job, { overwrite: true });
    if (rows.written !== 1024) throw new Error(`${rows.written} of 1024 rows were written`);
    return 1;
  });
}

/** Small batches, as many as there can be; opened anew when all files are read. */
async function batches(folder, minutes) {
  const source = join(folder, 'batches');
  mkdirSync(source);
  await writeVectors(source, {
    dtype: 'float32',
    width: 16,
    rows: 64_000,
    recordBatchRows: 4096,
    copies: 500,
  });
  const options = { source: { uri: source }, inputs: { x: { shape: [16] } }, batch: { size: 16 } };
  let loader = createLoader(options)[Symbol.asyncIterator]();
  const seen = await watched('batches', minutes, async () => {
    for (let taken = 0; taken < 1000; taken++) {
      const { value: batch, done } = await loader.next();
      if (done) {
        loader = createLoader(options)[Symbol.asyncIterator]();
        return taken;
      }
      batch.release();
    }
    return 1000;
  });
  await loader.return();
  return seen;
}

const { values } = optionsOf({ options: { minutes: { type: 'string', default: '10' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error(`--minutes ${values.minutes}: expected a number above 0`);
  process.exit(2);
}
await inTemporaryFolder(async (folder) => {
  const ofJobs = tell(await jobs(folder, minutes / 2), 1000);
  rmSync(join(folder, 'out'), { recursive: true });
  const ofBatches = tell(await batches(folder, minutes / 2), 1_000_000);
  process.exitCode = ofJobs && ofBatches ? 0 : 1;
});
