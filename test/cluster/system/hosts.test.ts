import { expect, test } from 'vitest';
import { NO_REDIS, REDIS } from '../../helpers/redis.js';
import { Hosts } from './hosts.js';
import { Fleet, Scene } from './scene.js';

/** One has nothing to do: it takes what the first seems to have dropped. */
const HOSTS = 3;
const SHARDS = 2;
const SPLITS = 60;

async function cutOff(hosts: Hosts, scene: Scene, cutAndMend: (ended: Promise<unknown>) => Promise<void>) {
  const worker = (host: number) => scene.worker(['--lock-seconds', '2'], { within: hosts.within(host) });
  const submitted = scene.submit('--shards', String(SHARDS), '--wait', '--json');
  const first = new Fleet(1, worker);
  await scene.committed(2, submitted.ended);
  const others = new Fleet(HOSTS - 1, (index) => worker(index + 1));
  await cutAndMend(submitted.ended);
  const { code, stdout, stderr } = await submitted.ended;
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', rows: { written: SPLITS * scene.rows } });
  for (const { code, stderr } of [...(await first.drain()), ...(await others.drain())]) {
    expect(code, stderr).toBe(0);
  }
  await scene.expectDone();
  const commits = scene.commitsByEntry();
  expect(commits.size).toBe(SPLITS);
  for (const [entry, count] of commits) expect(count, entry).toBe(1);
}

test('a host that is cut off from the queue goes on with its shard, and nobody commits it beside it', async (context) => {
  context.skip(!REDIS, NO_REDIS);
  const hosts = Hosts.make(HOSTS);
  if ('reason' in hosts) {
    context.skip(hosts.reason);
    return;
  }
  const scene = await Scene.open({ splits: SPLITS, batchMs: 250, hosts });
  await cutOff(hosts, scene, async (ended) => {
    hosts.unplug(0, 'queue');
    await scene.committed(SPLITS, ended);
    hosts.plugIn(0, 'queue');
  });
}, 300_000);

// Half a minute passes until the lease of a host that nobody sees any more is void.
if (process.env.PENSTOCK_FAULTS !== undefined)
  test('a host that is cut off from everything is replaced, and commits nothing once it is back', async (context) => {
    context.skip(!REDIS, NO_REDIS);
    const hosts = Hosts.make(HOSTS);
    if ('reason' in hosts) {
      context.skip(hosts.reason);
      return;
    }
    const scene = await Scene.open({ splits: SPLITS, batchMs: 1500, hosts });
    await cutOff(hosts, scene, async (ended) => {
      hosts.unplug(0, 'queue');
      hosts.unplug(0, 'storage');
      await scene.committed(SPLITS * 0.9, ended);
      hosts.plugIn(0, 'storage');
      hosts.plugIn(0, 'queue');
    });
  }, 300_000);
