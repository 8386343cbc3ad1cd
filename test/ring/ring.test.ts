import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createTraceMemory, readTrack } from '../../src/clock/trace.js';
import { planSlotLayout } from '../../src/ring/layout.js';
import { RingStatus, RunStatus, SlotState, SlotWord } from '../../src/ring/protocol.js';
import { consumerOwner, createRingMemory, laneOwner, MAIN_OWNER, Ring } from '../../src/ring/ring.js';
import { signalsOf, smallMemory, smallRing } from './small-ring.js';

const time = vi.hoisted(() => ({ at: 0 }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at }));

beforeEach(() => {
  time.at = 1_000_000;
});

describe('the memory of a ring', () => {
  const layout = planSlotLayout(
    [{ length: 1, capacity: 3 }],
    [{ name: 'x', dtype: 'uint8', rowDims: [5] }],
    [],
  );
  const config = { slots: 4, lanes: 3, splits: 7, maxDelayMicros: 0, fixedOrder: false };

  test('holds every slot and every word; all slots and lanes are in use unless told otherwise', () => {
    const memory = createRingMemory(layout, config);
    expect(memory.arena.byteLength).toBe(4 * layout.slotBytes);
    const ring = new Ring(memory, MAIN_OWNER);
    expect(memory.control.byteLength).toBe(ring.map.totalWords * 4);
    expect([ring.slotsInUse, ring.lanesInUse]).toEqual([4, 3]);
    const partly = new Ring(createRingMemory(layout, config, { slots: 2, lanes: 1 }), MAIN_OWNER);
    expect([partly.slotsInUse, partly.lanesInUse]).toEqual([2, 1]);
    expect(partly.memory.arena.byteLength).toBe(4 * layout.slotBytes);
  });

  test('has places for the open slots of every lane in fixed order, and for as many runs as rows fit', () => {
    const buckets = [
      { length: 1, capacity: 40 },
      { length: 2, capacity: 20 },
    ];
    const two = planSlotLayout(buckets, [], []);
    const open = (fixedOrder: boolean): number => {
      const many = { ...config, lanes: 20, fixedOrder };
      const { map } = new Ring(createRingMemory(two, many), MAIN_OWNER);
      expect(map.maxRuns).toBe(40);
      return map.slot(0) - map.open(0);
    };
    expect(open(false)).toBeGreaterThanOrEqual(2);
    expect(open(false)).toBeLessThan(open(true));
    expect(open(true)).toBeGreaterThanOrEqual(40);
  });
});

test('no two owners of the lock are the same', () => {
  const lanes = 3;
  const owners = [MAIN_OWNER, ...[0, 1, 2].map(laneOwner), ...[0, 1].map((i) => consumerOwner(lanes, i))];
  expect(new Set(owners).size).toBe(owners.length);
  expect(owners.every((owner) => owner > 0)).toBe(true);
});

test('the lock is held by its owner, and by one at a time', async () => {
  const { ring, rings } = smallRing();
  const [other] = rings;
  ring.lock();
  expect(ring.mutex.owner).toBe(MAIN_OWNER);
  expect(other?.tryLock()).toBe(false);
  ring.unlock();
  expect(other?.tryLock()).toBe(true);
  expect(ring.mutex.owner).toBe(laneOwner(0));
  const locking = ring.lockAsync();
  other?.unlock();
  await locking;
  expect(ring.mutex.owner).toBe(MAIN_OWNER);
});

describe('the status', () => {
  test('is told to everybody who waits for anything', () => {
    const { ring } = smallRing();
    const signals = signalsOf(ring.ready, ring.free, ring.done);
    expect(ring.status).toBe(RingStatus.OPEN);
    ring.setStatus(RingStatus.ENDED);
    expect(ring.status).toBe(RingStatus.ENDED);
    expect(signals()).toEqual([1, 1, 1]);
  });

  test('stays stopped, whatever comes after', () => {
    const { ring } = smallRing();
    ring.setStatus(RingStatus.ABORTED);
    ring.setStatus(RingStatus.ENDED);
    expect(ring.status).toBe(RingStatus.ABORTED);
  });
});

describe('a slot', () => {
  test('moves from one state to another only where it is in the first', () => {
    const { ring, states } = smallRing();
    expect(ring.exchange(1, SlotState.DONE, SlotState.DRAINING)).toBe(false);
    expect(states()).toEqual(['FREE', 'FREE']);
    expect(ring.exchange(1, SlotState.FREE, SlotState.FILLING)).toBe(true);
    expect(states()).toEqual(['FREE', 'FILLING']);
    expect([ring.countIn(SlotState.FREE), ring.countIn(SlotState.FILLING)]).toEqual([1, 1]);
    expect(ring.countIn(SlotState.READY)).toBe(0);
  });

  test('is opened as if nothing had been in it before', () => {
    const { ring, memory } = smallRing({ capacities: [4, 4] });
    for (let word = 1; word < SlotWord.words; word++) ring.setSlotWord(1, word, 9);
    ring.open(1, 1);
    const { CLAIMED, SETTLED, VOIDED, TOKENS, BATCH, DELAYED, RUNS } = SlotWord;
    const cleared = [CLAIMED, SETTLED, VOIDED, TOKENS, BATCH, DELAYED, RUNS];
    expect(cleared.map((word) => ring.slotWord(1, word))).toEqual(cleared.map(() => 0));
    expect(ring.openedAt(1)).toBe(1_000_000);
    expect(ring.bucketIndex(1)).toBe(1);
    expect(ring.bucketOf(1)).toBe(memory.layout.buckets[1]);
    expect(ring.state(1)).toBe(SlotState.FILLING);
    expect(ring.words[ring.map.open(1)]).toBe(2);
    expect(ring.words[ring.map.open(0)]).toBe(0);
  });

  test('of which every row was voided is free again, and producers are told', () => {
    const { ring, claim, states } = smallRing({ capacities: [2] });
    claim(0, 0, 0, 2);
    const signals = signalsOf(ring.free, ring.ready);
    ring.setSlotWord(0, SlotWord.SETTLED, 2);
    ring.setSlotWord(0, SlotWord.VOIDED, 2);
    ring.settle(0);
    expect(states()).toEqual(['FREE', 'FREE']);
    expect(signals()).toEqual([1, 0]);
  });

  test('is not settled twice: one that runs stays as it is', () => {
    const { ring, put, consumer, states } = smallRing({ capacities: [1] });
    put(0, 0, 0, 1);
    consumer.take();
    const signals = signalsOf(ring.free, ring.ready);
    ring.settle(0);
    expect(states()[0]).toBe('RUNNING');
    expect(signals()).toEqual([0, 0]);
  });

  test('that is sealed is not the open one of its place any more', () => {
    const { ring, put, states } = smallRing();
    put(0, 0, 0, 1);
    expect(ring.words[ring.map.open(0)]).toBe(1);
    ring.seal(0);
    expect(ring.words[ring.map.open(0)]).toBe(0);
    expect(states()[0]).toBe('READY');
    expect(put(0, 0, 1, 1)).toBe(1);
  });

  test('tells its runs by what became of them', () => {
    const { ring, claim, put } = smallRing({ splits: 9 });
    put(0, 8, 100, 2);
    claim(0, 7, 50, 1);
    expect(ring.runs(0)).toEqual([{ split: 8, row: 100, first: 0, count: 2 }]);
    expect(ring.runs(0, RunStatus.CLAIMED)).toEqual([{ split: 7, row: 50, first: 2, count: 1 }]);
    expect(ring.runs(0, RunStatus.VOID)).toEqual([]);
  });

  test('has its place by its bucket, in fixed order by lane and bucket', () => {
    const any = new Ring(smallMemory({ capacities: [1, 1, 1], lanes: 3 }), MAIN_OWNER);
    expect(any.place(2, 1)).toBe(1);
    const fixed = new Ring(smallMemory({ capacities: [1, 1, 1], lanes: 3, fixedOrder: true }), MAIN_OWNER);
    expect(fixed.place(2, 1)).toBe(7);
    fixed.open(0, 7);
    expect(fixed.bucketIndex(0)).toBe(1);
  });

  test('knows whether it left because its rows had waited in vain', () => {
    const { ring } = smallRing();
    ring.open(0, 0);
    expect(ring.waitedInVain(0)).toBe(false);
    ring.setSlotWord(0, SlotWord.DELAYED, 1);
    expect(ring.waitedInVain(0)).toBe(true);
  });
});

describe('a view of a tensor', () => {
  const layout = planSlotLayout(
    [
      { length: 2, capacity: 6 },
      { length: 4, capacity: 3 },
    ],
    [{ name: 'x', dtype: 'int16', rowDims: [3], padded: true }],
    [{ name: 'y', dtype: 'float64', rowDims: [] }],
  );
  const config = { slots: 2, lanes: 1, splits: 1, maxDelayMicros: 0, fixedOrder: false };
  const ring = new Ring(createRingMemory(layout, config), MAIN_OWNER);
  const [x, y] = [layout.inputs[0], layout.outputs[0]];
  const [short, long] = layout.buckets;

  test('has the rows of a bucket, all of a batch unless told otherwise, and lies in its slot', () => {
    if (!x || !y || !short || !long) throw new Error('no layout');
    const full = ring.view(1, x, long);
    expect(full).toBeInstanceOf(Int16Array);
    expect([full.length, full.byteOffset]).toEqual([3 * 4 * 3, layout.slotBytes]);
    expect(ring.view(0, x, short, 2).length).toBe(2 * 2 * 3);
    expect(ring.view(1, y, short).byteOffset).toBe(layout.slotBytes + y.byteOffset);
    expect(ring.regionView(1, y)).toHaveLength(6);
    expect(ring.regionView(1, y).byteOffset).toBe(layout.slotBytes + y.byteOffset);
  });
});

describe('a trace of slots', () => {
  test('has each state that a slot comes to, with the rows in it that count, in the track of who moved it', () => {
    const memory = { ...smallMemory(), trace: createTraceMemory(4, 400) };
    const ring = new Ring(memory, 2);
    ring.open(1, 0);
    ring.setSlotWord(1, SlotWord.CLAIMED, 3);
    ring.setSlotWord(1, SlotWord.SETTLED, 3);
    ring.setSlotWord(1, SlotWord.VOIDED, 1);
    time.at += 10;
    ring.seal(1);
    time.at += 10;
    ring.exchange(1, SlotState.READY, SlotState.RUNNING);
    ring.exchange(1, SlotState.READY, SlotState.RUNNING);
    const { first } = readTrack(memory.trace, 2);
    expect(first.map(({ at, slot, state, about }) => [at - 1_000_000, slot, state, about])).toEqual([
      [0, 1, SlotState.FILLING, 0],
      [10, 1, SlotState.SEALED, 2],
      [10, 1, SlotState.READY, 2],
      [20, 1, SlotState.RUNNING, 2],
    ]);
    expect(readTrack(memory.trace, 1).first).toEqual([]);
  });

  test('is written nowhere where there is none', () => {
    expect(new Ring(smallMemory(), MAIN_OWNER).trace).toBeUndefined();
  });
});
