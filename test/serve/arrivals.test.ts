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

test('what comes over a connection has come since the request before it was handled, however long the turn is', async () => {
  const arrivals = new Arrivals();
  const [busy, fresh] = [{}, {}];
  const first = arrivals.stamp(busy);
  for (const until = now() + 2000; now() < until; );
  const handled = now();
  expect(arrivals.stamp(busy)).toBeLessThanOrEqual(handled);
  for (const until = now() + 2000; now() < until; );
  expect(arrivals.stamp(busy)).toBeGreaterThanOrEqual(handled);
  expect(arrivals.stamp(fresh)).toBe(first);
});
