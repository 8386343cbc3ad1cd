import { beforeEach, expect, test, vi } from 'vitest';
import { SlotState, SplitWord } from '../../src/ring/protocol.js';
import { signalsOf, smallRing } from './small-ring.js';

const time = vi.hoisted(() => ({ at: 0 }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at }));

beforeEach(() => {
  time.at = 1_000_000;
});

/** A ring of which so many slots are done. */
function done(slots: number, count: number) {
  const small = smallRing({ slots, capacities: [1] });
  for (let row = 0; row < count; row++) {
    small.put(0, 0, row, 1);
    small.consumer.finish(small.consumer.take());
  }
  return small;
}

test('the sink takes slots that are done, each once, and gives them back', () => {
  const { sink, states, ring } = done(3, 2);
  // It lies behind the last slot, and is none.
  ring.setSplitWord(0, SplitWord.LANE, SlotState.DONE);
  expect(states()).toEqual(['DONE', 'DONE', 'FREE']);
  expect([sink.take(), sink.take(), sink.take()]).toEqual([0, 1, -1]);
  expect(states()).toEqual(['DRAINING', 'DRAINING', 'FREE']);
  sink.release(1);
  expect(states()).toEqual(['DRAINING', 'FREE', 'FREE']);
});

test('of slots that it gives back half a ring is told about at once, so that nobody is woken for each', () => {
  const { sink, ring } = done(6, 6);
  const signals = signalsOf(ring.free);
  for (let slot = 0; slot < 6; slot++) sink.take();
  sink.release(0);
  expect(signals(), 'the first in a while').toEqual([1]);
  sink.release(1);
  sink.release(2);
  expect(signals()).toEqual([0]);
  sink.release(3);
  expect(signals()).toEqual([1]);
});

test('none is kept from producers while the sink finds nothing to do, or waits for something else', () => {
  const { sink, ring } = done(6, 6);
  const signals = signalsOf(ring.free);
  for (let slot = 0; slot < 6; slot++) sink.take();
  sink.release(0);
  sink.release(1);
  expect(signals()).toEqual([1]);
  expect(sink.take()).toBe(-1);
  expect(signals()).toEqual([1]);
  sink.release(2);
  expect(signals()).toEqual([0]);
  sink.pause();
  expect(signals()).toEqual([1]);
  sink.pause();
  expect(signals()).toEqual([0]);
});
