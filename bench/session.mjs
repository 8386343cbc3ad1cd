// What does Penstock's session add to onnxruntime-node's own `run`?
import * as ort from 'onnxruntime-node';
import { loadSession } from '../dist/session/load.js';
import { median } from './support/stats.mjs';

/*
 * The digits model, on as many rows as take 1, 5 and 20 ms. The session's views lie in eight slots of shared memory, one
 * after another, as a consumer has them: where onnxruntime-node refuses shared memory (Node 20) they are copied to private
 * memory and back, and that is in its time. What it is compared with runs over and over on the same tensor, and gives its
 * output a new one each time, as programs do. The two take turns, in one process. What is counted is the processor's time:
 * neither waits for anything, and by the clock whatever else runs on the machine would drown the difference.
 */
const MODEL = new URL('../native-models/digits/digits.onnx', import.meta.url).pathname;
const TARGETS_MS = [1, 5, 20];
const SLOTS = 8;
const REPEATS = 9;
const REPEAT_MS = 1200;
const LEAST_RUNS = 12;
const ROW = { image: [1, 28, 28], logits: [10] };

const sizeOf = (dims) => dims.reduce((size, dim) => size * dim, 1);

function view(name, rows, Memory) {
  const dims = [rows, ...ROW[name]];
  const data = new Float32Array(new Memory(sizeOf(dims) * 4));
  if (name === 'image') for (let i = 0; i < data.length; i++) data[i] = (i % 256) / 255;
  return { name, dtype: 'float32', dims, data };
}

async function sessions() {
  const spec = {
    runtime: 'onnx',
    uri: MODEL,
    providers: ['cpu'],
    options: {},
    intraOpNumThreads: 1,
    inputs: [],
  };
  const penstock = await loadSession({ ...spec, deviceId: 0 });
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: 'all' };
  return { penstock, bare: await ort.InferenceSession.create(MODEL, options) };
}

/** A run of each, of so many rows. */
function works({ penstock, bare }, rows) {
  const slots = Array.from({ length: SLOTS }, () => ({
    inputs: [view('image', rows, SharedArrayBuffer)],
    outputs: [view('logits', rows, SharedArrayBuffer)],
  }));
  const { data, dims } = view('image', rows, ArrayBuffer);
  const image = new ort.Tensor('float32', data, dims);
  let turn = 0;
  return {
    async penstock() {
      const { inputs, outputs } = slots[turn++ % SLOTS];
      await penstock.run(inputs, outputs);
    },
    async bare() {
      await bare.run({ image });
    },
  };
}

/** Milliseconds of the processor. */
async function timed(work) {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Rows that take about so many milliseconds. */
async function rowsFor(loaded, ms) {
  const rows = 32;
  const { bare } = works(loaded, rows);
  const times = [];
  for (let i = 0; i < 50; i++) times.push(await timed(bare));
  return Math.round((rows * ms) / median(times));
}

async function compare(loaded, ms) {
  const rows = await rowsFor(loaded, ms);
  const { penstock, bare } = works(loaded, rows);
  for (let i = 0; i < 2 * SLOTS; i++) await penstock();
  const overheads = [];
  const runs = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const times = { penstock: [], bare: [] };
    const until = performance.now() + REPEAT_MS;
    while (performance.now() < until || times.bare.length < LEAST_RUNS) {
      times.penstock.push(await timed(penstock));
      times.bare.push(await timed(bare));
    }
    const [ours, theirs] = [median(times.penstock), median(times.bare)];
    runs.push(theirs);
    overheads.push(100 * (ours / theirs - 1));
  }
  return { rows, runs, overheads };
}

export async function measure() {
  const loaded = await sessions();
  const rows = [];
  for (const ms of TARGETS_MS) {
    const { rows: count, runs, overheads } = await compare(loaded, ms);
    const bar = ms >= 5 ? { bar: { most: 3 } } : {};
    rows.push(
      {
        what: `session over a bare run of about ${ms} ms (${count} digits)`,
        ...bar,
        unit: '%',
        values: overheads,
      },
      { what: '  the bare run', unit: 'ms', values: runs },
    );
  }
  await loaded.penstock.close();
  await loaded.bare.release();
  return rows;
}
