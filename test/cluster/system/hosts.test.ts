import { expect, type TestContext, test } from 'vitest';
import { NO_REDIS, REDIS } from '../../helpers/redis.js';
import { Hosts } from './hosts.js';
import { Fleet, Scene } from './scene.js';

/** One more than there are shards: it has nothing to do, and takes what another one seems to have dropped. */
const HOSTS = 3;
const SHARDS = 2;
const SPLITS = 60;

interface Cut {
  readonly hosts: Hosts;
  readonly scene: Scene;
  /** The host that is cut off, with a shard at work. */
  readonly host: number;
  /** Once another host has been given its shard, or the run has ended. */
  readonly replaced: () => Promise<unknown>;
  readonly ended: Promise<unknown>;
}

async function cutOff(context: TestContext, batchMs: number, cutAndMend: (cut: Cut) => Promise<void>) {
  context.skip(!REDIS, NO_REDIS);
  const hosts = Hosts.make(HOSTS);
  if ('reason' in hosts) {
    context.skip(hosts.reason);
    return;
  }
  const scene = await Scene.open({ splits: SPLITS, batchMs, hosts });
  const fleet = new Fleet(HOSTS, (host) =>
    scene.worker(['--lock-seconds', '2'], { within: hosts.within(host) }),
  );
  const { workers } = fleet;
  await Promise.all(workers.map(({ said }) => said(/takes shards/)));
  const submitted = scene.submit('--shards', String(SHARDS), '--wait', '--json');
  const { ended } = submitted;
  const taken = workers.map(async ({ said }, host) => ({
    host,
    shard: (await said(/\d+\/\d+: started/))[0],
  }));
  await scene.committed(2, ended);
  const { host, shard } = await Promise.race(taken);
  const others = workers.filter((_, other) => other !== host);
  const replaced = () => Promise.race([ended, ...others.map(({ said }) => said(new RegExp(shard)))]);
  await cutAndMend({ hosts, scene, host, replaced, ended });
  const { code, stdout, stderr } = await ended;
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', rows: { written: SPLITS * scene.rows } });
  for (const { code, stderr } of await fleet.drain()) expect(code, stderr).toBe(0);
  await scene.expectDone();
  const commits = scene.commitsByEntry();
  expect(commits.size).toBe(SPLITS);
  for (const [entry, count] of commits) expect(count, entry).toBe(1);
}

test(
  'a host that is cut off from the queue goes on with its shard, and nobody commits it beside it',
  (context) =>
    cutOff(context, 250, async ({ hosts, scene, host, replaced, ended }) => {
      hosts.unplug(host, 'queue');
      await replaced();
      await scene.committed(SPLITS, ended);
      hosts.plugIn(host, 'queue');
    }),
  300_000,
);

// Half a minute passes until the lease of a host that nobody sees any more is void.
if (process.env.PENSTOCK_FAULTS !== undefined)
  test(
    'a host that is cut off from everything is replaced, and commits nothing once it is back',
    (context) =>
      cutOff(context, 1500, async ({ hosts, scene, host, replaced, ended }) => {
        hosts.unplug(host, 'queue');
        hosts.unplug(host, 'storage');
        await replaced();
        await scene.committed(SPLITS * 0.95, ended);
        hosts.plugIn(host, 'storage');
        hosts.plugIn(host, 'queue');
      }),
    400_000,
  );
