import { describe, expect, test } from 'vitest';
import { createRequestPage, RequestPage, RequestState } from '../../src/ring/request-page.js';

const page = (places = 3, slots = 2): RequestPage => new RequestPage(createRequestPage(places, slots));

describe('a request', () => {
  test('that waits is taken, or ended, by whoever comes first', () => {
    const requests = page();
    requests.begin(0, 5000);
    requests.begin(1, 6000);
    expect([requests.deadline(0), requests.deadline(1)]).toEqual([5000, 6000]);
    expect(requests.take(0)).toBe(true);
    expect(requests.endWaiting(0)).toBe(false);
    expect(requests.state(0)).toBe(RequestState.TAKEN);
    expect(requests.endWaiting(1)).toBe(true);
    expect(requests.take(1)).toBe(false);
    expect(requests.state(1)).toBe(RequestState.ENDED);
    expect(requests.endWaiting(1), 'once is enough').toBe(false);
  });

  test('of which some rows have run may run others, until it is ended', () => {
    const requests = page();
    requests.begin(2, 1);
    expect([requests.take(2), requests.take(2)]).toEqual([true, true]);
    requests.end(2);
    expect(requests.take(2)).toBe(false);
    requests.begin(2, 9);
    expect([requests.state(2), requests.deadline(2), requests.take(2)]).toEqual([
      RequestState.WAITING,
      9,
      true,
    ]);
  });
});

describe('a slot', () => {
  test('has the first class and the earliest deadline of what is in it', () => {
    const requests = page();
    for (const slot of [0, 1]) requests.clear(slot);
    expect([requests.priority(0), requests.earliest(0)]).toEqual([Infinity, Infinity]);
    requests.enter(0, 2, 700);
    requests.enter(0, 1, 900);
    requests.enter(0, 3, 800);
    requests.enter(1, 5, 100);
    expect([requests.priority(0), requests.earliest(0)]).toEqual([1, 700]);
    expect([requests.priority(1), requests.earliest(1)]).toEqual([5, 100]);
    requests.clear(0);
    expect([requests.priority(0), requests.earliest(0)]).toEqual([Infinity, Infinity]);
  });

  test('knows when its run began, and ended', () => {
    const requests = page();
    requests.ran(1, 40, 0);
    expect([requests.began(1), requests.ended(1)]).toEqual([40, 0]);
    requests.ran(1, 40, 60);
    requests.ran(0, 10, 20);
    expect([requests.began(1), requests.ended(1)]).toEqual([40, 60]);
    expect([requests.began(0), requests.ended(0)]).toEqual([10, 20]);
  });
});

test('the page says whether requests wait that no slot has room for', () => {
  const memory = createRequestPage(1, 1);
  const [main, consumer] = [new RequestPage(memory), new RequestPage(memory)];
  expect(consumer.isCrowded).toBe(false);
  main.isCrowded = true;
  expect(consumer.isCrowded).toBe(true);
  main.isCrowded = false;
  expect(consumer.isCrowded).toBe(false);
});

test('no two values lie in the same place, and all lie in the page', () => {
  const [places, slots] = [5, 4];
  const requests = page(places, slots);
  for (let place = 0; place < places; place++) requests.begin(place, 1000 + place);
  requests.isCrowded = true;
  for (let slot = 0; slot < slots; slot++) {
    requests.clear(slot);
    requests.ran(slot, 10 + slot, 20 + slot);
    requests.enter(slot, 30 + slot, 40 + slot);
  }
  for (let place = 0; place < places; place += 2) requests.end(place);
  const all = (count: number, of: (i: number) => number): number[] =>
    Array.from({ length: count }, (_, i) => of(i));
  expect(all(places, (place) => requests.deadline(place))).toEqual([1000, 1001, 1002, 1003, 1004]);
  expect(all(places, (place) => requests.state(place))).toEqual([2, 0, 2, 0, 2]);
  expect(all(slots, (slot) => requests.began(slot))).toEqual([10, 11, 12, 13]);
  expect(all(slots, (slot) => requests.ended(slot))).toEqual([20, 21, 22, 23]);
  expect(all(slots, (slot) => requests.priority(slot))).toEqual([30, 31, 32, 33]);
  expect(all(slots, (slot) => requests.earliest(slot))).toEqual([40, 41, 42, 43]);
  expect(requests.isCrowded).toBe(true);
});
