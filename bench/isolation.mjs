// What does a batch cost more whose session lives in a process of its own, and not in the consumer's thread?
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runJob } from '../dist/index.js';
import { loadSession } from '../dist/session/load.js';
import { load as loadIsolated } from '../dist/session/process/session.js';
import { inTemporaryFolder, writeVectors } from './support/arrow-file.mjs';
import { meanModel } from './support/mean-model.mjs';
import { median, ratios } from './support/stats.mjs';

const WIDTH = 256;
const REPEATS = 7;
const BATCHES = [
  { said: '64 KiB', rows: 64, runs: 200 },
  { said: '1 MiB', rows: 1024, runs: 60 },
  { said: '16 MiB', rows: 16384, runs: 12 },
];
const SERVICE_MICROS = 200;

const BLANK = { providers: ['cpu'], options: {}, deviceId: 0, intraOpNumThreads: 1, inputs: [] };
const specs = (folder) => [
  {
    said: `simulated device of ${SERVICE_MICROS / 1000} ms`,
    output: { name: 'checksum', dtype: 'float64', Values: Float64Array },
    spec: {
      ...BLANK,
      runtime: 'simulated',
      options: { batchMicros: SERVICE_MICROS },
      inputs: [{ name: 'x', dtype: 'float32', dims: ['batch', WIDTH] }],
    },
  },
  {
    said: 'ONNX model of one node',
    output: { name: 'y', dtype: 'float32', Values: Float32Array },
    spec: { ...BLANK, runtime: 'onnx', uri: join(folder, 'mean.onnx') },
  },
];

/** Where a session may live, and what its batches travel through. */
const PLACES = {
  thread: (spec) => loadSession(spec),
  memory: (spec) => loadIsolated(spec),
  socket: (spec) => loadIsolated(spec, Promise.resolve(undefined)),
};

/** A batch as it lies in a slot. */
function views(rows, { name, dtype, Values }) {
  const shared = (bytes) => new SharedArrayBuffer(bytes);
  const x = new Float32Array(shared(rows * WIDTH * 4)).fill(1);
  const y = new Values(shared(rows * Values.BYTES_PER_ELEMENT));
  return [
    [{ name: 'x', dtype: 'float32', dims: [rows, WIDTH], data: x }],
    [{ name, dtype, dims: [rows], data: y }],
  ];
}

/** The median of so many calls, in microseconds. */
async function micros(calls, call) {
  const times = [];
  for (let i = 0; i < calls; i++) {
    const startedAt = performance.now();
    await call();
    times.push((performance.now() - startedAt) * 1000);
  }
  return median(times);
}

/** By turns in each place, since a machine's pace changes: the places' times, a list of repeats each. */
async function inTurns(runs, places) {
  const times = Object.fromEntries(Object.keys(places).map((name) => [name, []]));
  for (const call of Object.values(places)) await micros(3, call);
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const [name, call] of Object.entries(places)) times[name].push(await micros(runs, call));
  }
  return times;
}

const differences = (values, baselines) => values.map((value, i) => value - baselines[i]);

async function costOfBatches(folder) {
  const rows = [];
  for (const { said, spec, output } of specs(folder)) {
    const sessions = {};
    for (const [place, load] of Object.entries(PLACES)) sessions[place] = await load(spec);
    for (const { said: size, rows: count, runs } of BATCHES) {
      const [inputs, outputs] = views(count, output);
      const calls = Object.entries(sessions).map(([place, session]) => [
        place,
        () => session.run(inputs, outputs),
      ]);
      const { thread, memory, socket } = await inTurns(runs, Object.fromEntries(calls));
      const what = `${said}, batches of ${size}`;
      rows.push(
        { what: `process − thread, shared memory, ${what}`, unit: 'µs', values: differences(memory, thread) },
        { what: `process − thread, socket, ${what}`, unit: 'µs', values: differences(socket, thread) },
        { what: `  in the thread, ${what}`, unit: 'µs', values: thread },
      );
    }
    for (const session of Object.values(sessions)) await session.close();
  }
  return rows;
}

/** What the socket is compared with: a message with the batch by Node's own channel, and an empty answer. */
async function costOfIpc() {
  const child = fork(new URL('./support/ipc-child.mjs', import.meta.url), { serialization: 'advanced' });
  const rows = [];
  for (const { said, rows: count, runs } of BATCHES) {
    const batch = new Float32Array(count * WIDTH);
    const ask = () => {
      const answered = once(child, 'message');
      child.send(batch);
      return answered;
    };
    const { ipc } = await inTurns(Math.ceil(runs / 4), { ipc: ask });
    rows.push({ what: `a message of ${said} by fork's channel, and back`, unit: 'µs', values: ipc });
  }
  child.disconnect();
  return rows;
}

/** Whole jobs: how long the device takes for a batch, and how many rows there are. */
const JOBS = [
  { serviceMicros: 200, rows: 200_000 },
  { serviceMicros: 2000, rows: 40_000 },
];

/** A job between its first batch and its last; batches a second. */
async function jobRate(source, isolation, { serviceMicros, rows }) {
  const { batches, seconds, startupSeconds, drainSeconds } = await runJob({
    source: { uri: source, limit: rows },
    model: { runtime: 'simulated', isolation, options: { batchMicros: serviceMicros } },
    inputs: { x: { shape: [WIDTH] } },
    sink: { format: 'none' },
  });
  return batches.count / (seconds - startupSeconds - drainSeconds);
}

async function rateOfJobs(folder) {
  const file = { dtype: 'float32', width: WIDTH, rows: 200_000, recordBatchRows: 4096, copies: 1 };
  const [source] = await writeVectors(folder, file);
  const rows = [];
  for (const job of JOBS) {
    const rates = { thread: [], process: [] };
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      for (const place of ['thread', 'process']) rates[place].push(await jobRate(source, place, job));
    }
    const what = `a job, simulated device of ${job.serviceMicros / 1000} ms, batches of 64 KiB`;
    rows.push(
      { what: `process ÷ thread, ${what}`, unit: '×', values: ratios(rates.process, rates.thread) },
      { what: `  in the thread, ${what}`, unit: 'batches/s', values: rates.thread },
    );
  }
  return rows;
}

export async function measure() {
  return inTemporaryFolder(async (folder) => {
    writeFileSync(join(folder, 'mean.onnx'), meanModel(WIDTH));
    return [...(await costOfBatches(folder)), ...(await costOfIpc()), ...(await rateOfJobs(folder))];
  });
}
