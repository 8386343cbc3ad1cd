import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { withoutProcesses } from '../../src/cli/worker-processes.js';
import { penstock, start } from '../cli/penstock.js';
import { childrenOf, hasProc, isAlive, NO_PROC } from '../helpers/processes.js';
import { NO_REDIS, REDIS, redisServer } from '../helpers/redis.js';

describe('penstock worker --processes', () => {
  test.each([
    [
      ['worker', '--processes', '2', '--json'],
      ['worker', '--json'],
    ],
    [
      ['worker', '--processes=auto', '--queue', 'redis://a'],
      ['worker', '--queue', 'redis://a'],
    ],
    [
      ['worker', '--json'],
      ['worker', '--json'],
    ],
  ])('starts each with what is left of %j', (args, left) => {
    expect(withoutProcesses(args)).toEqual(left);
  });

  test('of how many is wrong usage', async () => {
    const { code, stderr } = await penstock('worker', '--processes', 'many', '--queue', 'redis://localhost');
    expect(code).toBe(2);
    expect(stderr).toContain('--processes: must be auto or a whole number from 1 to 1024, not many');
  });

  test('that are called wrongly ends with that, and starts none again', async () => {
    const { code, stderr } = await penstock('worker', '--processes', '2', '--queue', 'http://localhost');
    expect(code).toBe(2);
    expect(stderr).toMatch(/process \d │ penstock: --queue: is not a redis: or rediss: URL/);
    expect(stderr).not.toContain('started again');
  });

  test('starts again what was killed, hands signals on, and waits for all', async (context) => {
    context.skip(!REDIS, NO_REDIS);
    context.skip(!hasProc, NO_PROC);
    const redis = await redisServer();
    const env = { CUDA_VISIBLE_DEVICES: '5,7' };
    const { child, ended } = start(
      ['worker', '--processes', 'auto', '--providers', 'cpu', '--queue', redis.url, '--health', '0'],
      { env },
    );
    let log = '';
    child.stderr.on('data', (text: string) => {
      log += text;
    });
    const said = (text: string, times: number) =>
      vi.waitFor(() => expect(log.split(text)).toHaveLength(times + 1), { timeout: 100_000, interval: 20 });
    await said('takes shards', 2);
    const workers = childrenOf(child.pid as number);
    expect(workers).toHaveLength(2);
    const devices = workers.map(
      (pid) => /CUDA_VISIBLE_DEVICES=([^\0]*)/.exec(readFileSync(`/proc/${pid}/environ`, 'latin1'))?.[1],
    );
    expect(devices.sort()).toEqual(['5', '7']);
    const health = /http:\/\/\S+(?=\/readyz)/.exec(log)?.[0];
    await vi.waitFor(async () => expect((await fetch(`${health}/readyz`)).status).toBe(200), {
      timeout: 20_000,
    });
    const metrics = await (await fetch(`${health}/metrics`)).text();
    expect(metrics).toContain('penstock_worker_ready{process="1"} 1');
    process.kill(workers[0] as number, 'SIGKILL');
    await said('takes shards', 3);
    expect(log).toMatch(/gpu \d │ ended: SIGKILL; started again in 1\.00 s/);
    const now = childrenOf(child.pid as number);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    expect(now.filter(isAlive)).toEqual([]);
  }, 240_000);
});
