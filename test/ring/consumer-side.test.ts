import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ConsumerSide, RETRY_MS } from '../../src/ring/consumer-side.js';
import { Header, RingStatus, RunStatus, SlotState, SlotWord, SplitWord } from '../../src/ring/protocol.js';
import { neverWaits, type SmallRing, signalsOf, smallRing } from './small-ring.js';

const time = vi.hoisted(() => ({ at: 0 }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at }));

beforeEach(() => {
  time.at = 1_000_000;
});

/** A ring whose slots 0 and 1 are ready, of which 1 was first. */
function twoReady(slots = 3): SmallRing {
  const small = smallRing({ slots, lanes: 2, capacities: [1] });
  small.claim(0, 0, 0, 1);
  small.claim(1, 0, 1, 1);
  small.producer(1).commit();
  small.producer(0).commit();
  return small;
}

describe('a consumer takes', () => {
  test('the slot that became ready first, whatever its number', () => {
    const { consumer, states } = twoReady();
    expect(consumer.take()).toBe(1);
    expect(states()).toEqual(['READY', 'RUNNING', 'FREE']);
    expect([consumer.take(), consumer.take()]).toEqual([0, -1]);
  });

  test('the first also where the count of slots has gone round', () => {
    const small = smallRing({ slots: 3, lanes: 2, capacities: [1] });
    small.ring.words[Header.NEXT_SEQUENCE] = 2 ** 31 - 1;
    small.claim(0, 0, 0, 1);
    small.claim(1, 0, 1, 1);
    small.producer(1).commit();
    small.producer(0).commit();
    expect(small.ring.slotWord(0, SlotWord.SEQUENCE)).toBe(-(2 ** 31));
    expect([small.consumer.take(), small.consumer.take()]).toEqual([1, 0]);
  });

  test('the slot of the lowest rank, and of those the first', () => {
    const ranks = [5, 7, 5, 5];
    const small = smallRing({ slots: 4, lanes: 4, capacities: [1] });
    for (let lane = 0; lane < 4; lane++) small.claim(lane, 0, lane, 1);
    for (const lane of [1, 3, 0, 2]) small.producer(lane).commit();
    const take = (): number => small.consumer.take((slot) => ranks[slot] as number);
    expect([take(), take(), take(), take(), take()]).toEqual([3, 0, 2, 1, -1]);
  });

  test('another where somebody was faster', () => {
    const small = twoReady();
    const other = new ConsumerSide(small.ring);
    let stolen = false;
    const slot = small.consumer.take(() => {
      if (!stolen) {
        stolen = true;
        expect(other.take()).toBe(1);
      }
      return 0;
    });
    expect(slot).toBe(0);
  });
});

describe('a consumer that waits for the next batch', () => {
  test('has it at once where there is one', () => {
    const { consumer } = twoReady();
    expect(consumer.next(neverWaits)).toBe(1);
  });

  test('says that it is idle before each sleep, and finds what came meanwhile', () => {
    const small = smallRing({ capacities: [1] });
    let idle = 0;
    const waits = vi.spyOn(small.consumerRing.ready, 'wait');
    const slot = small.consumer.next(() => {
      if (++idle === 1) small.ring.ready.signal();
      else small.put(0, 0, 0, 1);
    });
    expect([slot, idle]).toEqual([0, 2]);
    expect(waits.mock.calls.map(([, timeout]) => timeout)).toEqual([Infinity, Infinity]);
  });

  test('learns that nothing will come any more', () => {
    const small = twoReady();
    small.ring.setStatus(RingStatus.ENDED);
    expect([small.consumer.next(neverWaits), small.consumer.next(neverWaits)]).toEqual([1, 0]);
    expect(small.consumer.next(neverWaits)).toBe(-1);
  });

  test('takes no more once the stream was stopped', () => {
    const small = twoReady();
    small.control.abort();
    expect(small.consumer.next(neverWaits)).toBe(-1);
    expect(small.consumer.takeNow(() => 0)).toBe(-1);
    expect(small.states()).toEqual(['READY', 'READY', 'FREE']);
  });

  test('sleeps until rows have waited for as long as they may, and takes them then', () => {
    const small = smallRing({ maxDelayMicros: 2000 });
    small.put(0, 0, 0, 1);
    time.at += 500;
    const waits = vi
      .spyOn(small.consumerRing.ready, 'wait')
      .mockImplementationOnce(() => {
        time.at += 1500;
        return false;
      })
      .mockImplementation(neverWaits);
    expect(small.consumer.next(() => {})).toBe(0);
    expect(waits).toHaveBeenCalledTimes(1);
    // A little longer, else it would wake to find nothing to do.
    expect(waits.mock.calls[0]?.[1]).toBeCloseTo(1.55, 9);
    expect(small.ring.waitedInVain(0)).toBe(true);
    expect(small.ring.mutex.owner).toBe(0);
  });

  test('takes what there is at once where no row is to wait while it is idle', () => {
    const small = smallRing({ maxDelayMicros: 0 });
    small.put(0, 0, 0, 1);
    expect(small.consumer.next(neverWaits)).toBe(0);
  });

  test('looks again soon where the slot that is due has no row: whoever opened it is dead', () => {
    const small = smallRing({ maxDelayMicros: 0 });
    small.ring.open(0, 0);
    const waits = vi.spyOn(small.consumerRing.ready, 'wait').mockImplementation(neverWaits);
    expect(() => small.consumer.next(() => {})).toThrow('this would wait');
    expect(waits.mock.calls[0]?.[1]).toBe(RETRY_MS);
  });

  test('tells the sink of all that it has done before it sleeps', () => {
    const small = smallRing({ slots: 6, capacities: [1], mostPutOff: 3 });
    for (let row = 0; row < 3; row++) small.put(0, 0, row, 1);
    const done = signalsOf(small.ring.done);
    for (let i = 0; i < 2; i++) small.consumer.finish(small.consumer.take());
    expect(small.states().slice(0, 3)).toEqual(['DONE', 'DONE', 'READY']);
    expect(done(), 'the first in a while').toEqual([1]);
    small.consumer.finish(small.consumer.next(neverWaits));
    expect(done()).toEqual([0]);
    expect(() => small.consumer.next(neverWaits)).toThrow('this would wait');
    expect(done()).toEqual([1]);
  });

  test('puts off half a ring of such signals at most, unless told otherwise', () => {
    const small = smallRing({ slots: 6, capacities: [1] });
    const consumer = new ConsumerSide(small.consumerRing);
    for (let row = 0; row < 5; row++) small.put(0, 0, row, 1);
    const done = signalsOf(small.ring.done);
    const counts = Array.from({ length: 5 }, () => {
      consumer.finish(consumer.take());
      return done()[0];
    });
    expect(counts).toEqual([1, 0, 0, 1, 0]);
  });
});

describe('when there is something to take', () => {
  test('is never where nothing is open, or no row waits for so long', () => {
    const forever = smallRing();
    forever.put(0, 0, 0, 1);
    expect([forever.consumer.workIn(), forever.consumer.dueIn(), forever.consumer.hasReady]).toEqual([
      Infinity,
      Infinity,
      false,
    ]);
    expect(smallRing({ maxDelayMicros: 1000 }).consumer.workIn()).toBe(Infinity);
  });

  test('is now where a slot is ready', () => {
    const small = twoReady();
    expect([small.consumer.workIn(), small.consumer.hasReady]).toEqual([0, true]);
  });

  test('is when the row that was first has waited for as long as it may', () => {
    const small = smallRing({ slots: 3, capacities: [4, 4], maxDelayMicros: 3000 });
    small.put(0, 0, 0, 1, 0);
    time.at += 1000;
    small.put(0, 0, 1, 1, 1);
    expect(small.consumer.workIn()).toBeCloseTo(2.05, 9);
    time.at += 1999;
    expect(small.consumer.dueIn()).toBeCloseTo(0.051, 9);
    time.at += 1;
    expect(small.consumer.dueIn()).toBe(0);
    time.at += 50_000;
    expect(small.consumer.workIn()).toBe(0);
  });
});

describe('slots whose rows have waited for as long as they may', () => {
  test('are sealed, those and no others, and are marked', () => {
    const small = smallRing({ slots: 4, capacities: [4, 4, 4], maxDelayMicros: 1000 });
    small.put(0, 0, 0, 1, 0);
    small.claim(0, 0, 1, 1, 1);
    time.at += 1;
    small.put(0, 0, 2, 1, 2);
    time.at += 998;
    expect(small.consumer.sealDue()).toBe(false);
    time.at += 1;
    expect(small.consumer.sealDue()).toBe(true);
    expect(small.states()).toEqual(['READY', 'SEALED', 'FILLING', 'FREE']);
    expect([0, 1, 2].map((slot) => small.ring.waitedInVain(slot))).toEqual([true, true, false]);
    expect(small.consumer.sealDue()).toBe(false);
  });

  test('are left alone while there is no row in them', () => {
    const small = smallRing({ maxDelayMicros: 0 });
    small.ring.open(0, 0);
    time.at += 10;
    expect(small.consumer.sealDue()).toBe(false);
    expect(small.states()).toEqual(['FILLING', 'FREE']);
  });
});

describe('whoever may run only now takes', () => {
  const online = (): SmallRing => smallRing({ slots: 4, lanes: 2, capacities: [4, 1], maxDelayMicros: 0 });

  test('what is open, where nothing is ready', () => {
    const small = online();
    small.put(0, 0, 0, 1);
    expect(small.consumer.takeNow(() => 0)).toBe(0);
    expect(small.ring.waitedInVain(0)).toBe(true);
    expect(small.ring.mutex.owner).toBe(0);
    expect(small.consumer.takeNow(() => 0)).toBe(-1);
  });

  test.each([
    [0, 1],
    [0, 2],
    [1, 1],
    [1, 2],
  ])('what is ready, and leaves slot %i open to fill, of rank %i, which comes after it', (open, rank) => {
    const small = online();
    const ready = 1 - open;
    for (const slot of [0, 1]) small.put(0, 0, slot, 1, slot === open ? 0 : 1);
    // Slots that are free, and what lies behind the last one, would come first.
    small.ring.setSplitWord(0, SplitWord.LANE, SlotState.FILLING);
    const slot = small.consumer.takeNow((other) => (other === open ? rank : other === ready ? 1 : 0));
    expect(slot).toBe(ready);
    expect([small.ring.state(open), small.ring.state(ready)]).toEqual([SlotState.FILLING, SlotState.RUNNING]);
  });

  test('what is open before what is ready, where it comes first', () => {
    const small = online();
    small.put(0, 0, 0, 1, 0);
    small.put(0, 0, 1, 1, 1);
    expect(small.consumer.takeNow((slot) => slot + 1)).toBe(0);
    expect(small.states().slice(0, 2)).toEqual(['RUNNING', 'READY']);
  });

  test('nothing that is not due yet', () => {
    const small = smallRing({ maxDelayMicros: 1000 });
    small.put(0, 0, 0, 1);
    expect(small.consumer.takeNow(() => 0)).toBe(-1);
    expect(small.states()[0]).toBe('FILLING');
  });

  test('rows that are just being written, once they are', () => {
    const small = online();
    small.claim(0, 0, 0, 1);
    const waits = vi.spyOn(small.consumerRing.ready, 'wait').mockImplementation(() => {
      expect(small.states()[0]).toBe('SEALED');
      small.producer(0).commit();
      return true;
    });
    expect(small.consumer.takeNow(() => 0)).toBe(0);
    expect(waits).toHaveBeenCalledTimes(1);
  });
});

describe('nothing will come any more', () => {
  test.each([
    ['FREE', true],
    ['FILLING', false],
    ['SEALED', false],
    ['READY', false],
    ['RUNNING', true],
    ['DONE', true],
    ['DRAINING', true],
  ] as const)('where the stream has ended and a slot is %s: %s', (state, expected) => {
    const { ring, consumer } = smallRing();
    ring.setState(1, SlotState[state]);
    expect(consumer.nothingWillCome).toBe(false);
    ring.setStatus(RingStatus.ENDED);
    expect(consumer.nothingWillCome).toBe(expected);
  });
});

test('what lies behind the last slot is not taken for one, whatever stands there', () => {
  for (const state of [SlotState.FILLING, SlotState.SEALED, SlotState.READY]) {
    const { ring, consumer } = smallRing({ lanes: 3, splits: 3, maxDelayMicros: 0 });
    // The record of the first split: its lane, and that it is done.
    ring.setSplitWord(0, SplitWord.LANE, state);
    ring.setSplitWord(0, SplitWord.DONE, 1);
    expect([consumer.take(), consumer.takeNow(() => 0)]).toEqual([-1, -1]);
    expect([consumer.workIn(), consumer.hasReady, consumer.sealDue()]).toEqual([Infinity, false, false]);
    ring.setStatus(RingStatus.ENDED);
    expect(consumer.nothingWillCome).toBe(true);
  }
});

describe('rows that the model rejects', () => {
  test('are cut out of their runs, and told by their places in their splits', () => {
    const small = smallRing({ lanes: 2, splits: 6, slots: 2, capacities: [8] });
    small.put(0, 5, 100, 3);
    small.put(1, 2, 7, 2);
    small.put(0, 5, 103, 3);
    const slot = small.consumer.take();
    expect(small.consumer.reject(slot, [1, 2, 3, 7])).toEqual([
      { split: 5, row: 101, first: 1, count: 2 },
      { split: 2, row: 7, first: 3, count: 1 },
      { split: 5, row: 105, first: 7, count: 1 },
    ]);
    expect(small.ring.runs(slot)).toEqual([
      { split: 5, row: 100, first: 0, count: 1 },
      { split: 2, row: 8, first: 4, count: 1 },
      { split: 5, row: 103, first: 5, count: 2 },
    ]);
    expect(small.ring.runs(slot, RunStatus.REJECTED)).toHaveLength(3);
  });

  test('leave rows that were voided before as they are', async () => {
    const small = smallRing({ lanes: 3, splits: 3, capacities: [7] });
    small.claim(1, 1, 40, 2);
    small.claim(2, 2, 50, 1);
    small.put(0, 0, 0, 4);
    await small.control.recover(1);
    await small.control.recover(2);
    const slot = small.consumer.take();
    expect(small.consumer.reject(slot, [4])).toEqual([{ split: 0, row: 1, first: 4, count: 1 }]);
    expect(small.ring.runs(slot)).toEqual([
      { split: 0, row: 0, first: 3, count: 1 },
      { split: 0, row: 2, first: 5, count: 2 },
    ]);
    expect(small.ring.runs(slot, RunStatus.VOID)).toEqual([
      { split: 1, row: 40, first: 0, count: 2 },
      { split: 2, row: 50, first: 2, count: 1 },
    ]);
    expect(small.ring.slotWord(slot, SlotWord.RUNS)).toBe(5);
  });

  test('of none nothing is cut', () => {
    const small = smallRing({ capacities: [2] });
    const slot = small.put(0, 0, 0, 2);
    expect(small.consumer.reject(slot, [])).toEqual([]);
    expect(small.ring.runs(slot)).toEqual([{ split: 0, row: 0, first: 0, count: 2 }]);
  });
});
