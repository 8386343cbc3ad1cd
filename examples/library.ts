// Penstock as a library: a job from a program of yours, instead of by `penstock run`.
//
//   node examples/library.ts          (Node 22.18 or later runs TypeScript as it is)
//
// It runs the job of examples/digits, shows how far it is, stops cleanly on Ctrl-C, and reads the outputs back.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tableFromIPC } from 'apache-arrow';
import { InterruptedError, loadJob, runJob } from 'penstock';

const output = await mkdtemp(join(tmpdir(), 'penstock-example-'));

// Aborting ends all threads of the run; `runJob` then rejects with an InterruptedError.
const controller = new AbortController();
const onInterrupt = () => controller.abort();
process.once('SIGINT', onInterrupt);

try {
  // A job is a plain object once it is loaded; `set` changes keys of the file, as --set does. An object of the same form,
  // made in code, will do as well: runJob({ source: { uri: … }, model: { uri: … }, sink: { uri: … } }).
  const job = await loadJob(fileURLToPath(new URL('digits/job.yaml', import.meta.url)), {
    set: [`sink.uri=${JSON.stringify(output)}`],
  });

  const report = await runJob(job, {
    signal: controller.signal,
    // About twice a second. Shares and rates are those of the time since the call before.
    onProgress: ({ splits, totalSplits, rowsPerSecond, busy }) => {
      const device = `the device is busy ${(busy * 100).toFixed(0)} % of the time`;
      console.error(`${splits}/${totalSplits} splits, ${rowsPerSecond.toFixed(0)} rows/s, ${device}`);
    },
  });
  console.log(
    `${report.rows.written} rows in ${report.seconds.toFixed(2)} s; limited by: ${report.bottleneck}`,
  );
  console.log(`accuracy: ${((await accuracyOf(output)) * 100).toFixed(2)} %`);
} catch (error) {
  if (!(error instanceof InterruptedError)) throw error;
  console.error(error.explain());
} finally {
  process.off('SIGINT', onInterrupt);
  await rm(output, { recursive: true });
}

/** The share of digits whose largest logit is that of their label. Parts are Arrow files, in the order of the input. */
async function accuracyOf(directory: string): Promise<number> {
  let rows = 0;
  let right = 0;
  for (const name of (await readdir(directory)).filter((file) => file.endsWith('.arrow')).sort()) {
    for (const { label, logits } of tableFromIPC(await readFile(join(directory, name)))) {
      const values = Array.from(logits as Iterable<number>);
      if (values.indexOf(Math.max(...values)) === label) right++;
      rows++;
    }
  }
  return right / rows;
}
