// Does the whole pipeline do what its slowest stage can do alone, and how much more is that than one step after another?
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as arrow from 'apache-arrow';
import { benchJob } from '../dist/index.js';
import { inTemporaryFolder, vectors, writeVectors } from './support/arrow-file.mjs';
import { withObjects } from './support/objects.mjs';

const REPEATS = 3;
const WIDTH = 256;
const BATCH = 64;
/** How much more than the device takes the loader can do, at least. */
const MARGIN = 1.3;
const at = (path) => fileURLToPath(new URL(path, import.meta.url));

const simulated = (batchMicros) => ({ runtime: 'simulated', options: { batchMicros } });
const jobOf = (source, batchMicros, changes) => ({
  source,
  model: simulated(batchMicros),
  inputs: { x: { shape: [WIDTH] } },
  batch: { size: BATCH },
  producers: 1,
  sink: { format: 'none' },
  ...changes,
});

/** What `penstock bench` says of a job, several times. */
async function reportsOf(job) {
  const reports = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) reports.push(await benchJob(job, { quick: true }));
  return reports;
}

/** The pipeline beside its lowest ceiling, which is the device. */
async function fed(what, job) {
  const reports = await reportsOf(job);
  const margins = reports.map(({ ceilings }) => ratio(ceilings.loader, ceilings.device));
  return [
    {
      what: `pipeline ÷ its lowest ceiling, ${what}`,
      bar: { least: 0.97 },
      unit: '×',
      values: reports.map(({ efficiency }) => efficiency),
    },
    {
      what: '  of the time the device is busy',
      bar: { least: 0.97 },
      unit: '×',
      values: reports.map(({ pipeline }) => pipeline.report.devices[0].busy),
    },
    { what: '  loader alone ÷ device alone', bar: { least: MARGIN }, unit: '×', values: margins },
  ];
}

const ratio = (a, b) => a.rowsPerSecond.median / b.rowsPerSecond.median;

export async function measure() {
  return inTemporaryFolder(async (folder) => {
    const files = join(folder, 'files');
    mkdirSync(files);
    await writeVectors(files, {
      dtype: 'float32',
      width: WIDTH,
      rows: 4096,
      recordBatchRows: BATCH,
      copies: 50,
    });
    const bytes = arrow.tableToIPC(new arrow.Table([vectors('float32', WIDTH, BATCH)]), 'file');
    const local = { uri: files };
    const wait = at('support/wait.mjs');
    const loops = await withObjects({ bytes, objects: 400, latencyMs: 10 }, ({ source }) =>
      reportsOf(jobOf(source, 10_000, { transform: at('support/burn.mjs') })),
    );
    const shares = ({ shares: { fetch, prep, run } }) => Math.min(fetch, prep, run);
    return [
      ...(await fed('a batch takes 1 ms', jobOf(local, 1000))),
      ...(await fed(
        'the transform waits 15 ms for a batch that takes 22',
        jobOf(local, 22_000, { transform: wait }),
      )),
      {
        what: 'pipeline ÷ one step after another, where reading, preparing and running take 10 ms each',
        bar: { least: 1.8 },
        unit: '×',
        values: loops.map(({ speedup }) => speedup),
      },
      {
        what: '  the least of the three, as a share of the loop',
        unit: '×',
        values: loops.map(({ pointToPoint }) => shares(pointToPoint)),
      },
    ];
  });
}
