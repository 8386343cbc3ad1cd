// Does the simulated device take the time that it is told to take, and how much of the processor's?
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { load } from '../dist/session/simulated.js';

/*
 * Alone, and while another thread computes without a pause, which is one of another process: so the processor's time of
 * this one is the device's.
 */
const SERVICE_MS = [0.2, 0.5, 1, 5, 20, 100];
const REPEATS = 5;
const REPEAT_MS = 600;
const LEAST_BATCHES = 8;
const ROWS = 64;

async function device(ms) {
  const options = { batchMicros: ms * 500, rowMicros: (ms * 500) / ROWS };
  const session = await load({ runtime: 'simulated', options, inputs: [] });
  const data = new Float32Array(new SharedArrayBuffer(4 * ROWS));
  const sums = new Float64Array(new SharedArrayBuffer(8 * ROWS));
  const inputs = [{ name: 'x', dtype: 'float32', dims: [ROWS, 1], data }];
  const outputs = [{ name: 'checksum', dtype: 'float64', dims: [ROWS], data: sums }];
  return () => session.run(inputs, outputs);
}

/** Mean time of a batch, as a share of what it should be; the processor's microseconds for each. */
async function serve(run, ms) {
  const batches = Math.max(LEAST_BATCHES, Math.ceil(REPEAT_MS / ms));
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < batches; i++) await run();
  const mean = (performance.now() - start) / batches;
  const { user, system } = process.cpuUsage(cpu);
  return { share: mean / ms, micros: (user + system) / batches };
}

async function series(run, ms) {
  await serve(run, ms);
  const results = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) results.push(await serve(run, ms));
  return results;
}

async function besideAnother(action) {
  const script = 'console.log("busy"); for (;;);';
  const other = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(other.stdout, 'data');
    return await action();
  } finally {
    other.kill('SIGKILL');
  }
}

export async function measure() {
  const rows = [];
  for (const [when, around] of [
    ['alone', (action) => action()],
    ['beside a busy thread', besideAnother],
  ]) {
    for (const ms of SERVICE_MS) {
      const run = await device(ms);
      const results = await around(() => series(run, ms));
      rows.push(
        {
          what: `simulated batch of ${ms} ms ÷ ${ms} ms, ${when}`,
          bar: { least: 0.95, most: 1.05 },
          unit: '×',
          values: results.map(({ share }) => share),
        },
        { what: '  of the processor', unit: 'µs a batch', values: results.map(({ micros }) => micros) },
      );
    }
  }
  return rows;
}
