import { expect, test } from 'vitest';
import { NO_REDIS, REDIS } from '../../helpers/redis.js';
import { Hosts } from './hosts.js';
import { Fleet, Scene } from './scene.js';

const HOSTS = 3;
const SPLITS = 60;

/*
 * The host that is cut off is the first. It has a shard at work then: all of them do, since there are more shards than hosts.
 */

test('a host that is cut off from the queue, and back, commits nothing that another one has committed', async (context) => {
  context.skip(!REDIS, NO_REDIS);
  const hosts = Hosts.make(HOSTS);
  if ('reason' in hosts) {
    context.skip(hosts.reason);
    return;
  }
  const scene = await Scene.open({ splits: SPLITS, batchMs: 250, hosts });
  const submitted = scene.submit('--shards', '6', '--wait', '--json');
  const fleet = new Fleet(HOSTS, (host) =>
    scene.worker(['--lock-seconds', '2'], { within: hosts.within(host) }),
  );
  await scene.committed(HOSTS * 2, submitted.ended);
  hosts.unplug(0, 'queue');
  // Long enough for its shard to have gone to another host, which finds it in use.
  await scene.committed(SPLITS * 0.7, submitted.ended);
  hosts.plugIn(0, 'queue');
  const { code, stdout, stderr } = await submitted.ended;
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', rows: { written: SPLITS * scene.rows } });
  for (const { code, stderr } of await fleet.drain()) expect(code, stderr).toBe(0);
  await scene.expectDone();
  const commits = scene.commitsByEntry();
  expect(commits.size).toBe(SPLITS);
  for (const [entry, count] of commits) expect(count, entry).toBe(1);
}, 180_000);
