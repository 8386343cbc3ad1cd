import { expect, test } from 'vitest';
import type { Consumer } from '../../src/consume/consumer.js';
import { MoreInstances } from '../../src/job/more-instances.js';
import { ControlSide } from '../../src/ring/control-side.js';
import { planSlotLayout } from '../../src/ring/layout.js';
import { createRingMemory, MAIN_OWNER, Ring } from '../../src/ring/ring.js';

const layout = planSlotLayout(
  [{ capacity: 1, length: 1 }],
  [{ name: 'x', dtype: 'float32', rowDims: [] }],
  [],
);
const config = { slots: 2, lanes: 1, splits: 1, maxDelayMicros: 0, fixedOrder: false };

/** A consumer that is known by its name alone. */
const named = (name: string): Consumer => ({ name }) as unknown as Consumer;

/** Instances of which the one that joins, and the end of each, come when they are told to. */
function instances(first: readonly string[]) {
  const ring = new Ring(createRingMemory(layout, config), MAIN_OWNER);
  const starting: { resolve: (consumer: Consumer) => void; reject: (error: Error) => void }[] = [];
  const ends: (() => void)[] = [];
  const started: number[] = [];
  const more = new MoreInstances(first.map(named), new ControlSide(ring), {
    start(number) {
      started.push(number);
      return new Promise((resolve, reject) => starting.push({ resolve, reject }));
    },
    consume: () => new Promise((resolve) => ends.push(resolve)),
  });
  return { more, ring, starting, ends, started };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('one more is there once it is warm, and what ends is waited for, it too', async () => {
  const { more, ring, starting, ends, started } = instances(['a']);
  more.use(2);
  more.use(2);
  expect(started).toEqual([1]);
  expect([more.count, ring.consumersInUse]).toEqual([1, 2]);
  starting[0]?.resolve(named('b'));
  await settled();
  expect(more.consumers).toEqual([named('a'), named('b')]);
  let over = false;
  const ended = more.ended().then(() => {
    over = true;
  });
  ends[0]?.();
  await settled();
  expect(over).toBe(false);
  ends[1]?.();
  await ended;
});

test('one that is not needed any more is told so by the ring, and one that is warm too late never begins', async () => {
  const { more, ring, starting, ends } = instances(['a']);
  more.use(2);
  more.use(1);
  expect(ring.consumersInUse).toBe(1);
  ends[0]?.();
  await more.ended();
  starting[0]?.resolve(named('b'));
  await settled();
  expect(more.count).toBe(1);
  expect(ends).toHaveLength(1);
});

test('one that does not start is told of, and the others go on', async () => {
  const { more, starting, ends } = instances(['a']);
  more.use(2);
  starting[0]?.reject(new Error('no memory'));
  await settled();
  expect([more.count, more.failure]).toEqual([1, 'no memory']);
  ends[0]?.();
  await more.ended();
});
