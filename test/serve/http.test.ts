import { deflateSync, gzipSync } from 'node:zlib';
import { type InferResult, Refusal, type RefusalReason } from 'penstock';
import { describe, expect, test } from 'vitest';
import { answerOf, EchoEngine, echo, infer, one, promised, serveEchoes } from './echo.js';

const get = async (url: string) => answerOf(await fetch(url));

describe('what there is', () => {
  test('health, and readiness of the server and of each model', async () => {
    const { url, engine } = await serveEchoes();
    expect((await get(`${url}/v2/health/live`)).status).toBe(200);
    expect((await get(`${url}/v2/health/ready`)).status).toBe(200);
    expect((await get(`${url}/v2/models/pair/ready`)).json).toEqual({ name: 'pair', ready: true });
    engine.isReady = false;
    expect((await get(`${url}/v2/health/live`)).status).toBe(200);
    expect((await get(`${url}/v2/health/ready`)).status).toBe(503);
    expect((await get(`${url}/v2/models/pair/versions/1/ready`)).status).toBe(503);
  });

  test('metadata of the server and of each model', async () => {
    const { url } = await serveEchoes();
    const { json } = await get(`${url}/v2`);
    expect(json).toMatchObject({ name: 'penstock', version: expect.any(String) });
    expect(json).toHaveProperty('extensions', ['binary_tensor_data', 'parameters', 'schedule_policy']);
    const pair = {
      name: 'pair',
      versions: ['1'],
      platform: 'echo',
      inputs: [
        { name: 'a', datatype: 'FP32', shape: [-1, 2] },
        { name: 'b', datatype: 'INT32', shape: [-1] },
      ],
    };
    expect((await get(`${url}/v2/models/pair`)).json).toMatchObject(pair);
    expect((await get(`${url}/v2/models/pair/versions/1`)).json).toMatchObject(pair);
    const text = (await get(`${url}/v2/models/text`)).json;
    expect(text).toMatchObject({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [-1] }] });
  });

  test('an index of the models, as Triton has it', async () => {
    const { url, engine } = await serveEchoes();
    const index = await (await fetch(`${url}/v2/repository/index`, { method: 'POST', body: '{}' })).json();
    expect(index).toHaveLength(engine.endpoints.length);
    expect(index).toContainEqual({ name: 'pair', version: '1', state: 'READY', reason: '' });
  });

  test.each(['/v2/models/nix', '/v2/models/pair/versions/2', '/nix', '/v2/models/__proto__', '/'])(
    '%s is not there',
    async (path) => {
      const { url } = await serveEchoes();
      const { status, json } = await get(`${url}${path}`);
      expect(status).toBe(404);
      expect(json.error).toMatch(/there is|has no version/);
    },
  );
});

describe('infer with JSON', () => {
  test('a tensor comes as a flat list, or nested as its shape is', async () => {
    const { url, engine } = await serveEchoes();
    const flat = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    const nested = [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [
        [7, 8, 9],
        [10, 11, 12],
      ],
    ];
    for (const data of [flat, nested]) {
      const { status, json } = await infer(url, 'matrix', one('FP32', [2, 2, 3], data));
      expect(status).toBe(200);
      expect(json).toEqual({
        model_name: 'matrix',
        model_version: '1',
        outputs: [{ name: 'x', datatype: 'FP32', shape: [2, 2, 3], data: flat }],
      });
    }
    expect(engine.requests[1]?.inputs[0]?.data).toEqual(Float32Array.from(flat));
  });

  test('the id comes back, and texts as they were', async () => {
    const { url } = await serveEchoes();
    const texts = ['', 'größer', '水', 'a"b\\c\n'];
    const { json } = await infer(url, 'text', { id: 'é7', ...one('BYTES', [4], texts) });
    expect(json.id).toBe('é7');
    expect(json.outputs?.[0]).toEqual({ name: 'x', datatype: 'BYTES', shape: [4], data: texts });
  });

  test('numbers keep what they are, and what JSON has no word for', async () => {
    const { url } = await serveEchoes();
    const large = Number.MAX_SAFE_INTEGER;
    const whole = await infer(url, 'int64', one('INT64', [1, 2], [-large, large]));
    expect(whole.json.outputs?.[0]?.data).toEqual([-large, large]);
    const small = await infer(url, 'float64', one('FP64', [1, 2], [0.1, -5e-324]));
    expect(small.json.outputs?.[0]?.data).toEqual([0.1, -5e-324]);
    const truth = await infer(url, 'bool', one('BOOL', [1, 2], [true, 0]));
    expect(truth.json.outputs?.[0]?.data).toEqual([true, false]);

    const strange = Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY);
    const odd = new EchoEngine(async ({ inputs }) => ({
      outputs: inputs.map((input) => ({ ...input, data: strange })),
      times: { queue: 0, compute: 0, batchRows: 1 },
    }));
    const { url: other } = await serveEchoes(odd);
    const { json } = await infer(other, 'float32', one('FP32', [1, 2], [1, 2]));
    expect(json.outputs?.[0]?.data).toEqual([null, Number.NEGATIVE_INFINITY]);
  });

  test('the engine is told of priority, time-out, wanted outputs and the time of arrival', async () => {
    const { url, engine } = await serveEchoes();
    const inputs = [
      { name: 'b', datatype: 'INT32', shape: [1], data: [7] },
      { name: 'a', datatype: 'FP32', shape: [1, 2], data: [1, 2] },
    ];
    const { json } = await infer(url, 'pair', {
      inputs,
      outputs: [{ name: 'b' }, { name: 'a' }],
      parameters: { priority: 2, timeout: 5000, mine: 'anything' },
    });
    expect(json.outputs?.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(engine.requests[0]).toMatchObject({ endpoint: 'pair', priority: 2, timeoutMicros: 5000 });
    expect(engine.requests[0]?.arrivedAt).toBeGreaterThan(0);
    await infer(url, 'pair', { inputs, parameters: { timeout: 0 } });
    expect(engine.requests[1]).not.toHaveProperty('timeoutMicros');
    await infer(url, 'pair', { inputs, outputs: [{ name: 'b' }] });
    expect(engine.requests[2]?.outputs).toEqual(['b']);
  });

  test('bodies may be compressed', async () => {
    const { url } = await serveEchoes();
    const body = JSON.stringify(one('FP32', [1, 2], [3, 4]));
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(body)],
      ['deflate', deflateSync(body)],
      ['identity', Buffer.from(body)],
    ] as const) {
      const options = { method: 'POST', body: bytes, headers: { 'content-encoding': encoding } };
      const { status, json } = await infer(url, 'float32', '', options);
      expect(status, encoding).toBe(200);
      expect(json.outputs?.[0]?.data).toEqual([3, 4]);
    }
  });
});

describe('requests that do not fit', () => {
  const good = one('FP32', [1, 2], [1, 2]);
  const [input] = (good as { inputs: object[] }).inputs;

  test.each<[string, string, unknown, RegExp]>([
    ['no JSON', 'float32', '{"inputs":', /not JSON/],
    ['not UTF-8', 'float32', '{"inputs":"\ud800"', /not JSON/],
    ['no object', 'float32', [], /expected an object/],
    ['no inputs', 'float32', {}, /inputs is undefined/],
    ['an empty list', 'float32', { inputs: [] }, /needs an input x/],
    ['too many inputs', 'float32', { inputs: [input, input] }, /takes 1 inputs, and 2/],
    ['an input of another name', 'float32', { inputs: [{ ...input, name: 'y' }] }, /no input "y"; it has x/],
    ['another type', 'float32', one('FP64', [1, 2], [1, 2]), /"FP64", expected FP32/],
    ['BF16', 'float32', one('BF16', [1, 2], [1, 2]), /BF16 is not supported/],
    ['FP16 as JSON', 'float16', one('FP16', [1, 2], [1, 2]), /FP16 .* binary/],
    ['another shape', 'float32', one('FP32', [1, 3], [1, 2, 3]), /\[1, 3\], expected \[-1, 2\]/],
    ['no batch dimension', 'float32', one('FP32', [2], [1, 2]), /\[2\], expected \[-1, 2\]/],
    ['no rows', 'float32', one('FP32', [0, 2], []), /no rows/],
    ['too few elements', 'float32', one('FP32', [2, 2], [1, 2]), /2 elements; its shape \[2, 2\] takes 4/],
    ['another nesting', 'matrix', one('FP32', [1, 2, 3], [[[1, 2, 3]]]), /nested otherwise/],
    [
      'ragged lists',
      'matrix',
      one(
        'FP32',
        [1, 2, 3],
        [
          [
            [1, 2, 3],
            [4, 5],
          ],
        ],
      ),
      /nested otherwise/,
    ],
    ['no data', 'float32', { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2] }] }, /data is undefined/],
    ['a text among numbers', 'float32', one('FP32', [1, 2], [1, '2']), /element 1 is "2", expected a number/],
    ['null', 'float32', one('FP32', [1, 2], [null, 1]), /element 0 is null/],
    ['a fraction', 'int32', one('INT32', [1, 2], [1, 1.5]), /element 1 is 1.5, expected a whole number/],
    [
      'a byte too large',
      'uint8',
      one('UINT8', [1, 2], [256, 0]),
      /256, expected a whole number from 0 to 255/,
    ],
    ['a number that is not exact', 'int64', one('INT64', [1, 2], [2 ** 60, 0]), /send binary data/],
    ['a number for a text', 'text', one('BYTES', [1], [1]), /element 0 is 1, expected text/],
    ['an id that is none', 'float32', { ...good, id: 7 }, /id is 7/],
    ['an unknown output', 'float32', { ...good, outputs: [{ name: 'z' }] }, /no output "z"; it has x/],
    [
      'an output twice',
      'pair',
      { inputs: [], outputs: [{ name: 'a' }, { name: 'a' }] },
      /needs an input|twice/,
    ],
    ['a priority that is none', 'float32', { ...good, parameters: { priority: -1 } }, /priority is -1/],
    ['a time-out that is none', 'float32', { ...good, parameters: { timeout: 'soon' } }, /timeout is "soon"/],
    ['a sequence', 'float32', { ...good, parameters: { sequence_id: 4 } }, /sequences are not supported/],
    [
      'shared memory',
      'float32',
      { inputs: [{ ...input, parameters: { shared_memory_region: 'r' } }] },
      /shared memory is not supported/,
    ],
    [
      'classification',
      'float32',
      { ...good, outputs: [{ name: 'x', parameters: { classification: 3 } }] },
      /classification/,
    ],
    [
      'rows that differ',
      'pair',
      {
        inputs: [
          { name: 'a', datatype: 'FP32', shape: [1, 2], data: [1, 2] },
          { name: 'b', datatype: 'INT32', shape: [2], data: [1, 2] },
        ],
      },
      /b has 2 rows and a has 1/,
    ],
  ])('%s', async (_, name, document, sentence) => {
    const { url, engine } = await serveEchoes();
    const { status, json } = await infer(url, name, document);
    expect(json.error).toMatch(sentence);
    expect(status).toBe(400);
    expect(engine.requests).toEqual([]);
  });

  test('more rows than a request may have', async () => {
    const { url } = await serveEchoes();
    const { status, json } = await infer(url, 'float32', one('FP32', [101, 2], Array(202).fill(0)));
    expect([status, json.error]).toEqual([413, 'input x has 101 rows; a request may have 100']);
  });

  test('a body that is too large, whether it says so, hides it, or is so only once it is inflated', async () => {
    const { url } = await serveEchoes(new EchoEngine(), {}, { http: { maxBodyBytes: 1000 } });
    const large = ' '.repeat(1001);
    expect((await infer(url, 'float32', large)).status).toBe(413);
    const stream = new Blob([large]).stream();
    const hidden = { method: 'POST', body: stream, duplex: 'half' } as RequestInit;
    expect((await infer(url, 'float32', '', hidden)).status).toBe(413);
    const bomb = { body: gzipSync(Buffer.alloc(10_000_000)), headers: { 'content-encoding': 'gzip' } };
    expect(bomb.body.length).toBeGreaterThan(1000);
    const small = { body: gzipSync(Buffer.alloc(100_000)), headers: { 'content-encoding': 'gzip' } };
    expect(small.body.length).toBeLessThan(1000);
    for (const init of [bomb, small])
      expect((await infer(url, 'float32', '', { method: 'POST', ...init })).status).toBe(413);
  });

  test('an encoding that is not understood, and one that it is not', async () => {
    const { url } = await serveEchoes();
    const other = await infer(url, 'float32', good, { headers: { 'content-encoding': 'br' } });
    expect([other.status, other.json.error]).toEqual([415, expect.stringContaining('"br"')]);
    const broken = await infer(url, 'float32', good, { headers: { 'content-encoding': 'gzip' } });
    expect([broken.status, broken.json.error]).toEqual([400, expect.stringContaining('not gzip')]);
  });
});

describe('requests that the engine refuses', () => {
  test.each<[RefusalReason, number, number | undefined, string | null]>([
    ['full', 429, undefined, '1'],
    ['full', 429, 2500, '3'],
    ['late', 429, 10, '1'],
    ['expired', 504, undefined, null],
    ['draining', 503, undefined, '1'],
    ['rejected', 400, undefined, null],
    ['too-large', 413, undefined, null],
    ['failed', 500, undefined, null],
    ['failed', 503, 4000, '4'],
  ])('%s is %i', async (reason, status, retryAfterMs, retryAfter) => {
    const refuse = async (): Promise<InferResult> => {
      throw new Refusal(reason, 'so it is', { hint: 'Do so.', ...(retryAfterMs && { retryAfterMs }) });
    };
    const { url } = await serveEchoes(new EchoEngine(refuse));
    const answer = await infer(url, 'float32', one('FP32', [1, 2], [1, 2]));
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual({ error: 'so it is. Do so.' });
    expect(answer.headers.get('retry-after')).toBe(retryAfter);
  });

  test('what is a fault of ours tells a client nothing but that', async () => {
    const { url } = await serveEchoes(
      new EchoEngine(async () => {
        throw new Error('/etc/secret is not there');
      }),
    );
    const { status, json } = await infer(url, 'float32', one('FP32', [1, 2], [1, 2]));
    expect([status, json.error]).toEqual([500, 'the server has failed; its log tells why']);
  });
});

test('a client that goes away aborts its request', async () => {
  const asked = promised<AbortSignal | undefined>();
  const engine = new EchoEngine(async (_, signal) => {
    asked.resolve(signal);
    await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    throw new Refusal('gone', 'gone');
  });
  const { url } = await serveEchoes(engine);
  const controller = new AbortController();
  const answer = infer(url, 'float32', one('FP32', [1, 2], [1, 2]), { signal: controller.signal });
  const signal = await asked.promise;
  expect(signal?.aborted).toBe(false);
  controller.abort();
  await expect(answer).rejects.toThrow();
  await new Promise<void>((resolve) => {
    if (signal?.aborted) resolve();
    else signal?.addEventListener('abort', () => resolve());
  });
});

test('what is in flight is answered when the server ends, and nothing more is taken', async () => {
  const asked = promised<void>();
  const go = promised<void>();
  const engine = new EchoEngine(async (request) => {
    asked.resolve();
    await go.promise;
    return echo(request);
  });
  engine.drain = async () => {
    engine.isReady = false;
    await go.promise;
  };
  const { url, server } = await serveEchoes(engine);
  const answer = infer(url, 'float32', one('FP32', [1, 2], [1, 2]));
  await asked.promise;
  const closed = server.close();
  expect((await get(`${url}/v2/health/ready`)).status).toBe(503);
  go.resolve();
  expect((await answer).status).toBe(200);
  await closed;
  await server.closed;
  await expect(fetch(`${url}/v2/health/live`)).rejects.toThrow();
});

test('a request that is not answered within the grace period is cut off', async () => {
  const asked = promised<void>();
  const never = new Promise<InferResult>(() => {});
  const engine = new EchoEngine(() => {
    asked.resolve();
    return never;
  });
  engine.drain = () => never.then(() => {});
  const { url, server } = await serveEchoes(engine, { graceMs: 1 });
  const answer = infer(url, 'float32', one('FP32', [1, 2], [1, 2]));
  answer.catch(() => {});
  await asked.promise;
  await server.close();
  await expect(answer).rejects.toThrow();
});
