// Does `auto` come as far as the best of a sweep by hand? Over jobs that are bound by storage, preparation, device and sink.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as arrow from 'apache-arrow';
import { inTemporaryFolder, vectors, writeVectors } from './support/arrow-file.mjs';
import { withObjects } from './support/objects.mjs';

const REPEATS = 3;
const LATENCY_MS = 60;
const WIDTH = 16;
const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** A whole job in a process of its own; rows a second from its first batch to its last. */
const SCRIPT = `
  const { runJob } = await import(process.argv[1]);
  const report = await runJob(JSON.parse(process.argv[2]));
  const { batches, seconds, startupSeconds, drainSeconds } = report;
  const rows = batches.count * batches.meanRows;
  console.log(JSON.stringify({ rate: rows / (seconds - startupSeconds - drainSeconds), chosen: report.chosen }));`;

function rateOf(job, env = {}) {
  const library = new URL('../dist/index.js', import.meta.url).href;
  const args = ['--input-type=module', '-e', SCRIPT, library, JSON.stringify(job)];
  const options = { encoding: 'utf8', env: { ...process.env, ...env }, maxBuffer: 1e8 };
  const { stdout, stderr } = spawnSync(process.execPath, args, options);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

const simulated = (batchMicros, rowMicros = 0) => ({
  runtime: 'simulated',
  options: { batchMicros, rowMicros },
});
const jobOf = (source, model, changes) => ({
  source,
  model,
  inputs: { x: { shape: [WIDTH] } },
  sink: { format: 'none' },
  ...changes,
});

/** The four jobs: what they are, what a sweep tries, and what `auto` is there. */
function jobs(folder, remote) {
  const files = { uri: join(folder, 'files') };
  // Fewer are far behind here, and would take long.
  const producers = [4, 8, 16].map((count) => ({ producers: count }));
  return [
    {
      name: 'storage',
      job: jobOf(remote, simulated(1000)),
      sweep: producers,
      auto: { producers: 'auto', ring: { slots: 'auto' } },
    },
    {
      name: 'preparation',
      job: jobOf(files, simulated(1000), { transform: at('support/wait.mjs') }),
      sweep: producers,
      auto: { producers: 'auto', ring: { slots: 'auto' } },
    },
    {
      name: 'device',
      job: jobOf(files, simulated(2000, 30), { producers: 2 }),
      sweep: [64, 256, 1024].map((size) => ({ batch: { size } })),
      auto: { batch: { size: 'auto' }, producers: 'auto', ring: { slots: 'auto' } },
    },
    {
      name: 'sink',
      job: jobOf(files, simulated(1000), { sink: { uri: join(folder, 'out') } }),
      env: {
        NODE_OPTIONS: `--import ${new URL('../test/stalls/slow-disk.mjs', import.meta.url)}`,
        SLOW_DISK_MS: '25',
      },
      sweep: [1, 2, 4].flatMap((count) => [8, 32].map((slots) => ({ producers: count, ring: { slots } }))),
      auto: { producers: 'auto', ring: { slots: 'auto' } },
    },
  ];
}

export async function measure() {
  return inTemporaryFolder(async (folder) => {
    mkdirSync(join(folder, 'files'));
    await writeVectors(join(folder, 'files'), {
      dtype: 'float32',
      width: WIDTH,
      rows: 64 * 16,
      recordBatchRows: 64,
      copies: 600,
    });
    const bytes = arrow.tableToIPC(new arrow.Table([vectors('float32', WIDTH, 64)]), 'file');
    return withObjects({ bytes, objects: 8000, latencyMs: LATENCY_MS }, ({ source }) =>
      compare(folder, source),
    );
  });
}

async function compare(folder, remote) {
  const rows = [];
  for (const { name, job, sweep, auto, env } of jobs(folder, remote)) {
    const run = (changes) => {
      rmSync(join(folder, 'out'), { recursive: true, force: true });
      return rateOf({ ...job, ...changes }, env);
    };
    const best = [];
    const own = [];
    let chosen;
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      best.push(Math.max(...sweep.map((changes) => run(changes).rate)));
      const tuned = run(auto);
      own.push(tuned.rate);
      chosen = tuned.chosen;
    }
    rows.push({
      what: `auto ÷ the best of a sweep, bound by ${name} (${chosen.map(({ key, value }) => `${key} ${value}`).join(', ')})`,
      bar: { least: 0.95 },
      unit: '×',
      values: own.map((rate, i) => rate / best[i]),
    });
    rows.push({ what: '  the best', unit: 'rows/s', values: best });
  }
  return rows;
}
