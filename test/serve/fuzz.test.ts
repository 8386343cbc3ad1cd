import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { fromJSON } from '@grpc/proto-loader';
import type { InferRequest } from 'penstock';
import { expect, onTestFinished, test } from 'vitest';
import { PROTOCOL } from '../../src/serve/grpc/protocol.js';
import { mutate } from '../fuzz/mutate.js';
import { random } from '../helpers/random.js';
import { EchoEngine, echo, serveEchoes } from './echo.js';
import { GOOD, nextCase } from './fuzz-cases.js';

// Requests that are wrong: whatever is sent, the server answers that it is wrong, and why, and goes on.
// `npm run fuzz` sends them for minutes; a failure names seed and case, which `npm run fuzz -- --seed S --case C` sends again.

const MINUTES = Number(process.env.PENSTOCK_FUZZ_MINUTES ?? 0);
const SEED = Number(process.env.PENSTOCK_FUZZ_SEED ?? Date.now() % 1_000_000);
const ONLY = process.env.PENSTOCK_FUZZ_CASE;
const CASES = 400;
/** Far more than any answer takes, whatever else the machine does. */
const ANSWER_MS = 20_000;

/** Calls back with each case's number and its own random numbers, for so long. */
async function eachCase(work: (next: () => number, said: string) => Promise<void>): Promise<void> {
  const until = performance.now() + MINUTES * 60_000;
  const [first, last] = ONLY === undefined ? [0, CASES] : [Number(ONLY), Number(ONLY) + 1];
  for (let i = first; i < last || performance.now() < until; i++) {
    const said = `--seed ${SEED} --case ${i}`;
    await work(random(SEED + i * 7919), said);
  }
}

const TIMEOUT = { timeout: MINUTES * 60_000 + 120_000 };

/** An engine that believes nothing: what comes to it must be what was promised. */
class Suspicious extends EchoEngine {
  constructor() {
    super(async (request) => {
      this.#check(request);
      return echo(request);
    });
  }

  #check({ endpoint: name, inputs, priority, timeoutMicros }: InferRequest): void {
    const endpoint = this.endpoints.find((one) => one.name === name);
    expect(inputs.map((input) => input.name).sort()).toEqual(endpoint?.inputs.map((one) => one.name).sort());
    for (const input of inputs) {
      const told = endpoint?.inputs.find((one) => one.name === input.name);
      expect(input.dtype).toBe(told?.dtype);
      expect(input.shape).toHaveLength(told?.shape.length ?? 0);
      told?.shape.forEach((dim, i) => {
        if (dim !== -1) expect(input.shape[i]).toBe(dim);
      });
      expect(input.data).toHaveLength(input.shape.reduce((product, dim) => product * dim, 1));
      expect(input.shape[0]).toBeGreaterThan(0);
      expect(input.shape[0]).toBe(inputs[0]?.shape[0]);
    }
    for (const number of [priority, timeoutMicros]) expect(number ?? 0).toBeGreaterThanOrEqual(0);
    this.requests.length = 0;
  }
}

/** Right, or an error that says what is wrong. */
function checkAnswer(status: number, text: string, said: string): void {
  if (status === 200) return;
  expect(status, `${said}: ${text.slice(0, 300)}`).toBeGreaterThanOrEqual(400);
  expect(status, `${said}: ${text.slice(0, 300)}`).toBeLessThan(500);
  const { error } = JSON.parse(text);
  expect(error, said).toMatch(/\S \S/);
  expect(error, said).not.toMatch(/undefined is not|Cannot read|\.[jt]s:\d/);
}

test('requests whose body is wrong', TIMEOUT, async () => {
  const { url } = await serveEchoes(new Suspicious(), {}, { http: { maxBodyBytes: 1_000_000 } });
  const outcomes = new Map<number, number>();
  await eachCase(async (next, said) => {
    const { name, headers, body, how } = nextCase(next);
    const signal = AbortSignal.timeout(ANSWER_MS);
    const init = { method: 'POST', headers, body, signal };
    const response = await fetch(`${url}/v2/models/${name}/infer`, init).catch((cause) => {
      throw new Error(`${said} (${how}): ${cause.cause ?? cause}`, { cause });
    });
    checkAnswer(response.status, await response.text(), `${said} (${how})`);
    outcomes.set(response.status, (outcomes.get(response.status) ?? 0) + 1);
  });
  console.log(`--seed ${SEED}: ${[...outcomes].map(([status, count]) => `${count} × ${status}`).join(', ')}`);
  if (ONLY === undefined) expect(outcomes.get(400)).toBeGreaterThan(CASES / 4);
  expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
});

test('what is hardly HTTP', TIMEOUT, async () => {
  const { url } = await serveEchoes(new Suspicious(), {}, { http: { maxBodyBytes: 1_000_000 } });
  const port = Number(new URL(url).port);
  await eachCase(async (next, said) => {
    const { name, document } = GOOD[Math.floor(next() * GOOD.length)] as (typeof GOOD)[number];
    const body = JSON.stringify(document);
    const head = `POST /v2/models/${name}/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    const { bytes, how } = mutate(Buffer.from(head + body), Buffer.from('GET /v2 HTTP/1.1\r\n\r\n'), next);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
      onTestFinished(() => void socket.destroy());
      let text = '';
      socket.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      socket.setTimeout(ANSWER_MS, () => reject(new Error(`${said} (${how}): no answer`)));
      socket.on('error', () => {});
      socket.on('close', () => resolve(text));
    });
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 400);
    expect(status, `${said} (${how}): ${answer.slice(0, 300)}`).toBeLessThan(500);
  });
  expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
});

/** What a call may end with that was wrong: by gRPC's own names OK, CANCELLED, INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL. */
const CODES = [0, 1, 3, 5, 8, 12, 13];

test('messages of gRPC that are wrong', TIMEOUT, async () => {
  const { server } = await serveEchoes(new Suspicious(), {}, { http: { maxBodyBytes: 1_000_000 } });
  const service = fromJSON(PROTOCOL as never, { keepCase: true })['inference.GRPCInferenceService'];
  const { requestSerialize } = (
    service as unknown as Record<string, { requestSerialize(value: object): Buffer }>
  ).ModelInfer as { requestSerialize(value: object): Buffer };
  const messages = GOOD.filter(({ binary }) => binary !== undefined).map(({ name, document, binary }) =>
    requestSerialize({
      model_name: name,
      inputs: Reflect.get(document, 'inputs').map(({ parameters, ...rest }: { parameters: unknown }) => rest),
      raw_input_contents: [binary],
    }),
  );
  const open = () => connectHttp2(`http://${server.grpcUrl}`).on('error', () => {});
  let session = open();
  onTestFinished(() => session.destroy());
  const codes = new Map<number, number>();
  await eachCase(async (next, said) => {
    if (session.closed || session.destroyed) session = open();
    const good = messages[Math.floor(next() * messages.length)] as Buffer;
    const { bytes, how } = mutate(good, messages[0] as Buffer, next);
    const frame = Buffer.alloc(5 + bytes.length);
    frame.writeUInt32BE(next() < 0.9 ? bytes.length : Math.floor(next() * 2 ** 32), 1);
    frame[0] = next() < 0.95 ? 0 : Math.floor(next() * 256);
    frame.set(bytes, 5);
    const code = await new Promise<number>((resolve, reject) => {
      const call = session.request({
        ':method': 'POST',
        ':path': '/inference.GRPCInferenceService/ModelInfer',
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      let found = 1;
      const see = (headers: { readonly 'grpc-status'?: unknown }): void => {
        if (headers['grpc-status'] !== undefined) found = Number(headers['grpc-status']);
      };
      call
        .on('response', see)
        .on('trailers', see)
        .on('error', () => {});
      call.on('close', () => resolve(found));
      call.setTimeout(ANSWER_MS, () => reject(new Error(`${said} (${how}): no answer`)));
      call.resume();
      call.end(frame);
    });
    expect(CODES, `${said} (${how}): ${code}`).toContain(code);
    codes.set(code, (codes.get(code) ?? 0) + 1);
  });
  console.log(`--seed ${SEED}: gRPC ${[...codes].map(([code, count]) => `${count} × ${code}`).join(', ')}`);
});
