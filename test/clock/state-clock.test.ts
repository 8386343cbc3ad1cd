import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  ClockReader,
  ConsumerState,
  createClockPage,
  ProducerState,
  StateClock,
} from '../../src/clock/state-clock.js';

const time = vi.hoisted(() => ({ at: 0 }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at }));

const START = 1_000_000;
const STATES = 6;

beforeEach(() => {
  time.at = START;
});

const sumOf = (totals: Float64Array): number => totals.reduce((sum, micros) => sum + micros, 0);

describe('a clock', () => {
  test('begins in its first state: idle for producers, starting for consumers', () => {
    const page = createClockPage(1);
    new StateClock(page, 0);
    time.at += 250;
    expect([...new ClockReader(page).totals(0)]).toEqual([250, 0, 0, 0, 0, 0]);
    expect([ProducerState.idle, ConsumerState.starting]).toEqual([0, 0]);
  });

  test('counts each state for as long as it ran, the one that runs up to now', () => {
    const page = createClockPage(1);
    const clock = new StateClock(page, 0);
    time.at += 10;
    expect(clock.switch(ProducerState.fetch)).toBe(ProducerState.idle);
    time.at += 200;
    expect(clock.switch(ProducerState.collate)).toBe(ProducerState.fetch);
    time.at += 3000;
    clock.switch(ProducerState.fetch);
    time.at += 40_000;
    const reader = new ClockReader(page);
    expect([...reader.totals(0)]).toEqual([10, 40_200, 0, 0, 3000, 0]);
    time.at += 1;
    expect(reader.totals(0)[ProducerState.fetch]).toBe(40_201);
  });

  test('adds up to the time that passed, whatever its switches', () => {
    const step = fc.record({
      state: fc.integer({ min: 0, max: STATES - 1 }),
      micros: fc.integer({ min: 0, max: 1e9 }),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        time.at = START;
        const page = createClockPage(2);
        const clock = new StateClock(page, 1);
        const expected = new Float64Array(STATES);
        let state = 0;
        for (const next of steps) {
          expected[state] = (expected[state] as number) + next.micros;
          time.at += next.micros;
          clock.switch(next.state);
          state = next.state;
        }
        const totals = new ClockReader(page).totals(1);
        expect(totals).toEqual(expected);
        expect(sumOf(totals)).toBe(time.at - START);
      }),
    );
  });

  test('switches at the moment that it is given', () => {
    const page = createClockPage(1);
    const clock = new StateClock(page, 0);
    clock.switch(ProducerState.decode, START + 70);
    time.at += 100;
    expect([...new ClockReader(page).totals(0)]).toEqual([70, 0, 30, 0, 0, 0]);
  });

  test('is taken over from a dead owner with what it had counted', () => {
    const page = createClockPage(1);
    new StateClock(page, 0).switch(ProducerState.fetch);
    time.at += 100;
    const successor = new StateClock(page, 0);
    time.at += 20;
    successor.switch(ProducerState.fetch);
    time.at += 3;
    expect([...new ClockReader(page).totals(0)]).toEqual([20, 103, 0, 0, 0, 0]);
  });

  test('is readable, and can be taken over, where the owner died in the middle of a switch', () => {
    const page = createClockPage(1);
    new StateClock(page, 0).switch(ProducerState.fetch);
    // The seqlock's word, left odd.
    Atomics.add(new Int32Array(page), 0, 1);
    time.at += 100;
    const reader = new ClockReader(page);
    expect(reader.totals(0)[ProducerState.fetch]).toBe(100);
    const successor = new StateClock(page, 0);
    time.at += 20;
    successor.switch(ProducerState.decode);
    time.at += 3;
    expect([...reader.totals(0)]).toEqual([20, 100, 3, 0, 0, 0]);
  });
});

describe('a page', () => {
  test('keeps its clocks apart', () => {
    const page = createClockPage(3);
    const clocks = [0, 1, 2].map((index) => new StateClock(page, index));
    clocks.forEach((clock, index) => {
      clock.switch(index + 1);
    });
    time.at += 9;
    const reader = new ClockReader(page);
    expect(reader.count).toBe(3);
    expect([0, 1, 2].map((index) => [...reader.totals(index)])).toEqual([
      [0, 9, 0, 0, 0, 0],
      [0, 0, 9, 0, 0, 0],
      [0, 0, 0, 9, 0, 0],
    ]);
  });

  test('is added up over clocks; one that never started adds nothing', () => {
    const page = createClockPage(3);
    new StateClock(page, 0).switch(ProducerState.fetch);
    new StateClock(page, 2).switch(ProducerState.fetch);
    time.at += 5;
    const reader = new ClockReader(page);
    const totals = new Float64Array(STATES);
    for (let index = 0; index < reader.count; index++) reader.addTotals(index, time.at, totals);
    expect([...totals]).toEqual([0, 10, 0, 0, 0, 0]);
  });

  test('does not count a state backwards that began after the moment asked about', () => {
    const page = createClockPage(1);
    new StateClock(page, 0).switch(ProducerState.fetch, START + 50);
    expect([...new ClockReader(page).totals(0, START + 20)]).toEqual([50, 0, 0, 0, 0, 0]);
  });
});

test('a reader in another thread sees whole and growing totals while the owner switches like mad', async () => {
  const [page, gate] = [createClockPage(2), new SharedArrayBuffer(4)];
  const start = (fixture: string, workerData: unknown): Worker => {
    const worker = new Worker(new URL(`./fixtures/${fixture}.mjs`, import.meta.url), { workerData });
    onTestFinished(async () => void (await worker.terminate()));
    return worker;
  };
  const owner = start('switch', { page, gate });
  const [startedAt] = await once(owner, 'message');
  const reader = start('read', { page, readings: 200_000, start: startedAt });
  const [faults] = await once(reader, 'message');
  Atomics.store(new Int32Array(gate), 0, 1);
  const [switches] = await once(owner, 'message');
  expect(faults).toEqual({ early: 0, late: 0, backwards: 0, negative: 0 });
  expect(switches).toBeGreaterThan(1000);
});
