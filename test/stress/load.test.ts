import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { LoadOrder, LoadResult, OpenStream } from '../../src/stress/load/types.js';

// A thread is started from a file on disk, which must be JavaScript.
const { play } = (await import(new URL('../../dist/stress/load/play.js', import.meta.url).href)) as {
  play(order: LoadOrder, signal: AbortSignal): Promise<LoadResult>;
};

const REQUEST = { endpoint: 'x', inputs: [{ name: 'a', datatype: 'FP32', shape: [2] }] };

/** A server that answers as told; returns where it is. */
async function serving(
  answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void,
): Promise<string> {
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    answer(request, response, Buffer.concat(pieces));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return `http://127.0.0.1:${address.port}`;
}

const stream = (changes: Partial<OpenStream> = {}): OpenStream => ({
  name: 'x',
  request: REQUEST,
  rows: 1,
  arrivals: { kind: 'constant', perSecond: 100 },
  deadlineMs: null,
  seed: 1,
  ...changes,
});

const order = (origin: string, changes: Partial<LoadOrder> = {}): LoadOrder => ({
  origin,
  headers: {},
  seconds: 0.3,
  open: [stream()],
  closed: [],
  mostOutstanding: 64,
  drainMs: 5000,
  intervals: 3,
  ...changes,
});

let never: AbortSignal;
beforeEach(() => {
  never = new AbortController().signal;
});

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

describe('an open loop', () => {
  test('sends what is due, and counts what is answered', async () => {
    const bodies: Buffer[] = [];
    const paths = new Set<string | undefined>();
    const origin = await serving((request, response, body) => {
      bodies.push(body);
      paths.add(request.url);
      response.end('{}');
    });
    const { open, generator } = await play(order(origin), never);
    const [result] = open;
    expect(bodies).toHaveLength(30);
    expect([...paths]).toEqual(['/v2/models/x/infer']);
    expect(result).toMatchObject({ name: 'x', due: 30, answered: 30, good: 30, goodRows: 30, unanswered: 0 });
    expect(result?.timeline.due).toEqual([10, 10, 10]);
    expect(result?.timeline.good).toEqual([10, 10, 10]);
    expect(result?.refusalMs).toBeNull();
    expect(generator.held).toBe(0);
    expect(generator.mostOutstanding).toBeGreaterThanOrEqual(1);
  });

  test('a stall shows in the latencies of all that were due meanwhile, though they were sent after it', async () => {
    // The first two requests are held for 0.4 s, all others are answered at once; but there are only two connections.
    let stalled = 0;
    const sentBehind: number[] = [];
    const origin = await serving((_, response) => {
      if (stalled++ < 2) setTimeout(() => response.end('{}'), 400);
      else {
        sentBehind.push(performance.now());
        response.end('{}');
      }
    });
    const { open, generator } = await play(order(origin, { mostOutstanding: 2 }), never);
    const [result] = open;
    expect(result?.answered).toBe(30);
    // The one in the middle was due at 0.15 s, and could not be sent before 0.4 s.
    expect(result?.latencyMs.p50).toBeGreaterThan(200);
    expect(result?.timeline.p99Ms[1]).toBeGreaterThan(200);
    expect(generator).toMatchObject({ held: 28, mostOutstanding: 2 });
  });

  test('what comes after the deadline is answered, and no good', async () => {
    const origin = await serving((_, response) => void setTimeout(() => response.end('{}'), 60));
    const { open } = await play(order(origin, { open: [stream({ deadlineMs: 20 })] }), never);
    expect(open[0]).toMatchObject({ due: 30, answered: 30, good: 0 });
  });

  test('refusals are counted by status, apart from answers and failures', async () => {
    const statuses = [200, 429, 503, 500];
    let next = 0;
    const origin = await serving((_, response) => {
      response.writeHead(statuses[next++ % 4] ?? 200).end('{}');
    });
    const { open } = await play(order(origin, { seconds: 0.4 }), never);
    const [result] = open;
    expect(result).toMatchObject({
      due: 40,
      answered: 10,
      refused: { 429: 10, 503: 10 },
      failed: { 500: 10 },
      unanswered: 0,
    });
    expect(sum(result?.timeline.refused ?? [])).toBe(20);
    expect(result?.refusalMs?.p99).toBeGreaterThan(0);
  });

  test('a connection that breaks is a failure, and the next request has a new one', async () => {
    let next = 0;
    const origin = await serving((request, response) => {
      if (next++ === 3) request.socket.destroy();
      else response.end('{}');
    });
    const { open } = await play(order(origin), never);
    expect(open[0]).toMatchObject({ due: 30, answered: 29 });
    expect(sum(Object.values(open[0]?.failed ?? {}))).toBe(1);
  });

  test('what is never answered counts with the time for which it was waited', async () => {
    const origin = await serving(() => {});
    const { open } = await play(order(origin, { drainMs: 200 }), never);
    const [result] = open;
    expect(result).toMatchObject({ due: 30, answered: 0, good: 0, unanswered: 30 });
    expect(result?.latencyMs.p50).toBeGreaterThan(200);
  });

  test('streams have results of their own, and rows of their own from a trace', async () => {
    const sizes: number[] = [];
    const origin = await serving((request, response, body) => {
      const length = Number(request.headers['inference-header-content-length']);
      const { inputs } = JSON.parse(body.subarray(0, length).toString());
      sizes.push(inputs[0].shape[0]);
      expect(body.length - length).toBe(inputs[0].shape[0] * 8);
      response.end('{}');
    });
    const traced = stream({
      name: 'traced',
      arrivals: { kind: 'trace', times: [0, 0.1, 0.2], rows: [3, 1, 5] },
    });
    const { open } = await play(order(origin, { open: [stream(), traced] }), never);
    expect(open.map(({ name, due, goodRows }) => ({ name, due, goodRows }))).toEqual([
      { name: 'x', due: 30, goodRows: 30 },
      { name: 'traced', due: 3, goodRows: 9 },
    ]);
    expect(sum(sizes)).toBe(39);
  });

  test('ends when it is told to, with what there is', async () => {
    const controller = new AbortController();
    const origin = await serving((_, response) => {
      response.end('{}');
      controller.abort();
    });
    const { open } = await play(order(origin, { seconds: 3600 }), controller.signal);
    expect(open[0]?.answered).toBeGreaterThan(0);
  });
});

describe('a closed loop', () => {
  test('as many requests at a time as there are clients', async () => {
    let atOnce = 0;
    let most = 0;
    const origin = await serving((_, response) => {
      most = Math.max(most, ++atOnce);
      setTimeout(() => {
        atOnce--;
        response.end('{}');
      }, 5);
    });
    const closed = [{ name: 'all', request: REQUEST, clients: 3, rows: 2, deadlineMs: null, seed: 1 }];
    const { closed: results } = await play(order(origin, { open: [], closed }), never);
    expect(most).toBe(3);
    expect(results[0]?.answered).toBeGreaterThan(3);
    expect(results[0]?.goodRows).toBe(2 * (results[0]?.good ?? 0));
  });

  test('a client that reads gets its object before each request', async () => {
    const seen: (string | undefined)[] = [];
    const origin = await serving((request, response) => {
      seen.push(request.method);
      response.end('{}');
    });
    const fetches = `${origin}/data`;
    const closed = [
      { name: 'job', request: REQUEST, clients: 1, rows: 1, deadlineMs: null, seed: 1, fetches },
    ];
    await play(order(origin, { open: [], closed }), never);
    expect(seen.slice(0, 4)).toEqual(['GET', 'POST', 'GET', 'POST']);
  });
});
