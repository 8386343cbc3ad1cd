// How long does the main thread's event loop have to wait while a loader runs at full speed?
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { inTemporaryFolder, writeVectors } from './support/arrow-file.mjs';
import { pass, touch } from './support/pass.mjs';

const REPEATS = 7;
const FILE = { dtype: 'float32', width: 256, rows: 200_000, recordBatchRows: 4096, copies: 1 };

/** A program that does something with each batch, without giving the event loop a turn of its own accord. */
function sum(batch) {
  const { data } = batch.tensors.x;
  let total = 0;
  for (let i = 0; i < data.length; i++) total += data[i];
  return total;
}

const CASES = [
  { said: 'batches released at once', producers: 'auto', work: touch },
  { said: 'batches summed up', producers: 'auto', work: sum },
  { said: 'two producers, batches summed up', producers: 2, work: sum },
];

/** Milliseconds between two turns of the event loop, from before the loader is made until its threads are gone. */
async function delays(source, { producers, work }) {
  // The histogram is of the intervals of a timer of 1 ms, which are included: an idle loop shows 1.1 ms.
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await pass({ source, producers, batch: { size: 64 } }, work, 0);
  // Gives a turn that is overdue the time to be counted.
  await new Promise((resolve) => setTimeout(resolve, 5));
  histogram.disable();
  return { p99: histogram.percentile(99) / 1e6, most: histogram.max / 1e6 };
}

export async function measure() {
  return inTemporaryFolder(async (folder) => {
    const [source] = await writeVectors(folder, FILE);
    const results = CASES.map(() => []);
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      for (const [i, kind] of CASES.entries()) results[i].push(await delays(source, kind));
    }
    return CASES.flatMap(({ said }, i) => [
      {
        what: `event loop's delay, ${said}, p99`,
        bar: { most: 20 },
        unit: 'ms',
        values: results[i].map(({ p99 }) => p99),
      },
      { what: `  ${said}, the longest`, unit: 'ms', values: results[i].map(({ most }) => most) },
    ]);
  });
}
