// A thread that asks a server over HTTP or gRPC, from so many connections at once, each as soon as it has its answer.
import { parentPort, workerData } from 'node:worker_threads';
import grpc from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { Pool } from 'undici';
import { now } from '../../dist/clock/now.js';
import { PROTOCOL } from '../../dist/serve/grpc/protocol.js';

const SHAPE = [1, 1, 28, 28];
const PIXELS = 784;
const { url, grpcUrl } = workerData;

function bodyOf(way) {
  const tensor = { name: 'image', datatype: 'FP32', shape: SHAPE };
  if (way === 'json') {
    const data = Array.from({ length: PIXELS }, (_, i) => (i % 256) / 255);
    return { headers: {}, body: JSON.stringify({ inputs: [{ ...tensor, data }] }) };
  }
  const parameters = { binary_data_size: 4 * PIXELS };
  const json = JSON.stringify({
    inputs: [{ ...tensor, parameters }],
    parameters: { binary_data_output: true },
  });
  return {
    headers: { 'inference-header-content-length': String(json.length) },
    body: Buffer.concat([Buffer.from(json), Buffer.alloc(4 * PIXELS)]),
  };
}

function overHttp(way, connections) {
  const pool = new Pool(url, { connections, pipelining: 1 });
  const request = { path: '/v2/models/digits/infer', method: 'POST', ...bodyOf(way) };
  const ask = async () => {
    const { statusCode, body } = await pool.request(request);
    const bytes = await body.arrayBuffer();
    if (statusCode !== 200) throw new Error(Buffer.from(bytes).toString());
  };
  return { ask, close: () => pool.close() };
}

function overGrpc() {
  const definition = grpc.loadPackageDefinition(fromJSON(PROTOCOL, { keepCase: true, longs: Number }));
  const Service = definition.inference.GRPCInferenceService;
  const client = new Service(grpcUrl, grpc.credentials.createInsecure());
  const message = {
    model_name: 'digits',
    inputs: [{ name: 'image', datatype: 'FP32', shape: SHAPE }],
    raw_input_contents: [Buffer.alloc(4 * PIXELS)],
  };
  const ask = () =>
    new Promise((resolve, reject) =>
      client.ModelInfer(message, (error) => (error ? reject(error) : resolve())),
    );
  return { ask, close: () => client.close() };
}

parentPort.on('message', async ({ way, connections, seconds }) => {
  const { ask, close } = way === 'grpc' ? overGrpc() : overHttp(way, connections);
  const micros = [];
  await Promise.all(Array.from({ length: connections }, ask));
  const startedAt = performance.now();
  const client = async () => {
    while (performance.now() - startedAt < seconds * 1000) {
      const from = now();
      await ask();
      micros.push(now() - from);
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  const took = (performance.now() - startedAt) / 1000;
  await close();
  micros.sort((a, b) => a - b);
  parentPort.postMessage({ rate: micros.length / took, p50: micros[micros.length >> 1] });
});
