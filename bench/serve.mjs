// What do requests get from a server that batches, beside one that does not: throughput, latency, refusals, a job beside them?
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseServeConfig } from '../dist/serve/config.js';
import { deviceRowsPerSecond, measureCapacity } from '../dist/stress/capacity.js';
import { QUANTUM_MS } from '../dist/stress/data/job.js';
import { LoadGenerator } from '../dist/stress/load/generator.js';
import { closedOrder, runScenario } from '../dist/stress/run-scenario.js';
import { scenariosOf } from '../dist/stress/scenarios/scenarios.js';
import { TestedServer } from '../dist/stress/server/server.js';
import { ratios } from './support/stats.mjs';

const REPEATS = 3;
const SECONDS = 5;
const WARM_UP_SECONDS = 1;
const BATCH = 64;
const DEADLINE_MS = 100;
/** A request of one row of 784 floats is 3 KB. */
const WIDTH = 784;
const never = new AbortController().signal;

const configOf = (model, inputs = {}) =>
  parseServeConfig({
    models: {
      model: { model, inputs, batch: { size: BATCH }, endpoints: { online: { deadlineMs: DEADLINE_MS } } },
    },
  });
const simulated = (batchMicros, rowMicros) =>
  configOf({ runtime: 'simulated', options: { batchMicros, rowMicros } }, { image: { shape: [WIDTH] } });
const digits = configOf({
  uri: fileURLToPath(new URL('../native-models/digits/digits.onnx', import.meta.url)),
});

/** Calls `work` with a server in a process of its own. */
async function withServer(config, work) {
  const server = await TestedServer.start('penstock', config);
  try {
    return await work(server);
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

/** What is asked of a server, from its own metadata. */
function subjectOf(config) {
  return withServer(config, async (server) => {
    const request = await server.shapeOf('online');
    return { endpoint: 'online', model: 'model', request, deadlineMs: DEADLINE_MS };
  });
}

/** How long a full batch runs, alone on the device, milliseconds. */
function serviceMs(generator, config, subject) {
  return withServer(config, async (server) => {
    const stream = {
      name: 'full',
      request: subject.request,
      clients: 1,
      rows: BATCH,
      deadlineMs: null,
      seed: 1,
    };
    await generator.play(closedOrder(server.origin, stream, 2));
    const { endpoints } = await server.stats();
    return endpoints[0].computeMicros / 1000;
  });
}

async function capacityOf(kind, generator, config, subject, rows, seconds) {
  return measureCapacity(kind, generator, {
    config,
    subject,
    rows,
    seconds,
    warmUpSeconds: WARM_UP_SECONDS,
    seed: 1,
    signal: never,
  });
}

/** What Penstock does in a scenario: its stream of requests, its device. */
async function outcomeOf(name, generator, config, main, rows, rowsPerSecond, seed) {
  const [scenario] = scenariosOf([name]);
  const context = {
    config,
    main,
    rival: undefined,
    trace: undefined,
    traced: [],
    seconds: SECONDS,
    rows,
    seed,
  };
  const options = {
    main,
    plan: scenario.plan(context),
    config,
    warmUpSeconds: WARM_UP_SECONDS,
    rowsPerSecond,
    seed,
    signal: never,
  };
  const { streams, devices, generator: own } = await runScenario('penstock', generator, options);
  return { stream: streams[0], busy: devices[0].busy, lateMs: own.lateMs.p99 };
}

/** How many requests of one row it answers at most, and what batches bring there. */
async function throughputOf(generator, name, config, leastRatio) {
  const subject = await subjectOf(config);
  const own = [];
  const other = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const of = (kind) => capacityOf(kind, generator, config, subject, 1, SECONDS / 2);
    own.push((await of('penstock')).requestsPerSecond);
    other.push((await of('pointToPoint')).requestsPerSecond);
  }
  return [
    {
      what: `${name}: as many as it can answer ÷ point to point`,
      bar: { least: leastRatio },
      unit: '×',
      values: ratios(own, other),
    },
    { what: '  as many as it can answer', unit: 'requests/s', values: own },
  ];
}

/** All figures of one model under load, once. */
async function measureOnce(generator, config, subject, rows, seed) {
  const own = await capacityOf('penstock', generator, config, subject, rows, SECONDS);
  const main = { ...subject, capacity: own.requestsPerSecond };
  const service = await serviceMs(generator, config, subject);
  const rowsPerSecond = deviceRowsPerSecond(own, BATCH);
  const outcomes = {};
  for (const name of ['steady-30', 'steady-80', 'overload', 'job'])
    outcomes[name] = await outcomeOf(name, generator, config, main, rows, rowsPerSecond, seed);
  const { 'steady-30': alone, 'steady-80': steady, overload, job } = outcomes;
  return {
    requestsPerSecond: own.requestsPerSecond,
    service,
    p99: steady.stream.latencyMs.p99,
    kept: overload.stream.goodputPerSecond / own.requestsPerSecond,
    late: (overload.stream.answered - overload.stream.good) / Math.max(1, overload.stream.answered),
    refusalMs: overload.stream.refusalMs?.p99 ?? 0,
    busy: job.busy,
    beside: job.stream.latencyMs.p99 - alone.stream.latencyMs.p99,
    generatorMs: Math.max(...Object.values(outcomes).map(({ lateMs }) => lateMs)),
  };
}

/**
 * Under load that is told in shares of what it can answer: on a device that is slower than the server and the load generator,
 * which share two cores, can be. Where they are what limits, the figures would be the generator's.
 */
async function loadsOf(generator, name, config, rows) {
  const subject = await subjectOf(config);
  const runs = [];
  for (let repeat = 0; repeat < REPEATS; repeat++)
    runs.push(await measureOnce(generator, config, subject, rows, repeat + 1));
  const of = (value) => runs.map(value);
  return [
    {
      what: `${name}: as many as it can answer`,
      unit: 'requests/s',
      values: of((run) => run.requestsPerSecond),
    },
    {
      what: `${name}: p99 at 80 % ÷ (a full batch + the delay bound, which is 0)`,
      bar: { most: 2.5 },
      unit: '×',
      values: of(({ p99, service }) => p99 / service),
    },
    { what: '  p99 at 80 %', unit: 'ms', values: of(({ p99 }) => p99) },
    { what: '  a full batch runs for', unit: 'ms', values: of(({ service }) => service) },
    {
      what: `${name}: goodput at 200 % ÷ as many as it can answer`,
      bar: { least: 0.9 },
      unit: '×',
      values: of(({ kept }) => kept),
    },
    {
      what: '  of the answers, come after their deadline',
      bar: { most: 0 },
      unit: '×',
      values: of(({ late }) => late),
    },
    { what: '  99 of 100 refusals within', bar: { most: 5 }, unit: 'ms', values: of((run) => run.refusalMs) },
    {
      what: `${name}: device busy with a job beside requests of 30 %`,
      bar: { least: 0.95 },
      unit: '×',
      values: of(({ busy }) => busy),
    },
    {
      what: `  p99 of the requests − their p99 alone, in quanta of the job of ${QUANTUM_MS} ms`,
      bar: { most: 1 },
      unit: '×',
      values: of(({ beside }) => beside / QUANTUM_MS),
    },
    {
      what: '  99 of 100 requests are sent, after they are due, within',
      unit: 'ms',
      values: of(({ generatorMs }) => generatorMs),
    },
  ];
}

/** An HTTP server that reads a request and answers as many bytes as an endpoint does, and nothing else. */
async function bareServer() {
  const bytes = Buffer.alloc(200);
  const server = createServer((request, response) => {
    request.on('data', () => {});
    request.on('end', () => response.writeHead(200, { 'content-length': bytes.length }).end(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () => server.closeAllConnections() ?? server.close(),
  };
}

/** What the endpoint itself costs: on a device that takes no time. */
async function overhead(generator) {
  const config = simulated(0, 0);
  const { request } = await subjectOf(config);
  const client = (clients) => ({ name: 'x', request, clients, rows: 1, deadlineMs: null, seed: 1 });
  const halfOf = ({ closed }) => closed[0].latencyMs.p50;
  const trips = [];
  const bare = [];
  const small = [];
  const plain = await bareServer();
  await withServer(config, async (server) => {
    await generator.play(closedOrder(server.origin, client(32), 2));
    await generator.play(closedOrder(plain.origin, client(32), 1));
    for (let repeat = 0; repeat < 2 * REPEATS; repeat++) {
      trips.push(halfOf(await generator.play(closedOrder(server.origin, client(1), 2))));
      bare.push(halfOf(await generator.play(closedOrder(plain.origin, client(1), 2))));
      const { closed } = await generator.play(closedOrder(server.origin, client(BATCH), 2));
      small.push(closed[0].good / closed[0].seconds);
    }
  });
  plain.close();
  return [
    {
      what: 'a request of 3 KB, on a device that takes no time: p50 beyond that of a bare HTTP server',
      bar: { most: 0.3 },
      unit: 'ms',
      values: trips.map((trip, i) => trip - bare[i]),
    },
    { what: '  there and back, with the client and the network', unit: 'ms', values: trips },
    { what: '  the same of a bare HTTP server', unit: 'ms', values: bare },
    { what: '  small requests, of 64 clients', bar: { least: 3000 }, unit: 'requests/s', values: small },
  ];
}

export async function measure() {
  const generator = new LoadGenerator();
  try {
    return [
      ...(await overhead(generator)),
      ...(await throughputOf(generator, 'a batch takes 2 ms + 50 µs a row', simulated(2000, 50), 10)),
      ...(await throughputOf(generator, 'digits', digits, 3)),
      ...(await loadsOf(generator, 'a batch takes 10 ms + 400 µs a row', simulated(10_000, 400), 1)),
      ...(await loadsOf(generator, 'digits, 16 a request', digits, 16)),
    ];
  } finally {
    await generator[Symbol.asyncDispose]();
  }
}
