import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { idsIn, type SmallOptions, smallJob, upTo } from '../cluster/small-run.js';
import { freePort, NO_REDIS, REDIS, REDIS_CA, type RedisServer, redisServer } from '../helpers/redis.js';
import { penstock, type Started, start } from './penstock.js';

/** A job in a file. */
function jobFile(options: SmallOptions = {}) {
  const small = smallJob(options);
  const file = small.at('job.json');
  writeFileSync(file, JSON.stringify(small.job));
  return { ...small, file };
}

const worker = (redis: RedisServer, ...flags: string[]): Started =>
  start(['worker', '--queue', redis.url, '--providers', 'cpu', ...flags]);

describe.skipIf(!REDIS)(
  `commands of the queue (${REDIS ? 'redis-server' : NO_REDIS})`,
  { timeout: 180_000 },
  () => {
    test('submit, worker and status do a job, and print documents on stdout alone', async () => {
      const redis = await redisServer();
      const { file, out, rows } = jobFile();
      const submitted = await penstock('submit', file, '--queue', redis.url, '--shards', '3', '--json');
      expect(submitted.code, submitted.stderr).toBe(0);
      const submission = JSON.parse(submitted.stdout);
      expect(submission).toMatchObject({ job: 'small', state: 'queued', shards: 3, splits: 6 });
      expect(submitted.stderr).toContain(
        `small: run ${submission.run} is in the queue, 3 shards of 6 splits`,
      );

      const waiting = await penstock('status', '--queue', redis.url);
      expect(waiting.stdout).toBe('');
      expect(waiting.stderr).toMatch(/1 run to do, 0 workers/);
      expect(waiting.stderr).toMatch(/small +waiting +0\/3/);
      expect(waiting.stderr).toContain('nobody can take its shards: no worker is there');

      const done = await worker(redis, '--exit-when-idle', '--json').ended;
      expect(done.code, done.stderr).toBe(0);
      expect(JSON.parse(done.stdout)).toMatchObject({ shards: 3, rows, failed: 0 });
      expect(done.stderr).toMatch(/small 1\/3: started\n/);
      expect(await idsIn(out)).toEqual(upTo(rows));

      const status = await penstock('status', submission.run.slice(0, 6), '--queue', redis.url, '--json');
      expect(JSON.parse(status.stdout)).toMatchObject({ run: submission.run, state: 'completed', rows });
      const text = await penstock('status', submission.run, '--queue', redis.url);
      expect(text.stderr).toMatch(/small: run [0-9a-f]{16} completed/);
      expect(text.stderr).toContain(`${rows} read, ${rows} written`);
      const again = await penstock('submit', file, '--queue', redis.url, '--wait');
      expect(again).toMatchObject({ code: 0, stdout: '' });
      expect(again.stderr).toContain('nothing left to do: all 6 parts are there');
    });

    test('submit --wait shows how it goes, and reports at the end as run does', async () => {
      const redis = await redisServer();
      const { file, rows, out } = jobFile();
      const working = worker(redis);
      const waited = await submitAndWait(file, redis.url);
      expect(waited.code, waited.stderr).toBe(0);
      expect(JSON.parse(waited.stdout)).toMatchObject({
        status: 'completed',
        shards: 2,
        rows: { written: rows },
      });
      expect(waited.stderr).toMatch(/\d\/2 shards/);
      working.child.kill('SIGTERM');
      expect((await working.ended).code).toBe(0);
      expect(await idsIn(out)).toEqual(upTo(rows));
    });

    test('submit --wait ends with 3 where rows are in the dead letters', async () => {
      const redis = await redisServer();
      const { file } = jobFile({
        rows: 50,
        // The last of 300 ids do not fit a byte.
        more: { inputs: { x: { column: 'id', dtype: 'uint8' } }, errors: { maxRows: 100 } },
      });
      worker(redis);
      const waited = await submitAndWait(file, redis.url);
      expect(waited.code, waited.stderr).toBe(3);
      expect(JSON.parse(waited.stdout)).toMatchObject({ rows: { written: 256, deadLettered: 44 } });
    });

    test('submit --wait ends with 1 and the reason where the run fails', async () => {
      const redis = await redisServer();
      const { file } = jobFile({ rows: 50, more: { inputs: { x: { column: 'id', dtype: 'uint8' } } } });
      const working = worker(redis);
      const waited = await submitAndWait(file, redis.url);
      expect(waited.code).toBe(1);
      expect(JSON.parse(waited.stdout)).toMatchObject({
        job: 'small',
        status: 'failed',
        error: { code: 'QUEUE' },
      });
      expect(waited.stderr).toMatch(/run [0-9a-f]{16} has failed: shard 2\/2 of run .* uint8/s);
      working.child.kill('SIGTERM');
      const { code, stderr } = await working.ended;
      expect(code, stderr).toBe(0);
      expect(stderr).toContain('small 2/2: failed, and its run with it');
    });

    test('Ctrl-C ends only the waiting; cancel ends the run, and whoever waits for it is told', async () => {
      const redis = await redisServer();
      // Whenever the run is cancelled, the first shard is under way.
      const { file } = jobFile({ splits: 8, splitMs: 5000 });
      const waiting = start(['submit', file, '--queue', redis.url, '--shards', '4', '--wait']);
      await waiting.said(/0\/4 shards/);
      waiting.child.kill('SIGINT');
      const interrupted = await waiting.ended;
      expect(interrupted.code).toBe(130);
      expect(interrupted.stderr).toContain('the run goes on in the queue');

      const working = worker(redis);
      await working.said(/small 1\/4: started/);
      const attached = start(['submit', file, '--queue', redis.url, '--wait']);
      await attached.said(/is in the queue already, 4 shards/);
      const { runs } = JSON.parse((await penstock('status', '--queue', redis.url, '--json')).stdout);
      const cancelled = await penstock('cancel', runs[0].run, '--queue', redis.url, '--json');
      expect(cancelled.code, cancelled.stderr).toBe(0);
      expect(JSON.parse(cancelled.stdout)).toEqual({ run: runs[0].run, job: 'small', state: 'cancelled' });
      const told = await attached.ended;
      expect(told.code).toBe(1);
      expect(told.stderr).toContain(`run ${runs[0].run} was cancelled`);
      await working.said(/left: the run was cancelled/);
      working.child.kill('SIGINT');
      expect((await working.ended).code).toBe(130);
    });

    test('a queue over TLS is trusted where its authority is named, and not otherwise', async () => {
      const redis = await redisServer({ tls: true, username: 'penstock', password: 'hunter2' });
      const trusted = await start(['status', '--queue', redis.url], {
        env: { NODE_EXTRA_CA_CERTS: REDIS_CA },
      }).ended;
      expect(trusted.code, trusted.stderr).toBe(0);
      expect(trusted.stderr).toContain(`${redis.bareUrl}: 0 runs to do`);
      const unknown = await penstock('status', '--queue', redis.url);
      expect(unknown.code).toBe(1);
      expect(unknown.stderr).toContain('NODE_EXTRA_CA_CERTS');
      expect(unknown.stderr).not.toContain('hunter2');
    });

    test('a second signal puts the shard of a worker back at once', async () => {
      const redis = await redisServer();
      const { file } = jobFile({ splits: 4, splitMs: 20_000 });
      await penstock('submit', file, '--queue', redis.url, '--shards', '1');
      const working = worker(redis, '--drain-seconds', '600');
      await working.said(/small 1\/1: started/);
      const draining = working.said(/draining: nothing new is taken/);
      working.child.kill('SIGTERM');
      await draining;
      // An echo of the first one would come at once.
      await new Promise((resolve) => setTimeout(resolve, 150));
      working.child.kill('SIGTERM');
      const { code, stderr } = await working.ended;
      expect(code, stderr).toBe(0);
      expect(stderr).toContain('small 1/1: left: this worker ends');
      const { runs } = JSON.parse((await penstock('status', '--queue', redis.url, '--json')).stdout);
      expect(runs[0].shards).toMatchObject({ waiting: 1, active: 0 });
    });

    test('a queue that is not there, or asks for a password, is an error that does not repeat the password', async () => {
      const { file } = jobFile();
      const port = await freePort();
      const away = await penstock(
        'submit',
        file,
        '--queue',
        `redis://me:hunter2@127.0.0.1:${port}`,
        '--json',
      );
      expect(away.code).toBe(1);
      expect(JSON.parse(away.stdout)).toMatchObject({
        job: 'small',
        status: 'failed',
        error: { code: 'QUEUE' },
      });
      expect(away.stderr).toContain(`redis://127.0.0.1:${port}: the queue can't be reached`);
      const redis = await redisServer({ password: 'hunter3' });
      const refused = await penstock('status', '--queue', `redis://:hunter2@127.0.0.1:${redis.port}`);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('does not take this user and password');
      for (const { stdout, stderr } of [away, refused]) expect(stdout + stderr).not.toMatch(/hunter/);
      const env = { PENSTOCK_QUEUE: redis.bareUrl, PENSTOCK_QUEUE_PASSWORD: 'hunter3' };
      expect((await start(['status'], { env }).ended).code).toBe(0);
    });
  },
);

/** Submits a job in two shards, and stays until it has ended. */
const submitAndWait = (file: string, queue: string) =>
  penstock('submit', file, '--queue', queue, '--shards', '2', '--wait', '--json');

describe('commands of the queue', () => {
  test.each([
    [['status'], 'no queue is named'],
    [['submit', 'job.yaml', '--shards', '0'], 'Expected a whole number from 1 on'],
    [['worker', '--label', 'gpu'], 'Expected key=value'],
    [['worker', '--queue', 'somewhere'], 'is not a URL'],
    [['worker', '--queue', 'redis://h', '--name', 'a:b'], 'is no name of a queue'],
    [['cancel'], "missing required argument 'run'"],
    [['submit', 'job.yaml', '--memory', 'much'], 'Expected a size'],
  ])('%j is refused with exit code 2', async (args, message) => {
    const { code, stderr } = await start(args, { env: { PENSTOCK_QUEUE: '' } }).ended;
    expect(code, stderr).toBe(2);
    expect(stderr).toContain(message);
  });
});
