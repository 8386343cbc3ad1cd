import { beforeEach, describe, expect, test, vi } from 'vitest';
import { Header, RunStatus, SlotState, SlotWord, SplitWord } from '../../src/ring/protocol.js';
import { InterruptedError } from '../../src/util/errors.js';
import { neverWaits, type SmallRing, signalsOf, smallRing } from './small-ring.js';

const time = vi.hoisted(() => ({ at: 0 }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at }));

beforeEach(() => {
  time.at = 1_000_000;
});

const word = ({ ring }: SmallRing, slot: number, which: number): number => ring.slotWord(slot, which);

describe('splits', () => {
  test('are taken one after another, each by one producer', () => {
    const { producer, ring } = smallRing({ lanes: 2, splits: 3 });
    expect([producer(0).splitsLeft, producer(1).splitsLeft]).toEqual([3, 3]);
    expect([producer(0).takeSplit(), producer(1).takeSplit(), producer(0).takeSplit()]).toEqual([0, 1, 2]);
    expect([producer(0).takeSplit(), producer(1).takeSplit()]).toEqual([-1, -1]);
    expect(producer(0).splitsLeft).toBe(0);
    expect([0, 1, 2].map((split) => ring.splitWord(split, SplitWord.LANE))).toEqual([1, 2, 1]);
  });

  test('that others have taken meanwhile are passed over', () => {
    const { producer, ring } = smallRing({ lanes: 2, splits: 4 });
    ring.setSplitWord(0, SplitWord.LANE, 2);
    ring.setSplitWord(1, SplitWord.LANE, 2);
    expect(producer(0).takeSplit()).toBe(2);
    expect(producer(0).splitsLeft).toBe(1);
    expect(producer(0).takeSplit()).toBe(3);
  });

  test('are left to other lanes by one that is not in use any more', () => {
    const { producer, control } = smallRing({ lanes: 3, splits: 3 });
    control.useLanes(1);
    expect([producer(1).takeSplit(), producer(2).takeSplit(), producer(0).takeSplit()]).toEqual([-1, -1, 0]);
    control.useLanes(2);
    expect([producer(2).takeSplit(), producer(1).takeSplit()]).toEqual([-1, 1]);
  });
});

describe('rows', () => {
  test('of several producers go to the same slot, one run after another, no more than fit', () => {
    const small = smallRing({ lanes: 2, splits: 2, capacities: [5] });
    expect(small.claim(0, 0, 7, 2)).toEqual({ slot: 0, bucket: 0, first: 0, count: 2, run: 0 });
    expect(small.claim(1, 1, 0, 2)).toEqual({ slot: 0, bucket: 0, first: 2, count: 2, run: 1 });
    expect(small.states()).toEqual(['FILLING', 'FREE']);
    small.producer(0).commit();
    expect(small.claim(0, 0, 9, 2)).toEqual({ slot: 0, bucket: 0, first: 4, count: 1, run: 2 });
    expect(small.states()).toEqual(['SEALED', 'FREE']);
    expect(small.ring.runs(0, RunStatus.CLAIMED)).toEqual([
      { split: 1, row: 0, first: 2, count: 2 },
      { split: 0, row: 9, first: 4, count: 1 },
    ]);
    expect(small.ring.runs(0)).toEqual([{ split: 0, row: 7, first: 0, count: 2 }]);
  });

  test('run once all of a sealed slot are committed, whoever is the last', () => {
    const small = smallRing({ lanes: 2, splits: 2, capacities: [2] });
    const ready = signalsOf(small.ring.ready);
    small.claim(0, 0, 0, 1);
    small.claim(1, 1, 0, 1);
    expect(small.states()[0]).toBe('SEALED');
    small.producer(1).commit();
    expect(small.states()[0]).toBe('SEALED');
    expect(ready()).toEqual([0]);
    small.producer(0).commit();
    expect(small.states()[0]).toBe('READY');
    expect(ready()).toEqual([1]);
  });

  test('that are committed are counted, of their split and of the slot, with their lengths and the time', () => {
    const small = smallRing({ splits: 2, capacities: [8] });
    small.claim(0, 1, 0, 3);
    time.at += 5;
    small.producer().commit(30);
    small.claim(0, 1, 3, 2);
    expect(small.ring.splitWord(1, SplitWord.COMMITTED_ROWS)).toBe(3);
    time.at += 5;
    small.producer().commit(12);
    expect(small.ring.splitWord(1, SplitWord.COMMITTED_ROWS)).toBe(5);
    expect(word(small, 0, SlotWord.TOKENS)).toBe(42);
    expect(word(small, 0, SlotWord.CLAIMED)).toBe(5);
    expect(word(small, 0, SlotWord.SETTLED)).toBe(5);
    expect(small.ring.committedAt(0)).toBe(1_000_010);
    expect(small.ring.openedAt(0)).toBe(1_000_000);
    small.put(0, 1, 5, 1);
    expect(word(small, 0, SlotWord.TOKENS), 'rows of one length need not tell it').toBe(42);
  });

  test('go to the slot of their bucket', () => {
    const small = smallRing({ capacities: [3, 2], slots: 3 });
    expect(small.put(0, 0, 0, 1, 1)).toBe(0);
    expect(small.put(0, 0, 1, 1, 0)).toBe(1);
    expect(small.claim(0, 0, 2, 9, 1)).toMatchObject({ slot: 0, bucket: 1, first: 1, count: 1 });
    small.producer().commit();
    expect(small.states()).toEqual(['READY', 'FILLING', 'FREE']);
    expect([small.ring.bucketIndex(0), small.ring.bucketIndex(1)]).toEqual([1, 0]);
    expect(small.put(0, 0, 3, 1, 1)).toBe(2);
  });

  test('leave the lock open, whatever becomes of them', () => {
    const small = smallRing({ slots: 2, capacities: [1], fixedOrder: true, splits: 2 });
    const isOpen = (): boolean => small.ring.mutex.owner === 0;
    small.claim(0, 0, 0, 1);
    expect(isOpen()).toBe(true);
    small.producer().commit();
    expect(isOpen()).toBe(true);
    small.put(0, 0, 1, 1);
    expect(() => small.claim(0, 0, 2, 1)).toThrow('this would wait');
    expect(isOpen()).toBe(true);
    small.producer().finishSplit(0);
    expect(isOpen()).toBe(true);
  });
});

describe('where no slot is free', () => {
  /** A ring whose only slots are being run. */
  function full(fixedOrder = false): SmallRing {
    const small = smallRing({ capacities: [1], fixedOrder });
    for (let row = 0; row < 2; row++) {
      small.put(0, 0, row, 1);
      small.consumer.take();
    }
    return small;
  }
  const giveBack = (small: SmallRing, slot: number): void => {
    small.ring.setState(slot, SlotState.FREE);
    small.ring.free.signal();
  };

  test('a producer says once that it waits, and sleeps until it is told of one', () => {
    const small = full();
    const { free } = small.ringOf(0);
    const onBlocked = vi.fn();
    const waits = vi
      .spyOn(free, 'wait')
      .mockImplementationOnce(() => {
        expect(small.ring.splitWord(0, SplitWord.BLOCKED)).toBe(1);
        return true; // woken for nothing
      })
      .mockImplementationOnce(() => {
        giveBack(small, 1);
        return true;
      })
      .mockImplementation(neverWaits);
    expect(small.producer().claim(0, 2, 1, 0, onBlocked)).toMatchObject({ slot: 1, first: 0, count: 1 });
    expect(onBlocked).toHaveBeenCalledTimes(1);
    expect(waits).toHaveBeenCalledTimes(2);
    expect(small.ring.splitWord(0, SplitWord.BLOCKED)).toBe(0);
  });

  test('a slot that is given back between its look and its sleep is not slept through', () => {
    const small = full();
    const claim = small.producer().claim(0, 2, 1, 0, () => giveBack(small, 0));
    expect(claim.slot).toBe(0);
  });

  test('a producer on the main thread lets other things go on meanwhile', async () => {
    const small = full();
    let claimed = -1;
    const claiming = small
      .producer()
      .claimAsync(0, 2, 1, 0)
      .then(({ slot }) => {
        claimed = slot;
      });
    await new Promise(setImmediate);
    expect(claimed).toBe(-1);
    expect(small.ring.splitWord(0, SplitWord.BLOCKED)).toBe(1);
    giveBack(small, 1);
    await claiming;
    expect(claimed).toBe(1);
    expect(small.ring.splitWord(0, SplitWord.BLOCKED)).toBe(0);
  });

  test('a stream that was stopped says so', async () => {
    const small = full();
    const stopped = (work: () => unknown) => expect(work).toThrow(InterruptedError);
    stopped(() => small.producer().claim(0, 2, 1, 0, () => small.control.abort()));
    await expect(small.producer().claimAsync(0, 2, 1, 0)).rejects.toThrow('the stream was stopped');
  });

  test('in fixed order whoever waits for a batch looks again, since it may hold the slots', async () => {
    for (const fixedOrder of [true, false]) {
      const small = full(fixedOrder);
      const ready = signalsOf(small.ring.ready);
      expect(() => small.producer().claim(0, 2, 1, 0, neverWaits)).toThrow('this would wait');
      expect(ready(), 'not before it is said').toEqual([0]);
      vi.spyOn(small.ringOf(0).free, 'wait').mockImplementation(neverWaits);
      expect(() => small.producer().claim(0, 2, 1, 0, () => {})).toThrow('this would wait');
      expect(ready()).toEqual([fixedOrder ? 1 : 0]);
      vi.spyOn(small.ringOf(0).free, 'waitAsync').mockImplementation(neverWaits);
      await expect(small.producer().claimAsync(0, 2, 1, 0)).rejects.toThrow('this would wait');
      expect(ready()).toEqual([fixedOrder ? 1 : 0]);
    }
  });

  test('slots beyond those in use are not taken until they are', () => {
    const small = smallRing({ slots: 3, capacities: [1] });
    small.ring.words[Header.SLOTS] = 1;
    expect(small.put(0, 0, 0, 1)).toBe(0);
    expect(() => small.put(0, 0, 1, 1)).toThrow('this would wait');
    small.control.useSlots(2);
    expect(small.put(0, 0, 1, 1)).toBe(1);
    expect(() => small.put(0, 0, 2, 1)).toThrow('this would wait');
  });
});

describe('partial batches that hold the whole ring', () => {
  const blocked = (small: SmallRing, row: number, bucket: number): void => {
    expect(() => small.put(0, 0, row, 1, bucket)).toThrow('this would wait');
  };

  test.each([
    ['the second, where it is', [4, 2, 1], [1, 1], ['FILLING', 'READY']],
    ['the first, where it is', [4, 2, 1], [3, 1], ['READY', 'FILLING']],
    ['the first, where both are as full', [4, 2, 1], [2, 1], ['READY', 'FILLING']],
  ] as const)('are not waited for: the fullest is sent on, %s', (_, capacities, rows, states) => {
    const small = smallRing({ capacities });
    // It lies behind the last slot, and is none.
    small.ring.setSplitWord(0, SplitWord.LANE, SlotState.READY);
    small.put(0, 0, 0, rows[0], 0);
    small.put(0, 0, 10, rows[1], 1);
    blocked(small, 20, 2);
    expect(small.states()).toEqual(states);
    // One at a time.
    blocked(small, 20, 2);
    expect(small.states()).toEqual(states);
  });

  test('are left alone while another is on its way', () => {
    for (const isCommitted of [false, true]) {
      const small = smallRing({ lanes: 2, capacities: [2, 4, 1] });
      small.claim(1, 0, 0, 2, 0);
      if (isCommitted) small.producer(1).commit();
      small.put(0, 0, 2, 1, 1);
      blocked(small, 3, 2);
      expect(small.states()).toEqual([isCommitted ? 'READY' : 'SEALED', 'FILLING']);
    }
  });

  test('are sent on though others run, which may need them to go on', () => {
    const small = smallRing({ capacities: [2, 4, 1] });
    small.put(0, 0, 0, 2, 0);
    small.consumer.take();
    small.put(0, 0, 2, 1, 1);
    blocked(small, 3, 2);
    expect(small.states()).toEqual(['RUNNING', 'READY']);
  });

  test('wait for their split in fixed order', () => {
    const small = smallRing({ capacities: [4, 4, 1], fixedOrder: true });
    small.put(0, 0, 0, 1, 0);
    small.put(0, 0, 1, 1, 1);
    blocked(small, 2, 2);
    expect(small.states()).toEqual(['FILLING', 'FILLING']);
  });
});

describe('a consumer that sleeps is told of a slot whose delay begins to run', () => {
  test.each([
    ['with its first row, not with the others', { maxDelayMicros: 1000 }, [1, 1], [1, 0]],
    ['though the delay is none', { maxDelayMicros: 0 }, [1, 1], [1, 0]],
    ['once only where the first rows fill it: when they are committed', { maxDelayMicros: 1000 }, [4], [1]],
    ['not where there is no delay', {}, [1, 1], [0, 0]],
  ] as const)('%s', (_, config, wants, expected) => {
    const small = smallRing({ ...config, capacities: [4] });
    const ready = signalsOf(small.ring.ready);
    const told = wants.map((want, i) => {
      small.put(0, 0, i, want);
      return ready()[0];
    });
    expect(told).toEqual(expected);
  });

  test('and not while no slot is to be had', () => {
    const small = smallRing({ maxDelayMicros: 1000, slots: 1, capacities: [1] });
    small.put(0, 0, 0, 1);
    const ready = signalsOf(small.ring.ready);
    expect(() => small.put(0, 0, 1, 1)).toThrow('this would wait');
    expect(ready()).toEqual([0]);
  });
});

describe('a split that is finished', () => {
  test('leaves its slot open to others in any order, and wakes nobody', () => {
    const small = smallRing({ lanes: 2, splits: 2 });
    small.put(0, 0, 0, 2);
    const signals = signalsOf(small.ring.ready, small.ring.free, small.ring.done);
    small.producer(0).finishSplit(0);
    expect(small.states()).toEqual(['FILLING', 'FREE']);
    expect(signals()).toEqual([0, 0, 0]);
    expect(small.ring.splitWord(0, SplitWord.DONE)).toBe(1);
    expect(small.put(1, 1, 0, 2)).toBe(0);
    expect(small.states()[0]).toBe('READY');
  });

  test('ends its batches in fixed order, in every bucket, and tells whoever waits', () => {
    const small = smallRing({ lanes: 2, splits: 2, slots: 6, capacities: [4, 4], fixedOrder: true });
    small.producer(0).takeSplit();
    small.producer(1).takeSplit();
    small.put(0, 0, 0, 1, 0);
    small.put(0, 0, 1, 1, 1);
    small.put(1, 1, 0, 1, 0);
    const signals = signalsOf(small.ring.free, small.ring.done);
    const ready = signalsOf(small.ring.ready);
    small.producer(0).finishSplit(0);
    expect(small.states()).toEqual(['READY', 'READY', 'FILLING', 'FREE', 'FREE', 'FREE']);
    expect([0, 1].map((slot) => word(small, slot, SlotWord.BATCH))).toEqual([1, 2]);
    expect(small.ring.splitWord(0, SplitWord.BATCHES)).toBe(2);
    expect(signals()).toEqual([1, 0]);
    expect(ready(), 'two batches, and that they are all').toEqual([3]);
    small.producer(1).finishSplit(1);
    expect(word(small, 2, SlotWord.BATCH)).toBe(1);
  });

  test('without rows has no batches', () => {
    const small = smallRing({ fixedOrder: true });
    small.producer().finishSplit(0);
    expect(small.ring.splitWord(0, SplitWord.BATCHES)).toBe(0);
    expect(small.states()).toEqual(['FREE', 'FREE']);
  });

  test('is passed by once all before it are finished too', () => {
    const small = smallRing({ lanes: 3, splits: 3 });
    const first = (): number | undefined => small.ring.words[Header.FIRST_SPLIT];
    small.producer(1).finishSplit(1);
    expect(first()).toBe(0);
    small.producer(0).finishSplit(0);
    expect(first()).toBe(2);
    small.producer(2).finishSplit(2);
    expect(first()).toBe(3);
  });

  test('that one sealed who died at it keeps the number of its batch', () => {
    const small = smallRing({ fixedOrder: true });
    small.put(0, 0, 0, 1);
    small.ring.setSlotWord(0, SlotWord.BATCH, 1);
    small.ring.setSplitWord(0, SplitWord.BATCHES, 1);
    small.producer().finishSplit(0);
    expect([word(small, 0, SlotWord.BATCH), small.ring.splitWord(0, SplitWord.BATCHES)]).toEqual([1, 1]);
  });
});

describe('in fixed order', () => {
  test('batches are counted in their split, from one on, and slots are never shared', () => {
    const small = smallRing({ lanes: 2, splits: 2, slots: 6, capacities: [2], fixedOrder: true });
    small.producer(0).takeSplit();
    small.producer(1).takeSplit();
    expect([small.put(0, 0, 0, 2), small.put(1, 1, 0, 1), small.put(0, 0, 2, 2)]).toEqual([0, 1, 2]);
    small.put(1, 1, 1, 1);
    expect([0, 1, 2].map((slot) => word(small, slot, SlotWord.BATCH))).toEqual([1, 1, 2]);
    expect([0, 1].map((split) => small.ring.splitWord(split, SplitWord.BATCHES))).toEqual([2, 1]);
  });

  test('a later split leaves as many slots as the first may have open, one at the least', () => {
    const small = smallRing({ lanes: 2, splits: 2, slots: 4, capacities: [1, 1], fixedOrder: true });
    small.producer(0).takeSplit();
    small.producer(1).takeSplit();
    const later = (row: number): number => small.put(1, 1, row, 1, 0);
    expect([later(0), later(1)]).toEqual([0, 1]);
    expect(() => later(2)).toThrow('this would wait');
    expect(small.ring.splitWord(1, SplitWord.BLOCKED)).toBe(1);
    // The first split may take all there are.
    expect([small.put(0, 0, 0, 1, 0), small.put(0, 0, 1, 1, 1)]).toEqual([2, 3]);
    expect(() => small.put(0, 0, 2, 1, 0)).toThrow('this would wait');
  });

  test('what the first split has open already need not be left to it again', () => {
    const small = smallRing({ lanes: 2, splits: 2, slots: 5, capacities: [2, 2], fixedOrder: true });
    small.producer(0).takeSplit();
    small.producer(1).takeSplit();
    small.put(0, 0, 0, 1, 0);
    small.put(0, 0, 1, 1, 1);
    const later = (row: number): number => small.put(1, 1, row, 2, 0);
    expect([later(0), later(2)]).toEqual([2, 3]);
    expect(() => later(4), 'one for its next batch').toThrow('this would wait');
  });

  test('a slot is left for each bucket in which the first split has none open', () => {
    const small = smallRing({ lanes: 2, splits: 2, slots: 4, capacities: [2, 2, 2], fixedOrder: true });
    small.producer(0).takeSplit();
    small.producer(1).takeSplit();
    small.put(0, 0, 0, 1, 1);
    expect(small.put(1, 1, 0, 2, 0)).toBe(1);
    expect(() => small.put(1, 1, 2, 2, 0)).toThrow('this would wait');
  });

  test('slots are left to a first split that nobody has begun with, too', () => {
    const small = smallRing({ lanes: 2, splits: 2, slots: 3, capacities: [1, 1], fixedOrder: true });
    expect(small.put(1, 1, 0, 1)).toBe(0);
    expect(() => small.put(1, 1, 1, 1)).toThrow('this would wait');
  });

  test('a split that has become the first may take the last slot', () => {
    const small = smallRing({ lanes: 2, splits: 2, capacities: [1], fixedOrder: true });
    small.producer(0).takeSplit();
    small.producer(1).takeSplit();
    expect(small.put(1, 1, 0, 1)).toBe(0);
    expect(() => small.put(1, 1, 1, 1)).toThrow('this would wait');
    small.producer(0).finishSplit(0);
    expect(small.put(1, 1, 1, 1)).toBe(1);
  });
});
