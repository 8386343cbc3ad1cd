import { beforeEach, describe, expect, test, vi } from 'vitest';
import { RunStatus, RunWord, SlotState, SlotWord, SplitWord } from '../../src/ring/protocol.js';
import { RequestSide } from '../../src/ring/request-side.js';
import { MAIN_OWNER } from '../../src/ring/ring.js';
import { signalsOf, smallRing } from './small-ring.js';

const time = vi.hoisted(() => ({ at: 0 }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at }));

beforeEach(() => {
  time.at = 1_000_000;
});

function online(slots = 3) {
  const small = smallRing({ slots, capacities: [4], maxDelayMicros: 0, splits: 8 });
  return { ...small, requests: new RequestSide(small.ring) };
}

describe('rows of requests', () => {
  test('go into the open slot, request after request, until it is full', () => {
    const { requests, ring, states } = online();
    requests.lock();
    expect(ring.mutex.owner).toBe(MAIN_OWNER);
    expect(requests.openSlot).toBe(-1);
    const slot = requests.open();
    expect([slot, requests.openSlot, requests.room(slot)]).toEqual([0, 0, 4]);
    expect(requests.claim(slot, 5, 0, 1)).toBe(0);
    expect(requests.room(slot)).toBe(3);
    expect(requests.claim(slot, 6, 2, 2)).toBe(1);
    expect(states()[0]).toBe('FILLING');
    expect(requests.claim(slot, 7, 9, 1)).toBe(3);
    expect([requests.openSlot, requests.room(slot)]).toEqual([-1, 0]);
    expect(states()[0]).toBe('SEALED');
    requests.unlock();
    expect(ring.mutex.owner).toBe(0);
    expect(ring.runs(slot, RunStatus.CLAIMED)).toEqual([
      { split: 5, row: 0, first: 0, count: 1 },
      { split: 6, row: 2, first: 1, count: 2 },
      { split: 7, row: 9, first: 3, count: 1 },
    ]);
  });

  test('are committed in one step, those that were claimed last, and may run then', () => {
    const { requests, ring, consumer, states } = online();
    requests.lock();
    const slot = requests.open();
    requests.claim(slot, 1, 0, 1);
    requests.unlock();
    requests.lock();
    requests.claim(slot, 2, 0, 1);
    requests.claim(slot, 3, 0, 2);
    requests.unlock();
    time.at += 7;
    requests.commit(slot, 2, 3);
    expect(ring.runs(slot).map(({ split }) => split)).toEqual([2, 3]);
    expect(ring.runs(slot, RunStatus.CLAIMED).map(({ split }) => split)).toEqual([1]);
    expect([SlotWord.SETTLED, SlotWord.TOKENS].map((word) => ring.slotWord(slot, word))).toEqual([3, 3]);
    expect(ring.committedAt(slot)).toBe(1_000_007);
    expect(states()[slot]).toBe('SEALED');
    expect(ring.mutex.owner).toBe(0);
    ring.words[ring.map.run(slot, 0) + RunWord.STATUS] = RunStatus.COMMITTED;
    ring.addSlotWord(slot, SlotWord.SETTLED, 1);
    ring.settle(slot);
    expect(consumer.take()).toBe(slot);
  });

  test('of a slot that is still open are taken by whoever is idle', () => {
    const { requests, consumer, ring } = online();
    requests.lock();
    const slot = requests.open();
    requests.claim(slot, 1, 0, 2);
    requests.unlock();
    requests.commit(slot, 1, 2);
    expect(consumer.takeNow(() => 0)).toBe(slot);
    expect(ring.runs(slot)).toEqual([{ split: 1, row: 0, first: 0, count: 2 }]);
  });
});

describe('slots', () => {
  test('that are free are opened, whatever the others are in', () => {
    const { requests, ring } = online();
    ring.setState(0, SlotState.RUNNING);
    expect(requests.open()).toBe(1);
    expect(ring.state(1)).toBe(SlotState.FILLING);
    ring.setState(2, SlotState.DONE);
    expect(requests.open()).toBe(-1);
  });

  test('with rows that no consumer has taken are counted', () => {
    const { requests, ring } = online(7);
    const all = Object.values(SlotState);
    for (const [slot, state] of all.entries()) ring.setState(slot, state);
    expect(all).toHaveLength(7);
    // It lies behind the last slot, and is none.
    ring.setSplitWord(0, SplitWord.LANE, SlotState.READY);
    expect(requests.waiting).toBe(3);
    for (const state of [SlotState.FILLING, SlotState.SEALED, SlotState.READY])
      ring.setState(state, SlotState.DONE);
    expect(requests.waiting).toBe(0);
  });
});

test('consumers are told only where it is said', () => {
  const { requests, ring } = online();
  const ready = signalsOf(ring.ready);
  requests.lock();
  requests.claim(requests.open(), 1, 0, 1);
  requests.unlock();
  expect(ready()).toEqual([0]);
  requests.tell();
  expect(ready()).toEqual([1]);
});
