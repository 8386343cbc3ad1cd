import { writeFileSync } from 'node:fs';
import { submitJob } from 'penstock';
import { expect, test, vi } from 'vitest';
import { start } from '../cli/penstock.js';
import { NO_REDIS, REDIS, redisServer } from '../helpers/redis.js';
import { idsIn, smallJob, upTo } from './small-run.js';

test('penstock worker --serve answers requests and does shards, and drains both', async (context) => {
  context.skip(!REDIS, NO_REDIS);
  const redis = await redisServer();
  const { job, out, at, rows } = smallJob({ splits: 12, splitMs: 20 });
  const models = {
    sim: { model: { runtime: 'simulated', options: { batchMicros: 500 } }, inputs: { x: { shape: [1] } } },
  };
  writeFileSync(at('serve.json'), JSON.stringify({ listen: { port: 0, grpcPort: null }, models }));
  const { child, ended } = start(['worker', '--serve', at('serve.json'), '--queue', redis.url]);
  let log = '';
  child.stderr.on('data', (text: string) => {
    log += text;
  });
  const url = await vi.waitFor(
    () => {
      const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(log) ?? [];
      if (found === undefined || !log.includes('takes shards')) throw new Error(log);
      return found;
    },
    { timeout: 60_000, interval: 20 },
  );
  await submitJob(job, { queue: redis.url, shards: 3 });
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [7] }] });
  await vi.waitFor(
    async () => {
      const answer = await fetch(`${url}/v2/models/sim/infer`, { method: 'POST', body });
      expect(await answer.json()).toMatchObject({ outputs: [{ name: 'checksum', data: [7] }] });
      expect(log).toContain('is complete');
    },
    { timeout: 60_000, interval: 20 },
  );
  expect(await idsIn(out)).toEqual(upTo(rows));
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(new RegExp(`penstock_job_rows_total\\{job_name="small"[^}]*\\} ${rows}\\n`));
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
}, 240_000);
