// What does a request cost beside its run: HTTP in to the engine, and its result to HTTP out?
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { parseServeConfig } from '../dist/serve/config.js';
import { startServer } from '../dist/serve/server.js';

const REPEATS = 7;
const SECONDS = 1;
const MANY = 32;

const outputs = [{ name: 'logits', dtype: 'float32', shape: [1, 10], data: new Float32Array(10) }];
const result = { outputs, times: { queue: 0, compute: 0, batchRows: 1 } };

/** Answers at once: what is left is the wire. */
const engine = {
  endpoints: [
    {
      name: 'digits',
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'image', dtype: 'float32', shape: [-1, 1, 28, 28] }],
      outputs: [{ name: 'logits', dtype: 'float32', shape: [-1, 10] }],
      maxRows: 64,
      rowBytes: 3136,
    },
  ],
  isReady: true,
  infer: async () => result,
  stats: () => ({ uptime: 0, endpoints: [], devices: [], jobs: [] }),
  drain: async () => {},
};

export async function measure() {
  const config = parseServeConfig({
    listen: { port: 0, grpcPort: 0 },
    models: { digits: { model: { uri: 'digits.onnx' } } },
  });
  const server = await startServer(config, { engine });
  const worker = new Worker(new URL('./support/ask.mjs', import.meta.url), {
    workerData: { url: server.url, grpcUrl: server.grpcUrl },
  });
  const ask = async (way, connections, seconds = SECONDS) => {
    worker.postMessage({ way, connections, seconds });
    const [found] = await once(worker, 'message');
    return found;
  };
  const [alone, many, json, grpc] = [[], [], [], []];
  try {
    for (const way of ['binary', 'json', 'grpc']) await ask(way, MANY);
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      alone.push((await ask('binary', 1)).p50);
      many.push((await ask('binary', MANY)).rate);
      json.push((await ask('json', MANY)).rate);
      grpc.push((await ask('grpc', MANY)).rate);
    }
  } finally {
    await worker.terminate();
    await server.close();
  }
  return [
    {
      what: 'HTTP there and back at p50, client and all, 3 KB of binary data, an engine that answers at once',
      bar: { most: 300 },
      unit: 'µs',
      values: alone,
    },
    {
      what: `requests from ${MANY} connections, client on the same cores`,
      bar: { least: 3000 },
      unit: 'requests/s',
      values: many,
    },
    { what: '  as JSON', unit: 'requests/s', values: json },
    { what: '  over gRPC', unit: 'requests/s', values: grpc },
  ];
}
