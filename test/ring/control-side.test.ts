import { describe, expect, test } from 'vitest';
import {
  Header,
  RingStatus,
  RunStatus,
  RunWord,
  SlotState,
  SlotWord,
  SplitWord,
} from '../../src/ring/protocol.js';
import { laneOwner } from '../../src/ring/ring.js';
import { type SmallRing, signalsOf, smallRing } from './small-ring.js';

const sums = ({ ring }: SmallRing, slot: number): number[] =>
  [SlotWord.CLAIMED, SlotWord.SETTLED, SlotWord.VOIDED].map((word) => ring.slotWord(slot, word));

const openAt = ({ ring }: SmallRing, place = 0): number => (ring.words[ring.map.open(place)] as number) - 1;

describe('the end of a stream', () => {
  test('sends on what is open, and tells everybody', async () => {
    const small = smallRing({ slots: 4, lanes: 2, capacities: [4, 4, 1] });
    small.put(0, 0, 0, 1, 0);
    small.claim(1, 0, 1, 1, 1);
    small.put(0, 0, 2, 1, 2);
    small.producer(0).takeSplit();
    const { ready, free, done } = small.ring;
    const signals = signalsOf(ready, free, done);
    await small.control.end();
    expect(small.states()).toEqual(['READY', 'SEALED', 'READY', 'FREE']);
    expect(small.ring.status).toBe(RingStatus.ENDED);
    expect(small.ring.mutex.owner).toBe(0);
    expect(signals()).toEqual([2, 1, 1]);
    expect(small.ring.splitWord(0, SplitWord.LANE), 'behind the last slot').toBe(1);
  });

  test('waits for whoever is at work in the ring', async () => {
    const small = smallRing();
    small.ringOf(0).lock();
    const ending = small.control.end();
    await new Promise(setImmediate);
    expect(small.ring.status).toBe(RingStatus.OPEN);
    small.ringOf(0).unlock();
    await ending;
    expect(small.ring.status).toBe(RingStatus.ENDED);
  });
});

describe('slots and lanes', () => {
  test('are put to use, no more than there are; whoever waits for a slot looks again', () => {
    const small = smallRing({ slots: 3, lanes: 2 });
    const free = signalsOf(small.ring.free);
    small.control.useSlots(2);
    small.control.useLanes(1);
    expect([small.ring.slotsInUse, small.ring.lanesInUse]).toEqual([2, 1]);
    expect(free()).toEqual([1]);
    small.control.useSlots(9);
    small.control.useLanes(9);
    expect([small.ring.slotsInUse, small.ring.lanesInUse]).toEqual([3, 2]);
  });
});

test('a stream that is stopped has everybody look', () => {
  const small = smallRing();
  const signals = signalsOf(small.ring.ready, small.ring.free, small.ring.done);
  small.control.abort();
  expect(small.ring.status).toBe(RingStatus.ABORTED);
  expect(signals()).toEqual([1, 1, 1]);
});

describe('what a producer leaves that dies while it writes rows', () => {
  test('is masked out of a slot that others fill too', async () => {
    const small = smallRing({ lanes: 2, splits: 2, capacities: [6] });
    small.producer(0).takeSplit();
    small.producer(1).takeSplit();
    small.put(0, 0, 0, 1);
    small.claim(0, 0, 1, 2);
    small.claim(1, 1, 0, 1);
    expect(await small.control.recover(0)).toEqual([{ split: 0, committedRows: 1 }]);
    expect(small.states()[0]).toBe('FILLING');
    expect(sums(small, 0)).toEqual([4, 3, 2]);
    expect(small.ring.runs(0, RunStatus.VOID)).toEqual([{ split: 0, row: 1, first: 1, count: 2 }]);
    expect(small.ring.runs(0, RunStatus.CLAIMED), 'of the living').toHaveLength(1);
    small.producer(1).commit();
    await small.control.end();
    expect(small.states()[0]).toBe('READY');
    expect(small.ring.runs(0)).toEqual([
      { split: 0, row: 0, first: 0, count: 1 },
      { split: 1, row: 0, first: 3, count: 1 },
    ]);
  });

  test('holds up a slot that was sealed no longer', async () => {
    const small = smallRing({ lanes: 2, capacities: [3] });
    small.put(1, 0, 0, 1);
    small.claim(0, 0, 1, 2);
    expect(small.states()[0]).toBe('SEALED');
    await small.control.recover(0);
    expect(small.states()[0]).toBe('READY');
    expect(sums(small, 0)).toEqual([3, 3, 2]);
  });

  test('gives a slot back in which nothing else was, and those who wait look again', async () => {
    const small = smallRing({ capacities: [3] });
    small.claim(0, 0, 0, 3);
    const signals = signalsOf(small.ring.ready, small.ring.free);
    await small.control.recover(0);
    expect(small.states()).toEqual(['FREE', 'FREE']);
    expect(signals()).toEqual([1, 2]);
    expect(small.ring.mutex.owner).toBe(0);
  });

  test('is nothing where all was committed, but who sleeps may not have been told', async () => {
    const small = smallRing({ slots: 3, lanes: 1, capacities: [1, 4] });
    small.put(0, 0, 0, 1, 0);
    small.put(0, 0, 1, 1, 1);
    const signals = signalsOf(small.ring.ready, small.ring.free);
    await small.control.recover(0);
    expect(small.states()).toEqual(['READY', 'FILLING', 'FREE']);
    expect(sums(small, 1)).toEqual([1, 1, 0]);
    expect(signals()).toEqual([1, 1]);
  });

  test('in slots that run already is not looked at', async () => {
    const small = smallRing({ capacities: [1] });
    small.put(0, 0, 0, 1);
    small.consumer.take();
    small.ring.words[small.ring.map.run(0, 0) + RunWord.STATUS] = RunStatus.CLAIMED;
    await small.control.recover(0);
    expect(small.ring.runs(0, RunStatus.CLAIMED)).toHaveLength(1);
    expect(small.states()[0]).toBe('RUNNING');
  });

  test('waits for whoever is at work in the ring', async () => {
    const small = smallRing({ lanes: 2, capacities: [1] });
    small.claim(0, 0, 0, 1);
    small.ringOf(1).lock();
    const recovering = small.control.recover(0);
    await new Promise(setImmediate);
    expect(small.states()[0]).toBe('SEALED');
    expect(small.ring.mutex.owner).toBe(laneOwner(1));
    small.ringOf(1).unlock();
    await recovering;
    expect(small.states()[0]).toBe('FREE');
  });
});

describe('the splits that whoever takes over has to finish', () => {
  test("are the lane's that are not done, with the rows that are in the ring", async () => {
    const small = smallRing({ lanes: 2, splits: 6, slots: 8, capacities: [9] });
    // 0, 2 and 4 are of the lane, 1 and 3 of the other, 5 of nobody.
    for (let i = 0; i < 5; i++) small.producer(i % 2).takeSplit();
    small.put(0, 0, 0, 2);
    small.put(0, 2, 0, 3);
    small.put(0, 4, 0, 1);
    small.put(1, 3, 0, 1);
    small.producer(0).finishSplit(2);
    expect(await small.control.recover(0)).toEqual([
      { split: 0, committedRows: 2 },
      { split: 4, committedRows: 1 },
    ]);
    expect(await small.control.recover(1)).toEqual([
      { split: 1, committedRows: 0 },
      { split: 3, committedRows: 1 },
    ]);
  });

  test('are none where it had none', async () => {
    const small = smallRing({ lanes: 2, splits: 2 });
    small.producer(0).takeSplit();
    small.producer(0).finishSplit(0);
    expect(await small.control.recover(0)).toEqual([]);
    expect(await small.control.recover(1)).toEqual([]);
  });
});

describe('in fixed order the run that a dead producer lost is taken back as if it had never been', () => {
  const fixed = (): SmallRing =>
    smallRing({ slots: 4, lanes: 2, splits: 2, capacities: [4], fixedOrder: true });

  test('out of a slot with others in it, which goes on to fill', async () => {
    const small = fixed();
    small.put(0, 0, 0, 2);
    small.claim(0, 0, 2, 1);
    const free = signalsOf(small.ring.free);
    await small.control.recover(0);
    expect(small.states()[0]).toBe('FILLING');
    expect(sums(small, 0)).toEqual([2, 2, 0]);
    expect(small.ring.slotWord(0, SlotWord.RUNS)).toBe(1);
    expect(openAt(small)).toBe(0);
    expect(free(), 'none of it').toEqual([1]);
    expect(small.claim(0, 0, 2, 2)).toEqual({ slot: 0, bucket: 0, first: 2, count: 2, run: 1 });
  });

  test('out of a slot that it had filled, whose batch is counted again when it is full again', async () => {
    const small = fixed();
    small.put(0, 0, 0, 4);
    small.put(0, 0, 4, 2);
    small.claim(0, 0, 6, 2);
    expect(small.states()).toEqual(['READY', 'SEALED', 'FREE', 'FREE']);
    await small.control.recover(0);
    expect(small.states()).toEqual(['READY', 'FILLING', 'FREE', 'FREE']);
    expect(openAt(small)).toBe(1);
    expect(small.ring.slotWord(1, SlotWord.BATCH)).toBe(0);
    expect(small.ring.splitWord(0, SplitWord.BATCHES)).toBe(1);
    expect(small.put(0, 0, 6, 2)).toBe(1);
    expect(small.ring.slotWord(1, SlotWord.BATCH)).toBe(2);
    expect(small.ring.runs(1)).toEqual([
      { split: 0, row: 4, first: 0, count: 2 },
      { split: 0, row: 6, first: 2, count: 2 },
    ]);
  });

  test('and the slot given back, where it was the only one', async () => {
    for (const rows of [4, 1]) {
      const small = fixed();
      small.claim(0, 0, 0, rows);
      const free = signalsOf(small.ring.free);
      await small.control.recover(0);
      expect(small.states()).toEqual(['FREE', 'FREE', 'FREE', 'FREE']);
      expect(openAt(small)).toBe(-1);
      expect(small.ring.splitWord(0, SplitWord.BATCHES)).toBe(0);
      expect(free()).toEqual([2]);
      expect(small.put(0, 0, 0, 4)).toBe(0);
      expect(small.ring.slotWord(0, SlotWord.BATCH)).toBe(1);
    }
  });

  test('and nothing of the others', async () => {
    const small = fixed();
    small.put(0, 0, 0, 1);
    small.claim(1, 1, 0, 1);
    await small.control.recover(0);
    expect([sums(small, 0), sums(small, 1)]).toEqual([
      [1, 1, 0],
      [1, 0, 0],
    ]);
    expect(small.states()).toEqual(['FILLING', 'FILLING', 'FREE', 'FREE']);
    await small.control.recover(1);
    expect(small.states()).toEqual(['FILLING', 'FREE', 'FREE', 'FREE']);
  });

  test('nor of a slot that has no run yet', async () => {
    const small = fixed();
    small.ringOf(0).open(2, 0);
    await small.control.recover(0);
    expect(small.states()[2]).toBe('FILLING');
    expect(sums(small, 2)).toEqual([0, 0, 0]);
  });
});

describe('a producer that dies with the lock in its hands', () => {
  /** Dies at this: the words of the control page are as they were at that moment. */
  async function diesAt(small: SmallRing, lane: number, moment: () => void) {
    small.ringOf(lane).lock();
    moment();
    const unfinished = await small.control.recover(lane);
    expect(small.ring.mutex.owner).toBe(0);
    return unfinished;
  }
  const set = ({ ring }: SmallRing, slot: number, word: number, value: number): void =>
    ring.setSlotWord(slot, word, value);

  test('as it enters a run: sums are made to agree with the runs in the table', async () => {
    const small = smallRing({ lanes: 2, splits: 2, capacities: [8] });
    small.producer(0).takeSplit();
    small.put(1, 0, 0, 3);
    small.claim(0, 0, 3, 2);
    const unfinished = await diesAt(small, 0, () => set(small, 0, SlotWord.CLAIMED, 3));
    expect(unfinished, 'what it claimed last is not committed').toEqual([{ split: 0, committedRows: 3 }]);
    expect(sums(small, 0)).toEqual([5, 5, 2]);
    expect(small.states()[0]).toBe('FILLING');
    expect(openAt(small)).toBe(0);
    expect(small.claim(1, 0, 3, 1)).toMatchObject({ slot: 0, first: 5 });
  });

  test('before the run that it writes is in the table: it is none', async () => {
    for (const fixedOrder of [false, true]) {
      const small = smallRing({ lanes: 2, splits: 2, capacities: [8], fixedOrder });
      small.producer(0).takeSplit();
      small.put(0, 0, 0, 3);
      small.claim(0, 0, 3, 2);
      await diesAt(small, 0, () => {
        set(small, 0, SlotWord.RUNS, 1);
        set(small, 0, SlotWord.CLAIMED, 3);
      });
      expect(sums(small, 0)).toEqual([3, 3, 0]);
      expect(small.ring.runs(0, RunStatus.VOID)).toEqual([]);
      expect(small.claim(0, 0, 3, 1)).toMatchObject({ slot: 0, first: 3, run: 1 });
    }
  });

  test('after others have died: what was voided stays so', async () => {
    const small = smallRing({ lanes: 3, capacities: [8] });
    small.put(2, 0, 0, 1);
    small.claim(1, 0, 1, 2);
    await small.control.recover(1);
    small.put(0, 0, 3, 1);
    await diesAt(small, 0, () => set(small, 0, SlotWord.VOIDED, 0));
    expect(sums(small, 0)).toEqual([4, 4, 2]);
  });

  test('as it commits the last rows of a slot that was sealed: the slot is ready', async () => {
    const small = smallRing({ lanes: 2, splits: 2, capacities: [3] });
    small.producer(0).takeSplit();
    small.put(1, 0, 0, 1);
    small.claim(0, 0, 1, 2);
    await diesAt(small, 0, () => {
      small.ring.words[small.ring.map.run(0, 1) + RunWord.STATUS] = RunStatus.COMMITTED;
    });
    expect(small.states()).toEqual(['READY', 'FREE']);
    expect(openAt(small)).toBe(-1);
    expect(sums(small, 0)).toEqual([3, 3, 0]);
  });

  test('leaves no slot named as open that is not', async () => {
    const small = smallRing({ slots: 6, lanes: 2, splits: 2, capacities: [4, 4], fixedOrder: true });
    small.put(0, 0, 0, 1, 0);
    await diesAt(small, 0, () => {
      for (const place of [1, 2, 3]) small.ring.words[small.ring.map.open(place)] = 3;
    });
    expect([0, 1, 2, 3].map((place) => openAt(small, place))).toEqual([0, -1, -1, -1]);
  });

  test('as it opens a slot: the slot is the open one of its place', async () => {
    const small = smallRing({ lanes: 2, capacities: [4, 4] });
    await diesAt(small, 0, () => {
      small.ring.open(1, 1);
      small.ring.words[small.ring.map.open(1)] = 0;
    });
    expect([openAt(small, 0), openAt(small, 1)]).toEqual([-1, 1]);
    expect(small.put(1, 0, 0, 1, 1)).toBe(1);
  });

  test('before it has sealed a slot that its run fills: it is sealed', async () => {
    const small = smallRing({ lanes: 2, capacities: [3] });
    small.put(1, 0, 0, 2);
    const { slot } = small.claim(0, 0, 2, 1);
    await diesAt(small, 0, () => {
      small.ring.setState(slot, SlotState.FILLING);
      small.ring.words[small.ring.map.open(0)] = slot + 1;
    });
    expect(small.states()[slot]).toBe('READY');
    expect(openAt(small)).toBe(-1);
    expect(sums(small, slot)).toEqual([3, 3, 1]);
  });

  test('the same in fixed order: its run is taken back, and the slot goes on to fill', async () => {
    const small = smallRing({ capacities: [3], fixedOrder: true });
    small.put(0, 0, 0, 2);
    small.claim(0, 0, 2, 1);
    await diesAt(small, 0, () => {
      small.ring.setState(0, SlotState.FILLING);
      set(small, 0, SlotWord.BATCH, 0);
      small.ring.setSplitWord(0, SplitWord.BATCHES, 0);
    });
    expect(small.states()).toEqual(['FILLING', 'FREE']);
    expect(sums(small, 0)).toEqual([2, 2, 0]);
    expect(small.put(0, 0, 2, 1)).toBe(0);
    expect(small.ring.splitWord(0, SplitWord.BATCHES)).toBe(1);
  });

  test('between sealing a slot and finding that all its rows are there: it is ready', async () => {
    const small = smallRing({ lanes: 2, capacities: [4] });
    small.put(0, 0, 0, 2);
    await diesAt(small, 0, () => {
      small.ring.words[small.ring.map.open(0)] = 0;
      small.ring.setState(0, SlotState.SEALED);
    });
    expect(small.states()[0]).toBe('READY');
    expect(openAt(small)).toBe(-1);
    expect(small.ring.runs(0)).toEqual([{ split: 0, row: 0, first: 0, count: 2 }]);
  });

  test('as it commits: its rows count, and are not produced again', async () => {
    const small = smallRing({ lanes: 2, splits: 2, capacities: [4] });
    small.producer(0).takeSplit();
    small.put(0, 0, 0, 2);
    small.claim(0, 0, 2, 1);
    const unfinished = await diesAt(small, 0, () => {
      small.ring.words[small.ring.map.run(0, 1) + RunWord.STATUS] = RunStatus.COMMITTED;
    });
    expect(unfinished).toEqual([{ split: 0, committedRows: 3 }]);
    expect(sums(small, 0)).toEqual([3, 3, 0]);
  });

  test('has no rows forgotten that its split had committed in other slots', async () => {
    const small = smallRing({ slots: 3, splits: 2, capacities: [8, 2] });
    small.producer(0).takeSplit();
    small.put(0, 0, 0, 1, 0);
    small.put(0, 0, 1, 2, 1);
    expect(await diesAt(small, 0, () => {})).toEqual([{ split: 0, committedRows: 3 }]);
  });

  test('as it finishes a split: the next one is the first', async () => {
    const small = smallRing({ lanes: 2, splits: 3 });
    small.producer(0).takeSplit();
    small.producer(1).takeSplit();
    small.producer(0).takeSplit();
    const unfinished = await diesAt(small, 0, () => small.ring.setSplitWord(0, SplitWord.DONE, 1));
    expect(unfinished).toEqual([{ split: 2, committedRows: 0 }]);
    expect(small.ring.words[Header.FIRST_SPLIT]).toBe(1);
  });

  test('leaves slots that are beyond it alone', async () => {
    const small = smallRing({ slots: 3, capacities: [1] });
    for (let row = 0; row < 2; row++) small.put(0, 0, row, 1);
    small.consumer.finish(small.consumer.take());
    await diesAt(small, 0, () => {
      set(small, 0, SlotWord.CLAIMED, 77);
      set(small, 1, SlotWord.CLAIMED, 77);
    });
    expect(small.states()).toEqual(['DONE', 'READY', 'FREE']);
    expect([0, 1].map((slot) => small.ring.slotWord(slot, SlotWord.CLAIMED))).toEqual([77, 77]);
  });

  test('in fixed order leaves the open slots of the others where they are', async () => {
    const small = smallRing({ slots: 6, lanes: 2, splits: 2, capacities: [4, 4], fixedOrder: true });
    small.put(1, 1, 0, 1, 1);
    small.put(0, 0, 0, 1, 0);
    await diesAt(small, 0, () => {});
    expect([0, 1, 2, 3].map((place) => openAt(small, place))).toEqual([1, -1, -1, 0]);
  });
});
