// What do batches bring that are made of requests which come at the same time, against one request and one run at a time?
import { now } from '../dist/clock/now.js';
import { parseServeConfig } from '../dist/serve/config.js';
import { createEngine } from '../dist/serve/engine.js';
import { loadSession } from '../dist/session/load.js';
import { median, ratios } from './support/stats.mjs';

const REPEATS = 7;
const SECONDS = 1;
/** Two full batches: one runs while the next one fills. */
const CLIENTS = 128;
const WIDTH = 16;
const DEVICE = { batchMicros: 2000, rowMicros: 50 };
const INSTANT = { batchMicros: 0, rowMicros: 0 };

const data = new Float32Array(WIDTH).fill(1);
const request = () => ({
  endpoint: 'model',
  inputs: [{ name: 'x', dtype: 'float32', shape: [1, WIDTH], data }],
  arrivedAt: now(),
});

/** Requests a second of so many clients, each of which sends one as soon as it has the answer to the one before. */
async function rate(clients, infer) {
  const end = performance.now() + SECONDS * 1000;
  let answered = 0;
  const client = async () => {
    while (performance.now() < end) {
      await infer();
      answered++;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return answered / SECONDS;
}

function serving(options) {
  return createEngine(
    parseServeConfig({
      models: {
        model: {
          model: { runtime: 'simulated', options },
          inputs: { x: { shape: [WIDTH] } },
          batch: { size: 64 },
        },
      },
    }),
  );
}

/** The device by itself, as a loop has it that runs each request when it comes. */
async function alone(options) {
  const inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', WIDTH] }];
  const spec = {
    runtime: 'simulated',
    providers: ['cpu'],
    options,
    deviceId: 0,
    intraOpNumThreads: 1,
    inputs,
  };
  const session = await loadSession(spec);
  const given = [{ name: 'x', dtype: 'float32', dims: [1, WIDTH], data }];
  const wanted = [{ name: 'checksum', dtype: 'float64', dims: [1], data: new Float64Array(1) }];
  return () => session.run(given, wanted);
}

/** How long a single request takes beside its run, with nothing else to do. */
async function overhead(engine, requests) {
  const micros = [];
  for (let i = 0; i < requests; i++) {
    const startedAt = now();
    const { times } = await engine.infer(request());
    micros.push(now() - startedAt - times.compute);
  }
  return median(micros);
}

export async function measure() {
  const run = await alone(DEVICE);
  const engine = await serving(DEVICE);
  const instant = await serving(INSTANT);
  const [one, batched, most, beside] = [[], [], [], []];
  try {
    await rate(CLIENTS, () => instant.infer(request()));
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      one.push(await rate(1, run));
      batched.push(await rate(CLIENTS, () => engine.infer(request())));
      most.push(await rate(CLIENTS, () => instant.infer(request())));
      beside.push(await overhead(instant, 500));
    }
  } finally {
    await engine[Symbol.asyncDispose]();
    await instant[Symbol.asyncDispose]();
  }
  const device = 'simulated device of 2 ms a batch and 50 µs a row';
  return [
    {
      what: `requests in batches ÷ one at a time, ${device}`,
      bar: { least: 10 },
      unit: '×',
      values: ratios(batched, one),
    },
    { what: '  in batches', unit: 'requests/s', values: batched },
    { what: '  one at a time', unit: 'requests/s', values: one },
    { what: 'requests through the engine, device of no time', unit: 'requests/s', values: most },
    { what: '  a single one, beside its run', unit: 'µs', values: beside },
  ];
}
