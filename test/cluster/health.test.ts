import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { serveHealth } from '../../src/cluster/health.js';
import { parseHealthAddress } from '../../src/cluster/health-address.js';
import { HealthState } from '../../src/cluster/health-state.js';
import type { ShardId, WorkerEvent } from '../../src/cluster/worker-options.js';
import { lint, parseExposition } from '../serve/exposition.js';

const SHARD: ShardId = { run: '0123456789abcdef', job: 'digits', index: 1, count: 4 };
const READY: WorkerEvent = { kind: 'ready', worker: 'host-1' };
const LOST: WorkerEvent = { kind: 'queue-lost', error: new Error('connection refused') };

async function healthOf(state: HealthState): Promise<(path: string, method?: string) => Promise<Response>> {
  const server = await serveHealth({ host: '127.0.0.1', port: 0 }, state);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return (path, method = 'GET') => fetch(server.url + path, { method });
}

describe('a worker’s health', () => {
  test('is ready once it is registered, and not while the queue is out of reach or it drains', async () => {
    const state = new HealthState();
    const ask = await healthOf(state);
    const readiness = async () => {
      const answer = await ask('/readyz');
      return [answer.status, await answer.json()];
    };
    expect(await readiness()).toEqual([503, { ready: false, because: 'it is starting' }]);
    state.observe(READY);
    expect(await readiness()).toEqual([200, { ready: true }]);
    state.observe(LOST);
    expect(await readiness()).toEqual([503, { ready: false, because: 'the queue is out of reach' }]);
    state.observe({ kind: 'queue-back', seconds: 3 });
    expect(await readiness()).toEqual([200, { ready: true }]);
    state.observe({ kind: 'draining', seconds: 20 });
    expect(await readiness()).toEqual([503, { ready: false, because: 'it is draining' }]);
  });

  test('is live whatever becomes of the queue', async () => {
    const state = new HealthState();
    const ask = await healthOf(state);
    expect((await ask('/healthz')).status).toBe(200);
    state.observe(READY);
    state.observe(LOST);
    expect((await ask('/healthz')).status).toBe(200);
  });

  test('is ready where one of several processes is', async () => {
    const state = new HealthState(2);
    const ask = await healthOf(state);
    state.observe(READY, 1);
    expect((await ask('/readyz')).status).toBe(200);
    state.ended(1);
    expect((await ask('/readyz')).status).toBe(503);
  });

  test('is told to Prometheus as promtool wants it, by process', async () => {
    const state = new HealthState(2);
    const ask = await healthOf(state);
    state.observe(READY, 1);
    state.observe({ kind: 'shard-started', shard: SHARD, attempt: 1 }, 1);
    state.observe({ kind: 'shard-failed', shard: SHARD, error: new Error('no'), again: true }, 1);
    state.observe({ kind: 'shard-started', shard: SHARD, attempt: 2 }, 1);
    state.observe({ kind: 'shard-ended', shard: SHARD, rows: 500, seconds: 1.5 }, 1);
    state.observe({ kind: 'shard-started', shard: SHARD, attempt: 1 }, 1);
    state.observe({ kind: 'shard-returned', shard: SHARD, because: 'interrupted' }, 1);
    state.observe({ kind: 'shard-started', shard: SHARD, attempt: 1 }, 1);
    state.observe(LOST, 1);
    // Reading twice changes nothing.
    await (await ask('/metrics')).text();
    const families = parseExposition(await (await ask('/metrics')).text());
    expect([...families.values()].flatMap(lint)).toEqual([]);
    const value = (name: string, labels: object) =>
      families
        .get(name)
        ?.samples.find((sample) => expect.objectContaining(labels).asymmetricMatch(sample.labels))?.value;
    for (const [outcome, count] of Object.entries({ completed: 1, failed: 1, returned: 1 }))
      expect(value('penstock_worker_shards_total', { process: '1', outcome })).toBe(count);
    expect(value('penstock_worker_rows_total', { process: '1' })).toBe(500);
    expect(value('penstock_worker_rows_total', { process: '0' })).toBe(0);
    expect(value('penstock_worker_shard_seconds_total', { process: '1' })).toBe(1.5);
    expect(value('penstock_worker_at_work', { process: '1' })).toBe(1);
    expect(value('penstock_worker_queue_connected', { process: '1' })).toBe(0);
    expect(value('penstock_worker_queue_losses_total', { process: '1' })).toBe(1);
    expect(value('penstock_worker_info', { process: '1', worker: 'host-1' })).toBe(1);
  });

  test('is all that is told, and nothing is taken', async () => {
    const ask = await healthOf(new HealthState());
    expect((await ask('/')).status).toBe(404);
    const posted = await ask('/healthz', 'POST');
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(await (await ask('/healthz', 'HEAD')).text()).toBe('');
  });

  test('says so where its port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(serveHealth({ host: '127.0.0.1', port }, new HealthState())).rejects.toThrow(
      `--health: can't listen on 127.0.0.1 port ${port}`,
    );
  });
});

test.each([
  ['8080', { host: '127.0.0.1', port: 8080 }],
  ['0.0.0.0:8080', { host: '0.0.0.0', port: 8080 }],
  ['[::]:0', { host: '::', port: 0 }],
  ['worker.local:80', { host: 'worker.local', port: 80 }],
])('--health %s', (text, address) => expect(parseHealthAddress(text)).toEqual(address));

test.each(['', 'x', '99999', ':8080', '0.0.0.0:', '::8080', '8080/healthz'])(
  '--health %j is refused',
  (text) => expect(() => parseHealthAddress(text)).toThrow('expected [HOST:]PORT'),
);
