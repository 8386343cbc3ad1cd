import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { GatePlace } from '../../src/consume/gate-page.js';

type GateModule = typeof import('../../src/consume/gate.js');
type ControlModule = typeof import('../../src/consume/gate-control.js');
type ClockModule = typeof import('../../src/clock/now.js');
const dist = new URL('../../dist/', import.meta.url);
/** The built ones: threads are started from files on disk. */
const { Gate }: GateModule = await import(new URL('consume/gate.js', dist).href);
const { GateControl }: ControlModule = await import(new URL('consume/gate-control.js', dist).href);
const { now }: ClockModule = await import(new URL('clock/now.js', dist).href);

const never = (): boolean => false;

/** Threads at one gate, which write down whose turn it was. */
function threads() {
  const log = new SharedArrayBuffer(4 * 10_000);
  const words = new Int32Array(log);
  const stop = new SharedArrayBuffer(4);
  return {
    stop: () => Atomics.store(new Int32Array(stop), 0, 1),
    /** Members, turn by turn. */
    get turns(): number[] {
      return Array.from(words.subarray(8, 8 + (words[0] as number)));
    },
    /** How many were inside at the same time at most. */
    get most(): number {
      return words[2] as number;
    },
    async start(place: GatePlace, how: { turns?: number; holdMs?: number; diesAt?: number; more?: boolean }) {
      const file = new URL('./fixtures/member.mjs', import.meta.url);
      const workerData = { built: dist.href, place, turns: 1e9, holdMs: 0, more: true, log, stop, ...how };
      const worker = new Worker(file, { workerData });
      onTestFinished(async () => void (await worker.terminate()));
      const exited = once(worker, 'exit');
      await once(worker, 'message');
      return { exited };
    },
  };
}

describe('the gate of a device', () => {
  test('lets as many in as the device has instances', async () => {
    for (const instances of [1, 2]) {
      const gate = new GateControl(8, 8);
      gate.allow(instances);
      const claimant = await gate.addClaimant(1, 1);
      const all = threads();
      const members = await Promise.all(
        [0, 1, 2, 3].map(() => all.start(gate.place(claimant), { turns: 500 })),
      );
      await Promise.all(members.map(({ exited }) => exited));
      expect(all.turns).toHaveLength(2000);
      expect(all.most).toBeLessThanOrEqual(instances);
    }
  });

  test('gives the first class all turns that it wants', async () => {
    const gate = new GateControl(8, 8);
    const [low, high] = [await gate.addClaimant(2, 1), await gate.addClaimant(1, 1)];
    const holder = new Gate(gate.place(high));
    holder.enter(never);
    const all = threads();
    const [lowPlace, highPlace] = [gate.place(low), gate.place(high)];
    const members = [await all.start(lowPlace, { turns: 20 }), await all.start(highPlace, { turns: 20 })];
    while (!isWaiting(gate, lowPlace) || !isWaiting(gate, highPlace)) await new Promise(setImmediate);
    holder.giveBack(false);
    await Promise.all(members.map(({ exited }) => exited));
    expect(all.turns).toEqual([...Array(20).fill(highPlace.member), ...Array(20).fill(lowPlace.member)]);
  });

  test.each(['holds the device', 'waits for it'])('goes on where a thread dies that %s', async (how) => {
    const gate = new GateControl(8, 8);
    const claimant = await gate.addClaimant(1, 1);
    const all = threads();
    const holder = new Gate(gate.place(claimant));
    const dying = gate.place(claimant);
    if (how === 'waits for it') {
      holder.enter(never);
      const worker = await all.start(dying, { turns: 1 });
      while (!isWaiting(gate, dying)) await new Promise(setImmediate);
      // Nobody tells it: it is as good as dead.
      await gate.recover([dying]);
      holder.giveBack(false);
      void worker;
    } else {
      const { exited } = await all.start(dying, { diesAt: 0 });
      await exited;
      await gate.recover([dying]);
    }
    const next = await all.start(gate.place(claimant), { turns: 3 });
    await next.exited;
    expect(all.turns.slice(-3)).toHaveLength(3);
  });

  test('lets those go that are stopped while they wait', async () => {
    const gate = new GateControl(8, 8);
    const claimant = await gate.addClaimant(1, 1);
    const holder = new Gate(gate.place(claimant));
    holder.enter(never);
    const all = threads();
    const place = gate.place(claimant);
    const { exited } = await all.start(place, {});
    while (!isWaiting(gate, place)) await new Promise(setImmediate);
    all.stop();
    gate.wake([place]);
    await exited;
    expect(all.turns).toEqual([]);
    expect(isWaiting(gate, place)).toBe(false);
  });

  test('knows how long the device was busy, idle, and idle while rows waited for company', async () => {
    const gate = new GateControl(2, 2);
    const claimant = await gate.addClaimant(1, 1);
    const one = new Gate(gate.place(claimant));
    const wait = (): void => {
      const end = now() + 2000;
      while (now() < end);
    };
    wait();
    const since = now();
    wait();
    one.enter(never, since);
    wait();
    one.giveBack(false);
    const end = now();
    const { busy, batching, idle } = gate.times(end);
    expect(busy).toBeGreaterThanOrEqual(2000);
    expect(batching).toBeGreaterThanOrEqual(2000);
    expect(idle).toBeGreaterThanOrEqual(2000);
    expect(busy + batching + idle).toBeCloseTo(end - gate.madeAt, 3);
    // What goes on now counts, too.
    expect(gate.times(end + 500, end + 200).batching - batching).toBeCloseTo(300, 3);
  });
});

const STATE_WAITING = 1;

/** As the page has it: `gate-page.ts` tells where. */
function isWaiting(gate: InstanceType<ControlModule['GateControl']>, { member }: GatePlace): boolean {
  return Atomics.load(new Int32Array(gate.memory.words), 16 + member * 16) === STATE_WAITING;
}
