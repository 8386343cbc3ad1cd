import {
  type JobInput,
  QueueError,
  queueStatus,
  type SubmitOptions,
  startWorker,
  submitJob,
  UsageError,
} from 'penstock';
import { describe, expect, test } from 'vitest';
import { freePort, NO_REDIS, REDIS, type RedisServer, redisServer } from '../helpers/redis.js';
import { withEnvironment } from '../helpers/s3.js';
import { idsIn, smallJob, upTo, work } from './small-run.js';

const submit = (redis: RedisServer, job: JobInput, options: SubmitOptions = {}) =>
  submitJob(job, { queue: redis.url, ...options });

describe.skipIf(!REDIS)(
  `a worker of the queue (${REDIS ? 'redis-server' : NO_REDIS})`,
  { timeout: 180_000 },
  () => {
    test('that drains ends its shard and takes no other', async () => {
      const redis = await redisServer();
      const { job, out, rows } = smallJob({ splits: 4, splitMs: 100 });
      await submit(redis, job, { shards: 4 });
      const signal = new AbortController();
      const first = await work(redis, { signal: signal.signal, drainSeconds: 20 });
      await first.said.until('shard-started');
      signal.abort();
      expect(await first.closed).toMatchObject({ shards: 1, rows: 4 });
      expect(first.said.of('shard-started')).toHaveLength(1);
      expect(first.said.of('draining')).toEqual([{ kind: 'draining', seconds: 20 }]);
      expect((await queueStatus({ queue: redis.url })).workers).toEqual([]);
      await (await work(redis, { exitWhenIdle: true })).closed;
      expect(await idsIn(out)).toEqual(upTo(rows));
    });

    test('that has no time to drain puts its shard back, which counts as no attempt, and another goes on with it', async () => {
      const redis = await redisServer();
      const { job, out, rows } = smallJob({ splits: 20, splitMs: 50 });
      await submit(redis, job, { shards: 1, attempts: 1 });
      const first = await work(redis, { drainSeconds: 0 });
      await first.said.until('shard-started');
      expect(await first.drain()).toMatchObject({ shards: 0 });
      expect(first.said.of('shard-returned')).toMatchObject([{ because: 'this worker ends' }]);
      const { runs } = await queueStatus({ queue: redis.url });
      expect(runs[0]?.shards).toMatchObject({ waiting: 1, active: 0 });
      const second = await work(redis);
      expect((await second.said.until('shard-started'))[0]?.attempt).toBe(1);
      await second.said.until('run-ended');
      expect(await idsIn(out)).toEqual(upTo(rows));
    });

    test('whose lock is lost finishes its shard, and the one that was given it does not do it twice', async () => {
      const redis = await redisServer();
      const { job, out, rows } = smallJob({ splits: 30, splitMs: 100 });
      const { run } = await submit(redis, job, { shards: 1 });
      const first = await work(redis, { lockSeconds: 2 });
      await first.said.until('shard-started');
      const second = await work(redis, { lockSeconds: 2 });
      // As if it had not been renewed in time.
      await redis.client().del(`bull:penstock.${run}:s0:lock`);
      const [returned] = await second.said.until('shard-returned');
      expect(returned?.because).toMatch(/is in use/);
      const [warning] = await first.said.until('warning');
      expect(warning?.message).toMatch(/shard 1\/1 of run .* is done, but it was given to another worker/);
      await Promise.race([first.said.until('run-ended'), second.said.until('run-ended')]);
      expect(await idsIn(out)).toEqual(upTo(rows));
      const { runs } = await queueStatus({ queue: redis.url });
      expect(runs[0]?.report?.rows).toEqual({ read: rows, written: rows, deadLettered: 0, resumed: 0 });
      // Nothing was computed twice.
      expect(runs[0]?.report?.batches.count).toBe(0);
    });

    test('of a queue that was flushed says so, leaves the shard, and goes on with what is submitted then', async () => {
      const redis = await redisServer();
      const { job, out, rows } = smallJob({ splits: 40, splitMs: 100 });
      const { run } = await submit(redis, job, { shards: 1 });
      const worker = await work(redis, { lockSeconds: 2 });
      await worker.said.until('shard-started');
      await redis.flush();
      const [warning] = await worker.said.until('warning');
      expect(warning?.message).toContain(`the queue no longer knows run ${run} (small)`);
      expect(warning?.message).toContain('Submit the job again: what is committed stays');
      expect(await submit(redis, job, { shards: 4 })).toMatchObject({ run, state: 'queued' });
      await worker.said.until('run-ended');
      expect(await idsIn(out)).toEqual(upTo(rows));
    });

    test('goes on while Redis is away, says so once, and once that it is back', async () => {
      const redis = await redisServer();
      const { job, out, rows } = smallJob({ splits: 20, splitMs: 50 });
      await submit(redis, job, { shards: 2 });
      const worker = await work(redis);
      await worker.said.until('shard-started');
      await redis.stop();
      await worker.said.until('queue-lost');
      await redis.start();
      await worker.said.until('queue-back');
      await worker.said.until('run-ended');
      expect(worker.said.of('queue-lost')).toHaveLength(1);
      expect(worker.said.of('queue-back')).toHaveLength(1);
      expect(worker.said.of('shard-ended')).toHaveLength(2);
      expect(await idsIn(out)).toEqual(upTo(rows));
    });

    test('ends although Redis is away, once its shard has ended', async () => {
      const redis = await redisServer();
      const { job } = smallJob({ splits: 10, splitMs: 50 });
      await submit(redis, job, { shards: 2 });
      const worker = await work(redis, { drainSeconds: 20 });
      await worker.said.until('shard-started');
      await redis.stop();
      await worker.drain();
      expect(worker.said.of('shard-started')).toHaveLength(1);
    });

    test('takes over from one that was killed, of a run and of the end of a run', async () => {
      const redis = await redisServer();
      const { job, out, rows } = smallJob({ splits: 4 });
      const { run } = await submit(redis, job, { shards: 1 });
      // What a killed worker leaves: a shard at work whose lock nobody renews.
      const client = redis.client();
      await client.lmove(`bull:penstock.${run}:wait`, `bull:penstock.${run}:active`, 'RIGHT', 'LEFT');
      const worker = await work(redis, { lockSeconds: 2 });
      await worker.said.until('run-ended');
      expect(await idsIn(out)).toEqual(upTo(rows));
    });

    test('can not be where there is no Redis, where it refuses us, or where its options are wrong', async () => {
      const port = await freePort();
      await expect(startWorker({ queue: `redis://me:hunter2@127.0.0.1:${port}` })).rejects.toThrow(
        `redis://127.0.0.1:${port}: the queue can't be reached`,
      );
      const locked = await redisServer({ password: 'hunter2' });
      const refused = startWorker({ queue: locked.bareUrl });
      await expect(refused).rejects.toBeInstanceOf(QueueError);
      await expect(refused).rejects.toThrow('asks for a password');
      const wrong = startWorker({ queue: `redis://:hunter3@127.0.0.1:${locked.port}` });
      await expect(wrong).rejects.toThrow('does not take this user and password');
      await expect(startWorker({ queue: locked.url, lockSeconds: 0 })).rejects.toBeInstanceOf(UsageError);
      await expect(startWorker({ queue: 'nowhere' })).rejects.toBeInstanceOf(UsageError);
      await expect(startWorker({ queue: locked.url, allowDigests: ['sha256:0'] })).rejects.toBeInstanceOf(
        UsageError,
      );
    });
  },
);

describe.skipIf(!REDIS)(
  `what stands in the queue (${REDIS ? 'redis-server' : NO_REDIS})`,
  { timeout: 180_000 },
  () => {
    test('is no secret: neither of the queue nor of storage', async () => {
      const redis = await redisServer({ username: 'penstock', password: 'hunter2' });
      withEnvironment({ AWS_SECRET_ACCESS_KEY: 'hunter4' });
      const { job } = smallJob();
      await submit(redis, job, { shards: 2 });
      await (await work(redis, { exitWhenIdle: true })).closed;
      const client = redis.client();
      const keys = await client.keys('*');
      expect(keys.length).toBeGreaterThan(0);
      const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
      const all = Buffer.concat(dumps.filter((dump) => dump !== null)).toString('latin1');
      expect(all).toContain('small');
      expect(all).not.toMatch(/hunter/);
      const signed = { ...job, source: { uri: 'https://127.0.0.1/data.arrow?X-Amz-Signature=hunter5' } };
      await expect(submit(redis, signed)).rejects.toThrow('source.uri: is a secret');
    });

    test('is all of one queue: another name is another queue, and nothing of a run is left but its report', async () => {
      const redis = await redisServer();
      const { job } = smallJob();
      await submit(redis, job, { shards: 2, name: 'blue' });
      expect((await queueStatus({ queue: redis.url })).runs).toEqual([]);
      expect((await queueStatus({ queue: redis.url, name: 'blue' })).runs).toHaveLength(1);
      const worker = await work(redis, { name: 'blue', exitWhenIdle: true });
      await worker.closed;
      const keys = await redis.client().keys('*');
      expect(keys.filter((key) => !/^(bull:blue:|blue:run:)/.test(key))).toEqual([]);
    });
  },
);
