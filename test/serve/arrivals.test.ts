import { expect, test } from 'vitest';
import { now } from '../../src/clock/now.js';
import { Arrivals } from '../../src/serve/arrivals.js';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function work(milliseconds: number): void {
  const end = now() + milliseconds * 1000;
  while (now() < end);
}

test('what an event loop that has had nothing to do finds has just come', async () => {
  const arrivals = new Arrivals();
  arrivals.stamp();
  await nextTurn();
  await new Promise((resolve) => setTimeout(resolve, 5));
  const before = now();
  expect(arrivals.stamp()).toBeGreaterThanOrEqual(before);
});

test('what it finds right after a turn full of work may have come when that turn began', async () => {
  const arrivals = new Arrivals();
  const began = arrivals.stamp();
  work(20);
  // Of the same turn: it was there when that began.
  expect(arrivals.stamp()).toBe(began);
  await nextTurn();
  expect(arrivals.stamp()).toBe(began);
});
