import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Lease } from '../../src/sink/lease.js';
import { leaseFile } from '../../src/sink/output-files.js';
import { openOutput } from '../../src/storage/output.js';
import { RemoteOutput } from '../../src/storage/remote-output.js';
import { StorageError, UsageError } from '../../src/util/errors.js';
import { type ProcessIdentity, thisProcess } from '../../src/util/process-identity.js';
import { afterwards, onObjectServer, type Place, placeOf } from '../helpers/outputs.js';
import type { ServerOptions } from '../helpers/storage.js';

async function take(place: Place): Promise<Lease> {
  await place.store.prepare();
  const lease = await Lease.take(await openOutput(place.location));
  afterwards(() => lease.release());
  return lease;
}

/** A lease as another process has left it. */
async function leave({ store }: Place, process: Partial<ProcessIdentity>, content?: string): Promise<void> {
  const holder = {
    id: 'another',
    since: 'long ago',
    released: false,
    process: { ...thisProcess(), ...process },
  };
  await store.prepare();
  await store.write(leaseFile(1), Buffer.from(content ?? JSON.stringify(holder)));
}

async function leases({ store }: Place): Promise<string[]> {
  return (await store.list('_manifest')).map(({ name }) => name).filter((name) => name.startsWith('lease'));
}

async function holder({ store }: Place, number: number): Promise<Record<string, unknown>> {
  return JSON.parse(Buffer.from((await store.read(leaseFile(number))) ?? '').toString());
}

/** An object server whose clock the test turns. */
async function turned(options: ServerOptions = {}) {
  const clock = { now: 1e12 };
  const place = await onObjectServer({ now: () => clock.now, ...options });
  return { place, clock };
}

/** A process that is gone. */
const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;
const ELSEWHERE = { host: 'elsewhere', space: 'another boot', pid: 1 };

describe.each(['a local directory', 'an object server', 's3rver'] as const)('a lease in %s', (kind) => {
  test('is held by one, and handed on when it is let go of', async () => {
    const place = await placeOf(kind);
    const first = await take(place);
    await first.confirm();
    const refused = take(place);
    await expect(refused).rejects.toBeInstanceOf(UsageError);
    await expect(refused).rejects.toThrow(
      `is in use by another run (process ${process.pid} on ${hostname()}, since 20`,
    );
    await first.release();
    expect(await holder(place, 1)).toMatchObject({ released: true });
    await take(place);
    expect(await leases(place)).toEqual(['lease-00002.json']);
  });
});

describe('a lease that its holder has not let go of', () => {
  const places = ['a local directory', 'an object server'] as const;

  test.each(places)('is void at once where its process has ended on this machine: %s', async (kind) => {
    const place = await placeOf(kind);
    await leave(place, { pid: deadPid() });
    await take(place);
    expect(await leases(place)).toEqual(['lease-00002.json']);
    expect(await holder(place, 2)).toMatchObject({ process: { pid: process.pid } });
  });

  test.runIf(process.platform === 'linux')(
    'is void where the number of its process was given to another',
    async () => {
      const place = await placeOf('a local directory');
      await leave(place, { pid: process.ppid, started: '1' });
      await take(place);
    },
  );

  test.runIf(process.platform === 'linux')('is void where its process is a zombie', async () => {
    // A parent that never asks how its child has ended.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60']);
    onTestFinished(() => void parent.kill());
    const [pid] = await once(parent.stdout, 'data');
    const place = await placeOf('a local directory');
    await leave(place, { pid: Number(String(pid)), started: undefined });
    await vi.waitFor(() => take(place));
  });

  test('stands while the process lives, or nobody here can tell', async () => {
    for (const process of [
      { pid: globalThis.process.ppid, started: undefined },
      ELSEWHERE,
      { ...ELSEWHERE, pid: deadPid() },
    ]) {
      const place = await placeOf('an object server');
      await leave(place, process);
      await expect(take(place)).rejects.toThrow('is in use by another run');
      expect(await leases(place)).toEqual(['lease-00001.json']);
    }
  });

  test('is void 30 seconds after its last sign of life, by the clock of the storage', async () => {
    const { place, clock } = await turned();
    await leave(place, ELSEWHERE);
    clock.now += 12_000;
    const refused = take(place);
    await expect(refused).rejects.toThrow(
      'is in use by another run (process 1 on elsewhere, since long ago); its last sign of life was 12 s ago',
    );
    await expect(refused).rejects.toMatchObject({
      hint: expect.stringContaining('30 s after its last sign'),
    });
    clock.now += 18_000;
    await expect(take(place)).rejects.toThrow('30 s ago');
    clock.now += 1000;
    await take(place);
  });

  test('whose content can not be read stands for as long', async () => {
    for (const content of ['', '{"id": 1', '{}']) {
      const { place, clock } = await turned();
      await leave(place, {}, content);
      await expect(take(place)).rejects.toThrow('is in use by another run (it has just begun)');
      clock.now += 31_000;
      await take(place);
    }
  });

  test.each(places)('is taken over by one of many that try at the same time: %s', async (kind) => {
    const pid = deadPid();
    for (let round = 0; round < 10; round++) {
      const place = await placeOf(kind);
      await leave(place, { pid });
      const tries = await Promise.allSettled(Array.from({ length: 4 }, () => take(place)));
      expect(
        tries.filter(({ status }) => status === 'fulfilled'),
        `round ${round}`,
      ).toHaveLength(1);
      for (const outcome of tries) {
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(UsageError);
      }
    }
  });

  test('is taken over by one where the storage excludes nobody', async () => {
    const { place } = await turned({ conditions: false });
    await leave(place, { pid: deadPid() });
    const stores = await Promise.all(
      [1, 2, 3].map(() => RemoteOutput.connect(place.location.uri, place.location.options, 300)),
    );
    const tries = await Promise.allSettled(stores.map((store) => Lease.take(store)));
    const taken = tries.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(taken).toHaveLength(1);
    await taken[0]?.release();
  });
});

describe('the holder of a lease', () => {
  /** Time stands still but for what the test lets pass. */
  function stopTime(): void {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'hrtime'] });
    onTestFinished(() => void vi.useRealTimers());
  }

  test.each(['a local directory', 'an object server'] as const)(
    'renews it every 10 seconds: %s',
    async (kind) => {
      stopTime();
      const place = await placeOf(kind);
      await take(place);
      const before = await place.store.stat(leaseFile(1));
      await new Promise((resolve) => setTimeout(resolve, 1100));
      vi.advanceTimersByTime(10_000);
      await vi.waitFor(async () => {
        const after = await place.store.stat(leaseFile(1));
        expect(after?.modified).toBeGreaterThan(before?.modified ?? Number.POSITIVE_INFINITY);
      });
    },
  );

  test('finds out with its next heartbeat that another has taken over, and confirms nothing more', async () => {
    stopTime();
    const { place, clock } = await turned();
    const lease = await take(place);
    const lost: unknown[] = [];
    lease.onLost((error) => lost.push(error));
    // It could not be reached for a while, or slept.
    clock.now += 31_000;
    place.server.options.fault = undefined as never;
    await leave(place, ELSEWHERE, JSON.stringify({ ...(await holder(place, 1)), process: ELSEWHERE }));
    clock.now += 31_000;
    const other = await take(place);
    vi.advanceTimersByTime(10_000);
    await vi.waitFor(() => expect(lost).toHaveLength(1));
    await expect(lease.confirm()).rejects.toBe(lost[0]);
    expect(lost[0]).toBeInstanceOf(StorageError);
    expect((lost[0] as Error).message).toContain(
      `s3://bucket/deep/out: another run has taken over (process ${process.pid} on ${hostname()}, since `,
    );
    await lease.release();
    await other.confirm();
    expect(await holder(place, 2)).toMatchObject({ released: false });
  });

  test('looks before it commits anything, where it has not been able to for 20 seconds', async () => {
    stopTime();
    const { place } = await turned();
    const lease = await take(place);
    await place.store.write(leaseFile(2), Buffer.from(JSON.stringify(await holder(place, 1))));
    await lease.confirm();
    // Its timer does not run: the thread was blocked.
    vi.setSystemTime(Date.now());
    vi.clearAllTimers();
    vi.advanceTimersByTime(19_000);
    await lease.confirm();
    vi.advanceTimersByTime(2000);
    await expect(lease.confirm()).rejects.toThrow('another run has taken over');
  });

  test('that can not reach the storage confirms nothing, and goes on when it can again', async () => {
    stopTime();
    const { place } = await turned();
    const lease = await take(place);
    vi.clearAllTimers();
    vi.advanceTimersByTime(21_000);
    place.server.options.fault = () => ({ status: 403 });
    await expect(lease.confirm()).rejects.toThrow('access was denied');
    delete place.server.options.fault;
    await lease.confirm();
  });

  test('finds out that its lease was removed', async () => {
    stopTime();
    const place = await placeOf('a local directory');
    const lease = await take(place);
    await place.store.remove(leaseFile(1));
    vi.clearAllTimers();
    vi.advanceTimersByTime(21_000);
    await expect(lease.confirm()).rejects.toThrow('the lease of this run is gone: somebody has removed it');
  });
});
