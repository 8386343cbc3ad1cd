import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  cancelRun,
  type JobInput,
  QueueError,
  queueStatus,
  type RunStatus,
  runJob,
  type SubmitOptions,
  submitJob,
} from 'penstock';
import { describe, expect, test } from 'vitest';
import { RunQueue } from '../../src/cluster/run-queue.js';
import { Wake } from '../../src/cluster/wake.js';
import { alive } from '../helpers/garbage.js';
import { NO_REDIS, REDIS, type RedisServer, redisServer } from '../helpers/redis.js';
import { idsIn, smallJob, upTo, work } from './small-run.js';

const submit = (redis: RedisServer, job: JobInput, options: SubmitOptions = {}) =>
  submitJob(job, { queue: redis.url, ...options });

async function statusOf(redis: RedisServer, run: string): Promise<RunStatus | undefined> {
  const { runs } = await queueStatus({ queue: redis.url });
  return runs.find((one) => one.run === run);
}

const EMPTY = { total: 0, done: 0, active: 0, waiting: 0, delayed: 0 };

describe.skipIf(!REDIS)(
  `a run in the queue (${REDIS ? 'redis-server' : NO_REDIS})`,
  { timeout: 180_000 },
  () => {
    test('is done by a worker, shard by shard, and leaves what a run on one machine leaves, and a report', async () => {
      const redis = await redisServer();
      const { job, out, rows } = smallJob();
      const submission = await submit(redis, job, { shards: 3 });
      expect(submission).toMatchObject({ job: 'small', state: 'queued', shards: 3, splits: 6, committed: 0 });
      expect(await redis.client().scard('penstock:open')).toBe(3);

      const worker = await work(redis, { exitWhenIdle: true });
      expect(await worker.closed).toMatchObject({ worker: worker.id, shards: 3, rows, failed: 0 });
      expect(await idsIn(out)).toEqual(upTo(rows));
      expect(existsSync(join(out, '_SUCCESS'))).toBe(true);
      expect(await redis.client().scard('penstock:open')).toBe(0);

      const status = await statusOf(redis, submission.run);
      expect(status).toMatchObject({
        state: 'completed',
        shards: { ...EMPTY, total: 3, done: 3 },
        rows,
        error: null,
      });
      expect(status?.report).toMatchObject({
        rows: { read: rows, written: rows, deadLettered: 0, resumed: 0 },
        batches: { count: 6 },
        simulated: true,
        workers: [{ id: worker.id, shards: 3, rows, devices: [{ simulated: true, batches: 6 }] }],
      });
      expect((await queueStatus({ queue: redis.url })).workers).toEqual([]);
    });

    test('is shared by workers, each of which says what it is at', async () => {
      const redis = await redisServer();
      const { job, out, rows } = smallJob({ splits: 8, splitMs: 150 });
      const [one, two] = [await work(redis), await work(redis, { labels: { zone: 'b' } })];
      const { run } = await submit(redis, job, { shards: 8 });
      await Promise.all([one.said.until('shard-started'), two.said.until('shard-started')]);
      const { workers, runs } = await queueStatus({ queue: redis.url });
      expect(workers.map(({ id }) => id).sort()).toEqual([one.id, two.id].sort());
      expect(workers.find(({ id }) => id === two.id)?.offer.labels).toEqual({ zone: 'b' });
      expect(runs[0]).toMatchObject({ run, state: 'running', shards: { total: 8 } });
      await Promise.race([one.said.until('run-ended'), two.said.until('run-ended')]);
      expect(await idsIn(out)).toEqual(upTo(rows));
      const report = (await statusOf(redis, run))?.report;
      expect(report?.workers.map(({ id }) => id).sort()).toEqual([one.id, two.id].sort());
      expect(report?.workers.reduce((sum, { shards }) => sum + shards, 0)).toBe(8);
    });

    test('is submitted once, however often that is said, and not at all where all is done', async () => {
      const redis = await redisServer();
      const { job, out, rows } = smallJob();
      const first = await submit(redis, job, { shards: 3 });
      expect(await submit(redis, job, { shards: 2 })).toEqual({ ...first, state: 'known' });
      expect(await redis.client().scard('penstock:open')).toBe(3);
      await (await work(redis, { exitWhenIdle: true })).closed;
      const again = await submit(redis, job);
      expect(again).toMatchObject({ run: first.run, state: 'completed', shards: 0, committed: 6 });
      expect(again.report?.rows).toEqual({ read: 0, written: 0, deadLettered: 0, resumed: rows });

      // Something is missing: it is done again, and only that.
      rmSync(join(out, 'part-00002.jsonl'));
      expect(await submit(redis, job, { shards: 3 })).toMatchObject({
        run: first.run,
        state: 'queued',
        committed: 5,
      });
      await (await work(redis, { exitWhenIdle: true })).closed;
      expect(await idsIn(out)).toEqual(upTo(rows));
      expect((await statusOf(redis, first.run))?.report?.rows).toMatchObject({
        written: 4,
        resumed: rows - 4,
      });
    });

    test('is submitted once, however many submit it at the same moment', async () => {
      const redis = await redisServer();
      const { job } = smallJob({ more: { sink: { format: 'none' } } });
      const submissions = await Promise.all(
        Array.from({ length: 4 }, () => submit(redis, job, { shards: 3 })),
      );
      const states = submissions.map(({ state }) => state).sort();
      expect(states).toEqual(['known', 'known', 'known', 'queued']);
      expect(await redis.client().scard('penstock:open')).toBe(3);
      expect(await redis.client().keys('*submission*')).toEqual([]);
      expect(await (await work(redis, { exitWhenIdle: true })).closed).toMatchObject({ shards: 3 });
    });

    test('leaves nothing that workers would be started for where it can not be put there', async () => {
      const redis = await redisServer();
      const client = redis.client();
      await client.acl('SETUSER', 'default', '-eval', '-evalsha');
      const { job } = smallJob();
      await expect(submit(redis, job)).rejects.toThrow('EXECABORT');
      expect(await client.scard('penstock:open')).toBe(0);
    });

    test('is forgotten by whoever holds its queue', async () => {
      const redis = await redisServer();
      using queue = await RunQueue.open({ queue: redis.url });
      const { bull } = queue;
      const refs = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          await bull.take(`run-${i}`, 'token');
          return new WeakRef<object>(bull.queue(`run-${i}`));
        }),
      );
      bull.keepOnly(['run-7']);
      expect(await alive(refs)).toBe(1);
    });

    test('leaves no connection where its user may not listen', async () => {
      const redis = await redisServer();
      const client = redis.client();
      using queue = await RunQueue.open({ queue: redis.url });
      await client.acl('SETUSER', 'default', 'resetchannels');
      await expect(Wake.on(queue.redis, queue.names)).rejects.toThrow('NOPERM');
      const connections = async (): Promise<number> =>
        String(await client.client('LIST'))
          .trim()
          .split('\n').length;
      await expect.poll(connections, { timeout: 20_000 }).toBe(2);
    });

    test('is another one with other data, or another sink', async () => {
      const redis = await redisServer();
      const { job, at } = smallJob();
      const runs = [
        await submit(redis, job),
        await submit(redis, { ...job, sink: { uri: at('elsewhere'), format: 'jsonl' } }),
        await submit(redis, { ...job, sink: { uri: at('third'), format: 'jsonl', keep: ['id'] } }),
      ].map(({ run }) => run);
      expect(new Set(runs).size).toBe(3);
    });

    test('goes on from what a run without a queue has committed', async () => {
      const redis = await redisServer();
      const { job, out, rows } = smallJob();
      await runJob(job, { shard: { index: 0, count: 2 } });
      expect(await submit(redis, job, { shards: 2 })).toMatchObject({ state: 'queued', committed: 3 });
      const worker = await work(redis, { exitWhenIdle: true });
      await worker.closed;
      expect(await idsIn(out)).toEqual(upTo(rows));
      const [ended] = await worker.said.until('run-ended');
      expect(ended?.rows).toBe(rows);
    });

    test('fails at once where its job can not run, with the reason, and what does not is run', async () => {
      const redis = await redisServer();
      const { job, at, out, rows } = smallJob({ splits: 8 });
      const transform = at('transform.mjs');
      writeFileSync(transform, `export default () => { throw new Error('no such luck'); };`);
      const failing = { ...job, transform };
      const { run } = await submit(redis, failing, { shards: 8 });
      const worker = await work(redis, { allowCode: true });
      const [failed] = await worker.said.until('run-failed');
      expect(failed?.error.message).toContain('no such luck');
      expect(worker.said.of('shard-failed')).toHaveLength(1);
      expect(worker.said.of('shard-failed')[0]?.again).toBe(false);
      const status = await statusOf(redis, run);
      expect(status).toMatchObject({ state: 'failed', shards: { waiting: 0, active: 0, delayed: 0 } });
      expect(status?.error).toMatch(/shard \d\/8 of run [0-9a-f]{16} on .*no such luck/s);
      expect(await redis.client().scard('penstock:open')).toBe(0);

      // Without the transform it is another job.
      await submit(redis, job, { shards: 2, overwrite: true });
      await worker.said.until('run-ended');
      expect(await idsIn(out)).toEqual(upTo(rows));
    });

    test('is tried again where storage has failed, and goes on where it can', async () => {
      const redis = await redisServer();
      const { job, at, out, rows } = smallJob({ splits: 2 });
      const { run } = await submit(redis, job, { shards: 2, attempts: 9 });
      // A file in the place of the directory.
      rmSync(out, { recursive: true });
      writeFileSync(out, '');
      const worker = await work(redis);
      const [failed] = await worker.said.until('shard-failed');
      expect(failed?.again).toBe(true);
      expect((await statusOf(redis, run))?.state).not.toBe('failed');
      rmSync(at('out'));
      await worker.said.until('run-ended');
      expect(await idsIn(out)).toEqual(upTo(rows));
    });

    test('that is cancelled is left within moments, keeps what is committed, and goes on when it is submitted again', async () => {
      const redis = await redisServer();
      const { job, out, rows } = smallJob({ splits: 40, splitMs: 100 });
      const { run } = await submit(redis, job, { shards: 2 });
      const worker = await work(redis);
      await worker.said.until('shard-started');
      expect(await cancelRun(run.slice(0, 8), { queue: redis.url })).toEqual({
        run,
        job: 'small',
        state: 'cancelled',
      });
      const [left] = await worker.said.until('shard-returned');
      expect(left?.because).toBe('the run was cancelled');
      await worker.said.until('run-failed');
      expect(await statusOf(redis, run)).toMatchObject({
        state: 'cancelled',
        error: null,
        shards: { waiting: 0, active: 0 },
      });
      expect(await redis.client().scard('penstock:open')).toBe(0);
      expect(await cancelRun(run, { queue: redis.url })).toMatchObject({ state: 'ended' });

      const again = await submit(
        redis,
        { ...job, model: { runtime: 'simulated', options: { batchMicros: 100_000 } } },
        { shards: 4 },
      );
      expect(again).toMatchObject({ run, state: 'queued' });
      await worker.said.until('run-ended');
      expect(await idsIn(out)).toEqual(upTo(rows));
    });

    test('that is cancelled before any worker has come is cancelled all the same', async () => {
      const redis = await redisServer();
      const { job } = smallJob();
      const { run } = await submit(redis, job);
      await cancelRun(run, { queue: redis.url });
      expect(await statusOf(redis, run)).toMatchObject({ state: 'cancelled', shards: { waiting: 0 } });
      await expect(cancelRun('feedfeed', { queue: redis.url })).rejects.toThrow(QueueError);
      expect(await submit(redis, job)).toMatchObject({ run, state: 'queued' });
      expect(await statusOf(redis, run)).toMatchObject({
        state: 'waiting',
        shards: { total: 6, waiting: 6 },
      });
    });

    test('of a more urgent priority comes first, and those of the same share by weight', async () => {
      const redis = await redisServer();
      const jobs = {
        light: smallJob({ name: 'light', splits: 6, splitMs: 20 }),
        heavy: smallJob({ name: 'heavy', splits: 6, splitMs: 20 }),
        urgent: smallJob({ name: 'urgent', splits: 2 }),
      };
      await submit(redis, jobs.light.job, { shards: 6, priority: 2 });
      await submit(redis, jobs.heavy.job, { shards: 6, priority: 2, weight: 3 });
      await submit(redis, jobs.urgent.job, { shards: 2, priority: 1 });
      const worker = await work(redis, { exitWhenIdle: true });
      await worker.closed;
      const order = worker.said.of('shard-started').map(({ shard }) => shard.job);
      expect(order.slice(0, 2)).toEqual(['urgent', 'urgent']);
      // Until the heavy one is done, it has had about three shards for each of the light one.
      const rest = order.slice(2);
      const light = rest.slice(0, rest.lastIndexOf('heavy')).filter((name) => name === 'light').length;
      expect(light).toBeGreaterThanOrEqual(1);
      expect(light).toBeLessThanOrEqual(4);
      for (const { out, rows } of Object.values(jobs)) expect(await idsIn(out)).toEqual(upTo(rows));
    });

    test('that asks for what no worker has waits, and status says what is missing', async () => {
      const redis = await redisServer();
      const { job } = smallJob();
      const other = smallJob({ name: 'other' });
      const { run } = await submit(redis, job, { shards: 2, labels: { gpu: 'a100' } });
      expect((await statusOf(redis, run))?.unmet).toEqual(['no worker is there']);
      const worker = await work(redis, { labels: { gpu: 't4' } });
      await submit(redis, other.job, { shards: 2 });
      await worker.said.until('run-ended');
      expect(worker.said.of('shard-started').every(({ shard }) => shard.job === 'other')).toBe(true);
      expect(await statusOf(redis, run)).toMatchObject({
        state: 'waiting',
        unmet: [`${worker.id}: no label gpu=a100 (it has gpu=t4)`],
      });
      const fitting = await work(redis, { labels: { gpu: 'a100' } });
      // Any worker may end a run.
      await Promise.race([fitting.said.until('run-ended'), worker.said.until('run-ended', 2)]);
      expect((await statusOf(redis, run))?.state).toBe('completed');
    });

    test('with a transform is left to workers that may run its code', async () => {
      const redis = await redisServer();
      const { job, at, out, rows } = smallJob();
      const transform = at('transform.mjs');
      writeFileSync(transform, 'export default () => ({});');
      const { run } = await submit(redis, { ...job, transform }, { shards: 2 });
      const timid = await work(redis, { exitWhenIdle: true });
      await timid.closed;
      expect(timid.said.of('shard-started')).toEqual([]);
      expect((await statusOf(redis, run))?.state).toBe('waiting');
      const bold = await work(redis, { allowCode: true });
      await bold.said.until('run-ended');
      expect(await idsIn(out)).toEqual(upTo(rows));
    });

    test('that is malformed, or of another version, fails with a sentence, and costs the others nothing', async () => {
      const redis = await redisServer();
      const { job } = smallJob();
      const other = smallJob({ name: 'other' });
      const { run } = await submit(redis, job, { shards: 2 });
      const key = `bull:penstock:${run}`;
      const data = JSON.parse((await redis.client().hget(key, 'data')) ?? '');
      await redis.client().hset(key, 'data', JSON.stringify({ ...data, v: 2 }));
      const worker = await work(redis);
      const [failed] = await worker.said.until('run-failed');
      expect(failed?.error.message).toContain('of form 2, and this version of Penstock reads form 1');
      expect((await statusOf(redis, run))?.state).toBe('failed');

      const second = await submit(redis, other.job, { shards: 2 });
      await worker.said.until('run-ended');
      expect((await statusOf(redis, second.run))?.state).toBe('completed');
      expect(await submit(redis, job, { shards: 2 })).toMatchObject({ run, state: 'queued' });
      const [, again] = await worker.said.until('run-ended', 2);
      expect(again?.run).toBe(run);
    });
  },
);
