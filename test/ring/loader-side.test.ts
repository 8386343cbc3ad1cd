import { beforeEach, describe, expect, test, vi } from 'vitest';
import { RETRY_MS } from '../../src/ring/consumer-side.js';
import { SlotState, SplitWord } from '../../src/ring/protocol.js';
import { UsageError } from '../../src/util/errors.js';
import { neverWaits, type SmallRing, signalsOf, smallRing } from './small-ring.js';

const time = vi.hoisted(() => ({ at: 0 }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at }));

beforeEach(() => {
  time.at = 1_000_000;
});

/** In place of a sleep that some test is about. */
function onWait({ ring }: SmallRing, ...meanwhile: (() => void)[]) {
  return vi.spyOn(ring.ready, 'waitAsync').mockImplementation(async () => {
    (meanwhile.shift() ?? neverWaits)();
  });
}

describe('a batch that is there', () => {
  test('is handed out at once, in the order in which they became ready', async () => {
    const small = smallRing({ slots: 3, capacities: [1] });
    small.put(0, 0, 0, 1);
    small.put(0, 0, 1, 1);
    expect(await small.loader.next()).toBe(0);
    expect(small.loader.nextSoon()).toBe(1);
    expect(small.states()).toEqual(['RUNNING', 'RUNNING', 'FREE']);
  });

  test('is not, once the stream was stopped', async () => {
    const small = smallRing({ capacities: [1] });
    small.put(0, 0, 0, 1);
    small.control.abort();
    expect(small.loader.nextSoon()).toBeUndefined();
    expect(await small.loader.next()).toBe(-1);
    expect(small.states()[0]).toBe('READY');
  });

  test('is free again for producers when it is released', () => {
    const small = smallRing({ capacities: [1] });
    small.put(0, 0, 0, 1);
    const slot = small.loader.nextSoon() as number;
    small.loader.release(slot);
    expect(small.states()[0]).toBe('FREE');
    expect(small.put(0, 0, 1, 1)).toBe(0);
  });
});

describe('a batch that comes very soon', () => {
  test('is waited for, for a tenth of a millisecond', () => {
    const small = smallRing({ capacities: [1] });
    const waits = vi.spyOn(small.ring.ready, 'wait').mockImplementation(() => {
      small.put(0, 0, 0, 1);
      return true;
    });
    expect(small.loader.nextSoon()).toBe(0);
    expect(waits.mock.calls.map(([, timeout]) => timeout)).toEqual([0.1]);
  });

  test('is not missed where it comes between the look and the sleep', () => {
    const small = smallRing({ capacities: [1] });
    const wait = small.ring.ready.wait.bind(small.ring.ready);
    let woken: boolean | undefined;
    vi.spyOn(small.ring.ready, 'wait').mockImplementation((ticket) => {
      small.put(0, 0, 0, 1);
      woken = wait(ticket, 60_000);
      return woken;
    });
    expect(small.loader.nextSoon()).toBe(0);
    expect(woken).toBe(true);
  });

  test('where none does, it is not waited for', () => {
    expect(smallRing().loader.nextSoon()).toBeUndefined();
  });
});

describe('whoever waits for a batch', () => {
  test('has it when it comes', async () => {
    const small = smallRing({ capacities: [1] });
    const next = small.loader.next();
    await new Promise(setImmediate);
    small.put(0, 0, 0, 1);
    expect(await next).toBe(0);
  });

  test('is woken for nothing in vain', async () => {
    const small = smallRing({ capacities: [1] });
    const waits = onWait(
      small,
      () => {},
      () => small.put(0, 0, 0, 1),
    );
    expect(await small.loader.next()).toBe(0);
    expect(waits.mock.calls.map(([, timeout]) => timeout)).toEqual([Infinity, Infinity]);
  });

  test('learns that no more will come', async () => {
    const small = smallRing({ capacities: [2] });
    small.put(0, 0, 0, 1);
    await small.control.end();
    expect(await small.loader.next()).toBe(0);
    expect(await small.loader.next()).toBe(-1);
  });

  test('learns of the end while it waits, and of a stop', async () => {
    for (const stop of ['end', 'abort'] as const) {
      const small = smallRing();
      const next = small.loader.next();
      await new Promise(setImmediate);
      await small.control[stop]();
      expect(await next).toBe(-1);
    }
  });

  test('has what is open once its rows have waited for as long as they may', async () => {
    const small = smallRing({ maxDelayMicros: 2000 });
    small.put(0, 0, 0, 1);
    const waits = onWait(small, () => {
      time.at += 2000;
    });
    expect(await small.loader.next()).toBe(0);
    expect(waits.mock.calls[0]?.[1]).toBeCloseTo(2.05, 9);
    expect(small.ring.waitedInVain(0)).toBe(true);
    expect(small.ring.mutex.owner).toBe(0);
  });

  test('looks again soon where the lock is not to be had, rather than block the thread', async () => {
    const small = smallRing({ maxDelayMicros: 0 });
    small.put(0, 0, 0, 1);
    small.ringOf(0).lock();
    const waits = onWait(small, () => small.ringOf(0).unlock());
    expect(await small.loader.next()).toBe(0);
    expect(waits.mock.calls.map(([, timeout]) => timeout)).toEqual([RETRY_MS]);
  });
});

describe('slots that are released', () => {
  function held(): SmallRing {
    const small = smallRing({ slots: 6, capacities: [1] });
    for (let row = 0; row < 6; row++) small.put(0, 0, row, 1);
    for (let row = 0; row < 6; row++) small.loader.nextSoon();
    return small;
  }

  test('are told to producers by half a ring', () => {
    const { loader, ring } = held();
    const free = signalsOf(ring.free);
    const counts = [0, 1, 2, 3].map((slot) => {
      loader.release(slot);
      return free()[0];
    });
    expect(counts).toEqual([1, 0, 0, 1]);
  });

  test('are told at once to those whose batch is waited for', async () => {
    const { loader, ring, put } = held();
    const free = signalsOf(ring.free);
    loader.release(0);
    expect(free()).toEqual([1]);
    const next = loader.next();
    await new Promise(setImmediate);
    loader.release(1);
    expect(free()).toEqual([1]);
    put(0, 0, 6, 1);
    await next;
    loader.release(2);
    expect(free(), 'nobody waits any more').toEqual([0]);
  });

  test('are all told before a wait', async () => {
    for (const wait of ['next', 'nextSoon'] as const) {
      const small = held();
      const free = signalsOf(small.ring.free);
      small.loader.release(0);
      small.loader.release(1);
      expect(free()).toEqual([1]);
      vi.spyOn(small.ring.ready, 'wait').mockReturnValue(false);
      onWait(small, () => small.control.abort());
      await small.loader[wait]();
      // Where it was stopped everybody was told of that, too.
      expect(free()).toEqual([wait === 'next' ? 2 : 1]);
    }
  });
});

describe('in fixed order', () => {
  const fixed = (slots = 6): SmallRing => {
    const small = smallRing({ slots, lanes: 2, splits: 3, capacities: [2], fixedOrder: true });
    small.producer(0).takeSplit();
    small.producer(1).takeSplit();
    return small;
  };

  test('batches come split by split, whatever is ready first', async () => {
    const small = fixed();
    small.put(1, 1, 0, 2);
    small.put(1, 1, 2, 2);
    small.producer(1).finishSplit(1);
    expect(small.loader.nextSoon()).toBeUndefined();
    small.put(0, 0, 0, 2);
    expect(small.loader.nextSoon()).toBe(2);
    expect(small.loader.nextSoon(), 'split 0 is not done').toBeUndefined();
    small.put(0, 0, 2, 1);
    small.producer(0).finishSplit(0);
    expect([small.loader.nextSoon(), small.loader.nextSoon(), small.loader.nextSoon()]).toEqual([3, 0, 1]);
    expect(small.loader.nextSoon()).toBeUndefined();
  });

  test('batches of a split come in the order in which they were sealed, whatever slots they are in', () => {
    const small = smallRing({ slots: 3, capacities: [2, 1], fixedOrder: true });
    small.put(0, 0, 0, 1, 0);
    small.put(0, 0, 1, 1, 1);
    small.put(0, 0, 2, 1, 0);
    expect(small.states()).toEqual(['READY', 'READY', 'FREE']);
    expect([small.loader.nextSoon(), small.loader.nextSoon()]).toEqual([1, 0]);
  });

  test('splits without batches are passed over, and the end is found', async () => {
    const small = fixed();
    small.producer(0).finishSplit(0);
    small.put(1, 1, 0, 1);
    small.producer(1).finishSplit(1);
    expect(await small.loader.next()).toBe(0);
    small.producer(0).takeSplit();
    small.producer(0).finishSplit(2);
    await small.control.end();
    expect(await small.loader.next()).toBe(-1);
  });
});

describe('batches that nobody releases', () => {
  const refusal = async (small: SmallRing): Promise<string> => {
    const error: unknown = await small.loader.next().catch((reason: unknown) => reason);
    if (!(error instanceof UsageError)) throw new Error(`no usage error, but ${error}`);
    return error.explain();
  };

  test('are an error rather than a hang, which says how many and what to do', async () => {
    const small = smallRing({ slots: 2, capacities: [1] });
    for (let row = 0; row < 2; row++) small.put(0, 0, row, 1);
    expect([await small.loader.next(), await small.loader.next()]).toEqual([0, 1]);
    expect(await refusal(small)).toBe(
      'all batches are taken: 2 of 2 slots are held by batches that were not released\n' +
        '  Call batch.release() when done with a batch (or declare it with «using»), or raise prefetch.',
    );
    small.loader.release(0);
    const waits = onWait(small, () => small.put(0, 0, 2, 1));
    expect(await small.loader.next()).toBe(0);
    expect(waits).toHaveBeenCalledTimes(1);
  });

  test('are none while one slot is not held', async () => {
    const small = smallRing({ slots: 3, capacities: [1] });
    for (let row = 0; row < 2; row++) small.put(0, 0, row, 1);
    await small.loader.next();
    await small.loader.next();
    const waits = onWait(small, () => small.put(0, 0, 2, 1));
    expect(await small.loader.next()).toBe(2);
    expect(waits).toHaveBeenCalledTimes(1);
  });

  /** In fixed order, two slots held, of two; the producer of the split that comes next waits for one. */
  async function stuck(): Promise<SmallRing> {
    const small = smallRing({ slots: 2, lanes: 2, splits: 2, capacities: [1], fixedOrder: true });
    small.producer(0).takeSplit();
    for (let row = 0; row < 2; row++) small.put(0, 0, row, 1);
    await small.loader.next();
    await small.loader.next();
    small.ring.setSplitWord(0, SplitWord.BLOCKED, 1);
    return small;
  }

  test('are one in fixed order too, where the producer that comes next waits for a slot', async () => {
    const small = await stuck();
    expect(await refusal(small)).toContain('2 of 2 slots are held');
    expect(small.ring.mutex.owner).toBe(0);
  });

  test.each([
    [
      'the producer has not found out yet',
      (small: SmallRing) => small.ring.setSplitWord(0, SplitWord.BLOCKED, 0),
    ],
    ['a slot has become free meanwhile', (small: SmallRing) => small.ring.setState(1, SlotState.FREE)],
    [
      'all splits are through',
      (small: SmallRing) => {
        small.producer(0).finishSplit(0);
        small.producer(1).takeSplit();
        small.producer(1).finishSplit(1);
        small.ring.setSplitWord(1, SplitWord.BLOCKED, 1);
      },
    ],
  ] as const)('are none where %s', async (_, change) => {
    const small = await stuck();
    change(small);
    const waits = onWait(small, () => small.control.abort());
    expect(await small.loader.next()).toBe(-1);
    expect(waits.mock.calls.map(([, timeout]) => timeout)).toEqual([Infinity]);
    expect(small.ring.mutex.owner).toBe(0);
  });

  test('are looked at again soon where the lock is not to be had', async () => {
    const small = await stuck();
    small.ringOf(1).lock();
    const waits = onWait(small, () => small.ringOf(1).unlock());
    expect(await refusal(small)).toContain('2 of 2 slots are held');
    expect(waits.mock.calls.map(([, timeout]) => timeout)).toEqual([RETRY_MS]);
  });

  test('are none of whoever holds none, though nothing comes', async () => {
    const small = await stuck();
    small.loader.release(0);
    small.loader.release(1);
    small.ring.setState(0, SlotState.DRAINING);
    small.ring.setState(1, SlotState.DRAINING);
    const waits = onWait(small, () => small.control.abort());
    expect(await small.loader.next()).toBe(-1);
    expect(waits).toHaveBeenCalledTimes(1);
  });
});
