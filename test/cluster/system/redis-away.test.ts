import { expect, test } from 'vitest';
import { NO_REDIS, REDIS } from '../../helpers/redis.js';
import { Fleet, Scene } from './scene.js';

const SHARDS = 8;
const SPLITS = 80;
/** For how long Redis is away, in long runs of faults; otherwise until work has been seen to go on. */
const AWAY_MS = process.env.PENSTOCK_FAULTS === undefined ? 0 : 20_000;

/** The length of a fault; nothing is waited for. */
const lasting = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('while Redis is away workers go on with what they have, and with the rest when it is back', async (context) => {
  context.skip(!REDIS, NO_REDIS);
  const scene = await Scene.open({ splits: SPLITS, batchMs: 100 });
  const submitted = scene.submit('--shards', String(SHARDS), '--wait', '--json');
  const fleet = new Fleet(2, () => scene.worker(['--lock-seconds', '3']));
  await scene.committed(4, submitted.ended);
  await scene.redis.stop();
  const before = scene.commits;
  await Promise.all([scene.committed(before + 4, submitted.ended), lasting(AWAY_MS)]);
  await scene.redis.start();
  const { code, stdout, stderr } = await submitted.ended;
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', rows: { written: SPLITS * scene.rows } });
  for (const { code, stderr } of await fleet.drain()) {
    expect(code, stderr).toBe(0);
    // Said once each, not at every attempt to reach it.
    expect(stderr.match(/the queue is out of reach/g) ?? []).toHaveLength(1);
    expect(stderr.match(/the queue is back after/g) ?? []).toHaveLength(1);
  }
  await scene.expectDone();
  for (const [entry, commits] of scene.commitsByEntry()) expect(commits, entry).toBe(1);
}, 300_000);

test('a queue that was flushed is told of clearly, and a job that is submitted again goes on', async (context) => {
  context.skip(!REDIS, NO_REDIS);
  const scene = await Scene.open({ splits: SPLITS, batchMs: 50 });
  const first = scene.submit('--shards', String(SHARDS), '--wait');
  const fleet = new Fleet(2, () => scene.worker(['--lock-seconds', '3']));
  await scene.committed(10, first.ended);
  await scene.redis.flush();
  const { code, stderr } = await first.ended;
  expect(code, stderr).toBe(1);
  expect(stderr).toMatch(/the queue no longer knows run [0-9a-f]{16}/);
  expect(stderr).toMatch(/submit the job again/i);

  const again = await scene.submit('--shards', String(SHARDS), '--wait', '--json').ended;
  expect(again.code, again.stderr).toBe(0);
  const { status, rows } = JSON.parse(again.stdout);
  expect(status).toBe('completed');
  expect(rows.resumed).toBeGreaterThanOrEqual(10 * scene.rows);
  expect(rows.written + rows.resumed).toBe(SPLITS * scene.rows);
  for (const { code } of await fleet.drain()) expect(code).toBe(0);
  await scene.expectDone();
  for (const [entry, commits] of scene.commitsByEntry()) expect(commits, entry).toBe(1);
}, 300_000);
