import { beforeEach, expect, test, vi } from 'vitest';
import { PutOff } from '../../src/ring/put-off.js';
import { EventCount } from '../../src/util/event-count.js';

const time = vi.hoisted(() => ({ at: 0 }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at }));

beforeEach(() => {
  time.at = 1_000_000;
});

/** Signals that may be put off, and how many were given since it was asked before. */
function putOff(most: number) {
  const event = new EventCount(new Int32Array(new SharedArrayBuffer(8)), 0, 1);
  let before = 0;
  const given = (): number => {
    const count = event.ticket() - before;
    before = event.ticket();
    return count;
  };
  return { signals: new PutOff(event, most), given };
}

test('the first change in a while is told at once, those that follow only once there are enough of them', () => {
  const { signals, given } = putOff(3);
  signals.add();
  expect(given()).toBe(1);
  signals.add();
  signals.add();
  expect(given()).toBe(0);
  signals.add();
  expect(given()).toBe(1);
  signals.add();
  expect(given()).toBe(0);
});

test('each is told where one is enough', () => {
  const { signals, given } = putOff(1);
  for (let i = 0; i < 3; i++) {
    signals.add();
    expect(given()).toBe(1);
  }
});

test('what has waited for 4 ms is told with the next change', () => {
  const { signals, given } = putOff(100);
  signals.add();
  expect(given()).toBe(1);
  time.at += 3999;
  signals.add();
  expect(given()).toBe(0);
  time.at += 1;
  signals.add();
  expect(given()).toBe(1);
});

test('whoever is about to sleep tells what is left, and nothing where nothing is', () => {
  const { signals, given } = putOff(100);
  signals.add();
  expect(given()).toBe(1);
  signals.give();
  expect(given()).toBe(0);
  time.at += 1000;
  signals.add();
  signals.add();
  signals.give();
  expect(given()).toBe(1);
  signals.give();
  expect(given()).toBe(0);
  // The 4 ms begin anew with what was told.
  time.at += 3500;
  signals.add();
  expect(given()).toBe(0);
});
