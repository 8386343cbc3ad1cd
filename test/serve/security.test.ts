import { get } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { parseServeConfig, Refusal, startServer } from 'penstock';
import { describe, expect, onTestFinished, test } from 'vitest';
import { answerOf, EchoEngine, infer, one, promised, serveEchoes } from './echo.js';
import { grpcClient } from './grpc-client.js';

const good = one('FP32', [1, 2], [1, 2]);

describe('a token', () => {
  const token = 'aB3.-_~+/=';

  test('is asked for over HTTP, but for health', async () => {
    const { url, engine } = await serveEchoes(new EchoEngine(), { token });
    const status = async (path: string) => (await fetch(`${url}${path}`)).status;
    expect(await status('/v2/health/live')).toBe(200);
    expect(await status('/v2/health/ready')).toBe(200);
    for (const path of ['/v2', '/v2/models/pair', '/v2/models/nix', '/v2/models/pair/ready', '/nix'])
      expect(await status(path), path).toBe(401);
    for (const sent of [undefined, token, 'Bearer', 'Bearer x', `Bearer ${token}x`, `Basic ${token}`]) {
      const { status, json, headers } = await infer(url, 'float32', good, {
        headers: sent === undefined ? {} : { authorization: sent },
      });
      expect([status, json.error], sent).toEqual([401, expect.stringContaining('needs a token')]);
      expect(headers.get('www-authenticate')).toBe('Bearer');
    }
    expect(engine.requests).toEqual([]);
    const headers = { authorization: `bearer ${token}` };
    expect((await infer(url, 'float32', good, { headers })).status).toBe(200);
  });

  test('is asked for over gRPC, but for health', async () => {
    const { server } = await serveEchoes(new EchoEngine(), { token });
    const call = grpcClient(server.grpcUrl);
    expect(await call('ServerLive')).toEqual({ live: true });
    expect(await call('ServerReady')).toEqual({ ready: true });
    expect(await grpcClient(server.grpcUrl, 'grpc.health.v1.Health')('Check')).toEqual({ status: 1 });
    for (const method of ['ServerMetadata', 'ModelMetadata', 'ModelReady', 'RepositoryIndex', 'ModelInfer']) {
      for (const wrong of [{}, { token: `${token}x` }])
        expect(await call(method, {}, wrong).catch((error) => error.code)).toBe(status.UNAUTHENTICATED);
    }
    expect(await call('ServerMetadata', {}, { token })).toHaveProperty('name', 'penstock');
  });

  test('that no header can carry is refused at the start', async () => {
    await expect(serveEchoes(new EchoEngine(), { token: 'two words' })).rejects.toThrow(/header can’t carry/);
  });
});

describe('listening', () => {
  const config = (host: string) =>
    parseServeConfig({
      listen: { host, port: 0, grpcPort: 0 },
      models: { echo: { model: { uri: 'echo.onnx' } } },
    });

  test.each(['0.0.0.0', '::', '192.168.1.1', 'example.org', '128.0.0.1', '127.0.0.1.example.org'])(
    'on %s without a token is refused at the start',
    async (host) => {
      await expect(startServer(config(host), { engine: new EchoEngine() })).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('can be reached from other machines'),
        hint: expect.stringContaining('PENSTOCK_TOKEN'),
      });
    },
  );

  test.each<[string, object]>([
    ['0.0.0.0', { insecure: true }],
    ['0.0.0.0', { token: 'secret' }],
    ['127.0.0.2', {}],
    ['localhost', {}],
  ])('on %s with %j is not', async (host, options) => {
    const server = await startServer(config(host), { engine: new EchoEngine(), ...options });
    onTestFinished(() => server.close());
    expect((await fetch(`${server.url}/v2/health/live`)).status).toBe(200);
    const call = grpcClient(server.grpcUrl);
    expect(await call('ServerLive')).toEqual({ live: true });
  });

  test('on a port that is taken is an error that names it, for HTTP and for gRPC', async () => {
    const { server } = await serveEchoes();
    const taken = (key: string, address: string) => {
      const listen = { port: 0, grpcPort: 0, [key]: Number(address.split(':').at(-1)) };
      return serveEchoes(new EchoEngine(), {}, { listen });
    };
    await expect(taken('port', server.url)).rejects.toThrow(/listen.port: 127.0.0.1:\d+ is in use/);
    await expect(taken('grpcPort', server.grpcUrl ?? '')).rejects.toThrow(/listen.grpcPort: .* is in use/);
  });
});

describe('without a token, on loopback,', () => {
  /** fetch does not let anyone choose this header. */
  const ask = (url: string, host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      get(`${url}/v2`, { headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });

  test('a request that calls this machine by a name of others is turned away: a page may have made it', async () => {
    const { url } = await serveEchoes();
    for (const host of [
      'localhost',
      'LOCALHOST:80',
      '127.0.0.1:8000',
      '127.1.2.3',
      '[::1]:8000',
      'a.localhost',
    ])
      expect(await ask(url, host), host).toBe(200);
    for (const host of [
      'example.org',
      'example.org:8000',
      '127.0.0.1.example.org',
      'localhost.example.org',
      'x',
    ])
      expect(await ask(url, host), host).toBe(403);
  });

  test('it is let in where that was said to be well, and where it has the token', async () => {
    const open = await serveEchoes(new EchoEngine(), { insecure: true });
    expect(await ask(open.url, 'example.org')).toBe(200);
    const guarded = await serveEchoes(new EchoEngine(), { token: 'secret' });
    expect(await ask(guarded.url, 'example.org')).toBe(401);
  });
});

describe('what a request may cost', () => {
  test.each<[string, string, unknown]>([
    ['a shape whose product no number holds', 'wide', [1, 2 ** 52, 2 ** 52]],
    ['a shape of 4 GB', 'wide', [1, 2 ** 15, 2 ** 15]],
    ['a shape beyond all numbers', 'wide', [1, 1e308, 1e308]],
    ['a million dimensions', 'open', Array(1_000_000).fill(1)],
    ['negative dimensions', 'wide', [1, -1, -1]],
    ['fractions', 'wide', [1, 0.5, 2]],
    ['texts', 'wide', [1, '1', 1]],
    ['an object', 'wide', { length: 3, 0: 1, 1: 1, 2: 1 }],
  ])('%s is refused before anything is allocated for it', async (_, name, shape) => {
    const { url } = await serveEchoes();
    for (const data of [[], [[[1]]], [1]]) {
      const document = { inputs: [{ name: 'x', datatype: 'FP32', shape, data }] };
      const { status, json } = await infer(url, name, document);
      expect(status === 400 || status === 413, json.error).toBe(true);
      expect((json.error ?? '').length).toBeLessThan(300);
    }
    const declared = { name: 'x', datatype: 'FP32', shape, parameters: { binary_data_size: 4 } };
    const { status } = await infer(url, name, { inputs: [declared] }, { binary: new Uint8Array(4) });
    expect(status === 400 || status === 413).toBe(true);
  });

  test('JSON that is nested deeply is refused, wherever it is', async () => {
    const { url } = await serveEchoes();
    const deep = (open: string, close: string): string => open.repeat(100_000) + close.repeat(100_000);
    const lists = deep('[', ']');
    const objects = deep('{"a":', '}').replace('}', '1}');
    for (const document of [
      lists,
      '['.repeat(100_000),
      `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":${lists}}]}`,
      `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}],"parameters":{"mine":${objects}}}`,
    ]) {
      const { status, json } = await infer(url, 'float32', document);
      expect([status, json.error]).toEqual([400, 'the request is nested deeper than 64 levels']);
    }
    // Brackets in a text are no nesting.
    const text = one('BYTES', [1], [`\\"${'['.repeat(1000)}`]);
    expect((await infer(url, 'text', text)).status).toBe(200);
  });

  test('a large document is refused in favour of binary data, which may be larger', async () => {
    const { url } = await serveEchoes();
    const large = `{"inputs":[]${' '.repeat(17 * 2 ** 20)}}`;
    const { status, json } = await infer(url, 'float32', large);
    expect([status, json.error]).toEqual([413, expect.stringContaining('Send tensors as binary data')]);
    const binary = new Uint8Array(20 * 2 ** 20);
    const shape = [1, binary.length / 4];
    const input = { name: 'x', datatype: 'FP32', shape, parameters: { binary_data_size: binary.length } };
    const answer = await infer(url, 'open', { inputs: [input] }, { binary });
    expect(answer.status).toBe(200);
  });

  test('names that look like paths are only names', async () => {
    const { url } = await serveEchoes();
    for (const name of [
      '..%2f..%2fetc%2fpasswd',
      '%2e%2e',
      'a%00b',
      '%2fetc%2fpasswd',
      'constructor',
      '%ff',
    ]) {
      const { status, json } = await infer(url, name, good);
      expect(status === 404 || status === 400, `${name}: ${json.error}`).toBe(true);
    }
    expect(
      (await infer(url, 'x'.repeat(100_000), good).catch(() => ({ status: 431 }))).status,
    ).toBeGreaterThan(399);
  });
});

describe('clients that are slow', () => {
  const limits = { headersMs: 100, requestMs: 200, idleMs: 100 };

  /** A connection on which something is sent; resolves with what came back, once the server has closed it. */
  function send(url: string, text: string, port = Number(new URL(url).port)): Promise<string> {
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(text));
    onTestFinished(() => void socket.destroy());
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk;
    });
    return new Promise((resolve) => {
      socket.on('close', () => resolve(answer));
      socket.on('error', () => {});
    });
  }

  test('a header that never ends, and a body that never comes', async () => {
    const { url } = await serveEchoes(new EchoEngine(), { limits: { http: limits } });
    const slow = /^HTTP\/1.1 408 .*"error":"the request took too long/s;
    expect(await send(url, 'GET /v2 HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')).toMatch(slow);
    const head =
      'POST /v2/models/float32/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"inputs"';
    expect(await send(url, head)).toMatch(slow);
  });

  test('a connection on which nothing more comes is closed', async () => {
    const { url } = await serveEchoes(new EchoEngine(), { limits: { http: limits } });
    expect(await send(url, 'GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n')).toMatch(
      /^HTTP\/1.1 200/,
    );
  });

  test('an answer that does not come while neither side says anything', async () => {
    const aborted = promised<void>();
    const engine = new EchoEngine((_, signal) => {
      signal?.addEventListener('abort', () => aborted.resolve());
      return aborted.promise.then(() => {
        throw new Refusal('gone', 'gone');
      });
    });
    const { url } = await serveEchoes(engine, { limits: { http: { stalledMs: 100 } } });
    const answer = infer(url, 'float32', good);
    await expect(answer).rejects.toThrow();
    await aborted.promise;
  });

  test('what is no HTTP at all, and headers that are too large', async () => {
    const { url } = await serveEchoes();
    expect(await send(url, 'how do you do\r\n\r\n')).toMatch(/^HTTP\/1.1 400 .*"error":/s);
    const large = `GET /v2 HTTP/1.1\r\nHost: localhost\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`;
    expect(await send(url, large)).toMatch(/^HTTP\/1.1 431 .*"error":/s);
  });

  test('more connections than there may be are closed at once', async () => {
    const few = { http: { connections: 1 }, grpc: { connections: 1 } };
    const { url, server } = await serveEchoes(new EchoEngine(), { limits: few });
    const ports = [Number(new URL(url).port), Number(server.grpcUrl?.split(':').at(-1))];
    for (const port of ports) {
      const first = connect(port, '127.0.0.1');
      onTestFinished(() => void first.destroy());
      await new Promise((resolve) => first.once('connect', resolve));
      expect(await send(url, '', port)).toBe('');
    }
  });

  /** A call of ModelInfer whose bytes are all chosen; resolves with its status. */
  function callRaw(address: string | undefined, bytes: Uint8Array, more: object = {}): Promise<number> {
    const session = connectHttp2(`http://${address}`);
    onTestFinished(() => session.destroy());
    const call = session.request({
      ':method': 'POST',
      ':path': '/inference.GRPCInferenceService/ModelInfer',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...more,
    });
    call.write(bytes);
    return new Promise((resolve) => {
      const see = (headers: { readonly 'grpc-status'?: unknown }): void => {
        if (headers['grpc-status'] !== undefined) resolve(Number(headers['grpc-status']));
      };
      call.on('response', see).on('trailers', see);
    });
  }

  test('a gRPC message that never comes to its end', async () => {
    const { server } = await serveEchoes(new EchoEngine(), { limits: { grpc: { requestMs: 100 } } });
    const code = await callRaw(server.grpcUrl, Uint8Array.of(0, 0, 0, 1, 0, 1));
    expect(code).toBe(status.DEADLINE_EXCEEDED);
  });

  test('a gRPC message that is too large once it is inflated', async () => {
    const { server } = await serveEchoes(new EchoEngine(), {}, { http: { maxBodyBytes: 50_000 } });
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    expect(bomb.length).toBeLessThan(50_000);
    const head = Buffer.of(1, 0, 0, 0, 0);
    head.writeUInt32BE(bomb.length, 1);
    const code = await callRaw(server.grpcUrl, Buffer.concat([head, bomb]), { 'grpc-encoding': 'gzip' });
    expect(code).toBe(status.RESOURCE_EXHAUSTED);
  });
});

test('an answer that is an error is JSON, and says what is wrong', async () => {
  const { url } = await serveEchoes();
  const answer = await answerOf(await fetch(`${url}/v2/models/pair/infer`));
  expect(answer.status).toBe(404);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(answer.json.error).toMatch(/nothing to GET here/);
});
