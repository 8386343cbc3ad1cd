import { status } from '@grpc/grpc-js';
import { type InferResult, Refusal, type RefusalReason } from 'penstock';
import { describe, expect, test } from 'vitest';
import { EchoEngine, promised, serveEchoes } from './echo.js';
import { failure, type GrpcAnswer, grpcClient } from './grpc-client.js';

const input = { name: 'x', datatype: 'FP32', shape: [1, 2] };
const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
const good = { model_name: 'float32', inputs: [input], raw_input_contents: [floats(1, 2)] };

async function serving(...args: Parameters<typeof serveEchoes>) {
  const { server, ...rest } = await serveEchoes(...args);
  return { server, ...rest, call: grpcClient(server.grpcUrl) };
}

test('health, metadata and an index of the models', async () => {
  const { server, engine, call } = await serving();
  const health = grpcClient(server.grpcUrl, 'grpc.health.v1.Health');
  expect(await call('ServerLive')).toEqual({ live: true });
  expect(await call('ServerReady')).toEqual({ ready: true });
  expect(await call('ModelReady', { name: 'pair' })).toEqual({ ready: true });
  expect(await health('Check')).toEqual({ status: 1 });
  expect(await call('ServerMetadata')).toMatchObject({ name: 'penstock' });
  expect(await call('ModelMetadata', { name: 'pair' })).toEqual({
    name: 'pair',
    versions: ['1'],
    platform: 'echo',
    inputs: [
      { name: 'a', datatype: 'FP32', shape: [-1, 2] },
      { name: 'b', datatype: 'INT32', shape: [-1] },
    ],
    outputs: [
      { name: 'a', datatype: 'FP32', shape: [-1, 2] },
      { name: 'b', datatype: 'INT32', shape: [-1] },
    ],
  });
  expect(await call('RepositoryIndex')).toHaveProperty('models.length', engine.endpoints.length);
  engine.isReady = false;
  expect(await call('ServerReady')).toEqual({ ready: false });
  expect(await health('Check')).toEqual({ status: 2 });
});

describe('infer', () => {
  test('with raw contents', async () => {
    const { call, engine } = await serving();
    const answer = await call<GrpcAnswer>('ModelInfer', {
      ...good,
      id: '42',
      parameters: { priority: { uint64_param: 2 }, timeout: { int64_param: 5000 } },
    });
    expect(answer).toMatchObject({ model_name: 'float32', id: '42', outputs: [input] });
    expect(answer.raw_output_contents[0]).toEqual(floats(1, 2));
    expect(engine.requests[0]).toMatchObject({ priority: 2, timeoutMicros: 5000 });
  });

  test('with typed contents, exact to the last bit', async () => {
    const { call, engine } = await serving();
    const typed = (name: string, datatype: string, shape: readonly number[], contents: object) =>
      call<GrpcAnswer>('ModelInfer', {
        model_name: name,
        inputs: [{ name: 'x', datatype, shape, contents }],
      });
    await typed('float32', 'FP32', [1, 2], { fp32_contents: [1.5, 2.5] });
    await typed('int64', 'INT64', [1, 2], { int64_contents: ['9223372036854775807', '-9007199254740993'] });
    await typed('uint64', 'UINT64', [1, 2], { uint64_contents: ['18446744073709551615', 0] });
    await typed('int8', 'INT8', [1, 2], { int_contents: [-128, 127] });
    await typed('bool', 'BOOL', [1, 2], { bool_contents: [true, false] });
    const { raw_output_contents } = await typed('text', 'BYTES', [2], {
      bytes_contents: [Buffer.from('水'), Buffer.from('')],
    });
    expect(raw_output_contents[0]).toEqual(Buffer.from([3, 0, 0, 0, 0xe6, 0xb0, 0xb4, 0, 0, 0, 0]));
    expect(engine.requests.map(({ inputs }) => inputs[0]?.data)).toEqual([
      Float32Array.of(1.5, 2.5),
      BigInt64Array.of(9223372036854775807n, -9007199254740993n),
      BigUint64Array.of(18446744073709551615n, 0n),
      Int8Array.of(-128, 127),
      Uint8Array.of(1, 0),
      ['水', ''],
    ]);
  });

  test('the outputs that are asked for, in that order', async () => {
    const { call } = await serving();
    const answer = await call<GrpcAnswer>('ModelInfer', {
      model_name: 'pair',
      inputs: [
        { name: 'a', datatype: 'FP32', shape: [1, 2] },
        { name: 'b', datatype: 'INT32', shape: [1] },
      ],
      raw_input_contents: [floats(1, 2), Buffer.from([7, 0, 0, 0])],
      outputs: [{ name: 'b' }],
    });
    expect(answer.outputs).toEqual([{ name: 'b', datatype: 'INT32', shape: [1] }]);
    expect(answer.raw_output_contents).toEqual([Buffer.from([7, 0, 0, 0])]);
  });

  test.each<[string, object, number, RegExp]>([
    ['no such model', { model_name: 'nix' }, status.NOT_FOUND, /no model "nix"/],
    ['no such version', { ...good, model_version: '2' }, status.NOT_FOUND, /no version "2"/],
    ['no inputs', { model_name: 'float32' }, status.INVALID_ARGUMENT, /needs an input x/],
    ['too few bytes', { ...good, raw_input_contents: [floats(1)] }, status.INVALID_ARGUMENT, /4 bytes/],
    [
      'too many tensors',
      { ...good, raw_input_contents: [floats(1, 2), floats(1)] },
      status.INVALID_ARGUMENT,
      /of 2 inputs/,
    ],
    [
      'another shape',
      { ...good, inputs: [{ ...input, shape: [1, 3] }] },
      status.INVALID_ARGUMENT,
      /\[1, 3\]/,
    ],
    [
      'a negative shape',
      { ...good, inputs: [{ ...input, shape: [-1, 2] }] },
      status.INVALID_ARGUMENT,
      /\[-1, 2\]/,
    ],
    [
      'another type',
      { ...good, inputs: [{ ...input, datatype: 'INT32' }] },
      status.INVALID_ARGUMENT,
      /"INT32"/,
    ],
    [
      'contents of another type',
      { model_name: 'float32', inputs: [{ ...input, contents: { fp64_contents: [1, 2] } }] },
      status.INVALID_ARGUMENT,
      /in fp64_contents, expected fp32_contents/,
    ],
    [
      'contents twice',
      { ...good, inputs: [{ ...input, contents: { fp32_contents: [1, 2] } }] },
      status.INVALID_ARGUMENT,
      /beside raw_input_contents/,
    ],
    ['an unknown output', { ...good, outputs: [{ name: 'z' }] }, status.INVALID_ARGUMENT, /no output "z"/],
  ])('%s', async (_, message, code, sentence) => {
    const { call, engine } = await serving();
    const refused = await failure(call('ModelInfer', message));
    expect(refused).toMatchObject({ code, details: expect.stringMatching(sentence) });
    expect(engine.requests).toEqual([]);
  });

  test.each<[RefusalReason, number]>([
    ['full', status.RESOURCE_EXHAUSTED],
    ['late', status.RESOURCE_EXHAUSTED],
    ['expired', status.DEADLINE_EXCEEDED],
    ['draining', status.UNAVAILABLE],
    ['rejected', status.INVALID_ARGUMENT],
    ['failed', status.UNAVAILABLE],
  ])('what the engine refuses as %s has its code', async (reason, code) => {
    const refuse = async (): Promise<InferResult> => {
      throw new Refusal(reason, 'so it is', { retryAfterMs: 12 });
    };
    const { call } = await serving(new EchoEngine(refuse));
    const refused = await failure(call('ModelInfer', good));
    expect(refused).toMatchObject({ code, details: 'so it is' });
    expect(refused.metadata.get('grpc-retry-pushback-ms')).toEqual(['12']);
  });

  test('a fault of ours has no word of what it was', async () => {
    const fail = async (): Promise<InferResult> => {
      throw new Error('/etc/secret is not there');
    };
    const { call } = await serving(new EchoEngine(fail));
    const refused = await failure(call('ModelInfer', good));
    expect(refused).toMatchObject({ code: status.INTERNAL, details: expect.not.stringContaining('secret') });
  });

  test('the deadline of a call is the time that its request has', async () => {
    const { call, engine } = await serving();
    const deadline = new Date(Date.now() + 60_000);
    await call('ModelInfer', good, { deadline });
    const { timeoutMicros } = engine.requests[0] ?? {};
    expect(timeoutMicros).toBeGreaterThan(0);
    expect(timeoutMicros).toBeLessThanOrEqual(60_000_000);
    await call('ModelInfer', { ...good, parameters: { timeout: { int64_param: 1000 } } }, { deadline });
    expect(engine.requests[1]?.timeoutMicros).toBe(1000);
  });

  test('a call that is cancelled aborts its request', async () => {
    const asked = promised<AbortSignal | undefined>();
    const engine = new EchoEngine(async (_, signal) => {
      asked.resolve(signal);
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
      throw new Refusal('gone', 'gone');
    });
    const { call } = await serving(engine);
    let cancel = (): void => {};
    const answer = call('ModelInfer', good, {
      onCall: (started) => {
        cancel = () => started.cancel();
      },
    }).catch((error) => error);
    const signal = await asked.promise;
    const aborted = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    cancel();
    expect(await answer).toMatchObject({ code: status.CANCELLED });
    await aborted;
  });
});

test('a message that is larger than a body may be is not taken', async () => {
  const { call } = await serving(new EchoEngine(), {}, { http: { maxBodyBytes: 1000 } });
  const large = { ...good, raw_input_contents: [Buffer.alloc(1001)] };
  const refused = await failure(call('ModelInfer', large));
  expect(refused.code).toBe(status.RESOURCE_EXHAUSTED);
});

test('without a port for it there is no gRPC', async () => {
  const { server } = await serveEchoes(new EchoEngine(), {}, { listen: { port: 0, grpcPort: null } });
  expect(server.grpcUrl).toBeUndefined();
});
