import { spawnSync } from 'node:child_process';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Shard } from '../../src/dataset/shard.js';
import { Lease } from '../../src/sink/lease.js';
import { leaseFile } from '../../src/sink/output-files.js';
import { openOutput } from '../../src/storage/output.js';
import { RemoteOutput } from '../../src/storage/remote-output.js';
import { InUseError, UsageError } from '../../src/util/errors.js';
import { type ProcessIdentity, thisProcess } from '../../src/util/process-identity.js';
import { afterwards, onObjectServer, type Place, placeOf } from '../helpers/outputs.js';

const WHOLE = undefined;
const FIRST: Shard = { index: 0, count: 2 };
const SECOND: Shard = { index: 1, count: 2 };
const OTHER: Shard = { index: 2, count: 3 };

async function take(place: Place, shard: Shard | undefined): Promise<Lease> {
  await place.store.prepare();
  const lease = await Lease.take(await openOutput(place.location), shard);
  afterwards(() => lease.release());
  return lease;
}

const contentOf = (process: Partial<ProcessIdentity>, released = false): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      id: 'another',
      since: 'long ago',
      released,
      process: { ...thisProcess(), ...process },
    }),
  );

/** A lease as another process has left it. */
async function leave({ store }: Place, shard: Shard | undefined, content: Uint8Array): Promise<void> {
  await store.prepare();
  await store.write(leaseFile(1, shard), content);
}

async function leases({ store }: Place): Promise<string[]> {
  const names = (await store.list('_manifest')).map(({ name }) => name);
  return names.filter((name) => name.startsWith('lease')).sort();
}

async function holder({ store }: Place, number: number, shard: Shard | undefined) {
  return JSON.parse(Buffer.from((await store.read(leaseFile(number, shard))) ?? '').toString());
}

const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;
const ELSEWHERE = { host: 'elsewhere', space: 'another boot', pid: 1 };
const PLACES = ['a local directory', 'an object server'] as const;

describe.each(PLACES)('leases of shards in %s', (kind) => {
  test('of the same count are held side by side, each by one', async () => {
    const place = await placeOf(kind);
    const first = await take(place, FIRST);
    await take(place, SECOND);
    const refused = take(place, FIRST);
    await expect(refused).rejects.toBeInstanceOf(InUseError);
    await expect(refused).rejects.toBeInstanceOf(UsageError);
    await expect(refused).rejects.toMatchObject({ code: 'IN_USE', exitCode: 2 });
    await expect(refused).rejects.toThrow(
      `is in use by a run of shard 0/2 = 2/2 (process ${process.pid} on `,
    );
    await first.release();
    await take(place, FIRST);
    expect(await leases(place)).toEqual(['lease-0of2-00002.json', 'lease-1of2-00001.json']);
  });

  test.each([
    ['a whole run', 'a shard', WHOLE, FIRST, 'is in use by another run (process'],
    ['a shard', 'a whole run', FIRST, WHOLE, 'is in use by a run of shard 0/2 = 2/2 (process'],
    ['a shard', 'one of another count', SECOND, OTHER, 'is in use by a run of shard 1/2 (process'],
  ])('%s at work keeps out %s', async (_, __, held, wanted, message) => {
    const place = await placeOf(kind);
    const lease = await take(place, held);
    const refused = take(place, wanted);
    await expect(refused).rejects.toBeInstanceOf(InUseError);
    await expect(refused).rejects.toThrow(message);
    // It was refused before it had left anything.
    expect(await leases(place)).toHaveLength(1);
    await lease.confirm();
    await lease.release();
    await take(place, wanted);
  });

  test('of processes that are dead stand in nobody’s way', async () => {
    const place = await placeOf(kind);
    await leave(place, FIRST, contentOf({ pid: deadPid() }));
    await leave(place, SECOND, contentOf({ pid: deadPid() }));
    const whole = await take(place, WHOLE);
    expect(await leases(place)).toEqual([
      'lease-00001.json',
      'lease-0of2-00002.json',
      'lease-1of2-00002.json',
    ]);
    expect(await holder(place, 2, FIRST)).toMatchObject({ released: true });
    await whole.release();
    await take(place, FIRST);
    expect(await leases(place)).toContain('lease-0of2-00003.json');
  });

  test('that begin with a whole run at the same moment do not both get theirs', async () => {
    for (let round = 0; round < 10; round++) {
      const place = await placeOf(kind);
      const kinds = [WHOLE, FIRST, SECOND, OTHER, WHOLE, FIRST];
      const tries = await Promise.allSettled(kinds.map((shard) => take(place, shard)));
      const counts = tries.flatMap(({ status }, i) => (status === 'fulfilled' ? [kinds[i]?.count] : []));
      expect(new Set(counts).size, `round ${round}`).toBeLessThanOrEqual(1);
      for (const outcome of tries) {
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(InUseError);
      }
      // Whoever has withdrawn stands in nobody's way.
      for (const outcome of tries) if (outcome.status === 'fulfilled') await outcome.value.release();
      await (await take(place, WHOLE)).release();
      await (await take(place, OTHER)).release();
    }
  });
});

describe('who comes', () => {
  /** Another's lease, put there right before the one that is looked for is created. */
  function slipIn(place: Awaited<ReturnType<typeof onObjectServer>>, before: string, lease: string): void {
    let done = false;
    place.server.options.fault = ({ method, path }) => {
      if (method === 'PUT' && path.endsWith(before) && !done) {
        done = true;
        place.server.put(`/bucket/deep/out/${lease}`, Buffer.from(contentOf(ELSEWHERE)));
      }
      return undefined;
    };
  }

  test.each([
    ['a whole run', WHOLE, FIRST],
    ['a shard', FIRST, WHOLE],
    ['a shard of another count', OTHER, FIRST],
  ])('between the look and the lease of %s makes it withdraw', async (_, wanted, other) => {
    const place = await onObjectServer();
    slipIn(place, leaseFile(1, wanted), leaseFile(1, other));
    await expect(take(place, wanted)).rejects.toThrow('(process 1 on elsewhere');
    expect(await holder(place, 1, wanted)).toMatchObject({ released: true });
    expect(await holder(place, 1, other)).toMatchObject({ released: false });
  });

  test('while a dead shard is fenced off, in its place, makes a whole run withdraw', async () => {
    const place = await onObjectServer();
    await leave(place, FIRST, contentOf({ pid: deadPid() }));
    slipIn(place, leaseFile(2, FIRST), leaseFile(2, FIRST));
    await expect(take(place, WHOLE)).rejects.toThrow(
      'is in use by a run of shard 0/2 = 2/2 (process 1 on elsewhere',
    );
    expect(await holder(place, 1, WHOLE)).toMatchObject({ released: true });
  });

  test('while another shard fences off the same dead run, and removes its lease after it was seen, goes on', async () => {
    const place = await onObjectServer();
    const dead = contentOf({ pid: deadPid() });
    await leave(place, WHOLE, dead);
    let reads = 0;
    place.server.options.fault = ({ method, path }) => {
      if (method !== 'GET' || !path.endsWith(leaseFile(1, WHOLE)) || ++reads < 2) return undefined;
      place.server.put(`/bucket/deep/out/${leaseFile(2, WHOLE)}`, Buffer.from(contentOf({}, true)));
      place.server.objects.delete(`/bucket/deep/out/${leaseFile(1, WHOLE)}`);
      return undefined;
    };
    const lease = await take(place, FIRST);
    await lease.confirm();
    expect(reads).toBe(2);
    expect(await leases(place)).toEqual(['lease-00002.json', 'lease-0of2-00001.json']);
  });

  test('after shards that were fenced off by another shard passes them', async () => {
    const place = await onObjectServer();
    await leave(place, WHOLE, contentOf({ pid: deadPid() }));
    const tries = await Promise.all([take(place, FIRST), take(place, SECOND)]);
    for (const lease of tries) await lease.confirm();
    expect(await leases(place)).toEqual([
      'lease-00002.json',
      'lease-0of2-00001.json',
      'lease-1of2-00001.json',
    ]);
  });

  test('gets no number of a lease that was let go of a second time', async () => {
    const place = await placeOf('a local directory');
    for (const shard of [FIRST, WHOLE, FIRST, OTHER, WHOLE, FIRST])
      await (await take(place, shard)).release();
    expect(await leases(place)).toEqual([
      'lease-00002.json',
      'lease-0of2-00003.json',
      'lease-2of3-00001.json',
    ]);
  });
});

describe('a run that was cut off for long', () => {
  /** Time stands still but for what the test lets pass. */
  async function turned() {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'hrtime'] });
    onTestFinished(() => void vi.useRealTimers());
    const clock = { now: 1e12 };
    return { place: await onObjectServer({ now: () => clock.now }), clock };
  }

  test.each([
    ['a shard', 'a whole run', FIRST, WHOLE],
    ['a whole run', 'a shard', WHOLE, FIRST],
    ['a shard', 'one of another count', FIRST, OTHER],
  ])('finds out, as %s, that %s has come after it, and confirms nothing more', async (_, __, cut, next) => {
    const { place, clock } = await turned();
    const lease = await take(place, cut);
    // The other sees it as one of another machine.
    const mine = await holder(place, 1, cut);
    await place.store.write(leaseFile(1, cut), Buffer.from(JSON.stringify({ ...mine, process: ELSEWHERE })));
    clock.now += 31_000;
    const other = await take(place, next);
    vi.clearAllTimers();
    vi.advanceTimersByTime(21_000);
    await expect(lease.confirm()).rejects.toThrow('another run has taken over');
    await lease.release();
    await other.confirm();
    expect(await holder(place, 1, next)).toMatchObject({ released: false });
  });

  test('is, as a shard, not taken for dead by others of its count', async () => {
    const { place, clock } = await turned();
    const lease = await take(place, FIRST);
    clock.now += 31_000;
    await take(place, SECOND);
    vi.clearAllTimers();
    vi.advanceTimersByTime(21_000);
    await lease.confirm();
  });
});

test('runs that exclude each other do not both get their leases where the storage excludes nobody', async () => {
  const place = await onObjectServer({ conditions: false });
  const kinds = [WHOLE, FIRST, SECOND];
  const tries = await Promise.allSettled(
    kinds.map(async (shard) =>
      Lease.take(await RemoteOutput.connect(place.location.uri, place.location.options, 300), shard),
    ),
  );
  const counts = tries.flatMap(({ status }, i) => (status === 'fulfilled' ? [kinds[i]?.count] : []));
  expect(new Set(counts).size).toBeLessThanOrEqual(1);
  for (const outcome of tries) if (outcome.status === 'fulfilled') await outcome.value.release();
});
