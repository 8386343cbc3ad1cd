import { describe, expect, test } from 'vitest';
import { Door } from '../../src/serve/door.js';
import { random } from '../helpers/random.js';

const FREE = { rows: 0, runningSince: [], runningRows: [] };
/** A batch takes 2 ms and 50 µs a row. */
const speed = { size: 64, instances: 1, oneMicros: 2050, fullMicros: 5200 };

describe('the door', () => {
  test('expects the run itself where nothing is ahead', () => {
    const door = new Door(speed, 0);
    expect(door.waitMicros(0, 1, FREE)).toBe(2050);
    expect(door.waitMicros(0, 64, FREE)).toBe(5200);
    expect(door.waitMicros(0, 128, FREE)).toBe(10_400);
  });

  test('expects the rest of the run that goes on, and a full batch for as many rows as fit into one', () => {
    const door = new Door(speed, 0);
    const ahead = { rows: 640, runningSince: [1000], runningRows: [64] };
    expect(door.waitMicros(3000, 1, ahead)).toBe(3200 + 10 * 5200 + 2050);
    // A run that takes longer than ever may end at any moment.
    expect(door.waitMicros(30_000, 1, { ...ahead, rows: 0 })).toBe(2050);
  });

  test('learns how long runs take', () => {
    const door = new Door(speed, 0);
    for (let i = 0; i < 50; i++) door.ran(64, 0, i * 10_000, i * 10_000 + 10_000);
    expect(door.runMicros(64)).toBeCloseTo(10_000, 0);
    expect(door.runMicros(1)).toBeCloseTo((2050 * 10_000) / 5200, 0);
  });

  test('is not closed by a moment in which the machine stood still, nor for ever by a slow time', () => {
    const door = new Door(speed, 0);
    door.ran(64, 0, 0, 5e6);
    expect(door.runMicros(64)).toBeLessThan(7000);
    for (let i = 0; i < 100; i++) door.ran(1, i, i, i + 1e6);
    expect(door.runMicros(1)).toBeGreaterThan(900_000);
    // With nothing to do, the device may try.
    expect(door.waitMicros(6e6, 1, FREE)).toBe(2050);
    expect(door.waitMicros(6e6, 1, { ...FREE, rows: 1 })).toBeGreaterThan(900_000);
    door.ran(1, 0, 0, 1025);
    expect(door.waitMicros(6e6, 65, FREE)).toBeCloseTo(1025 + 2600, 6);
  });

  test('counts in the time that others take on the device from batch to batch', () => {
    const door = new Door(speed, 0);
    // Each batch waits at the end of the one before, and begins 3 ms later.
    let at = 0;
    for (let i = 0; i < 50; i++) {
      door.ran(64, 0, at + 3000, at + 8200);
      at += 8200;
    }
    expect(door.waitMicros(at, 64, { ...FREE, rows: 640 })).toBeCloseTo(11 * 8200, -2);
    expect(door.waitMicros(at, 64, FREE)).toBeCloseTo(8200, -2);
    expect(door.waitMicros(at + 500_000, 64, FREE)).toBeCloseTo(6700, -2);
    expect(door.waitMicros(at + 2e6, 64, FREE)).toBe(5200);
  });

  test('counts in the time that the main thread takes to see that a run is over', () => {
    const door = new Door(speed, 0);
    for (let i = 0; i < 50; i++) door.ran(64, i * 9000, i * 9000, i * 9000 + 5200, i * 9000 + 5900);
    expect(door.waitMicros(49 * 9000 + 5200, 64, { ...FREE, rows: 64 })).toBeCloseTo(2 * 5200 + 700, -1);
  });

  test('counts in how long answers have taken to be written at worst, which is forgotten slowly', () => {
    const door = new Door(speed, 0);
    const busy = { rows: 64, runningSince: [0], runningRows: [64] };
    const before = door.waitMicros(0, 1, busy);
    door.answered(9000);
    expect(door.waitMicros(0, 1, busy) - before).toBe(9000);
    door.answered(1000);
    expect(door.waitMicros(0, 1, busy) - before).toBe(8600);
    for (let i = 0; i < 200; i++) door.answered(1000);
    expect(door.waitMicros(0, 1, busy) - before).toBeCloseTo(1000, -1);
  });

  test('expects as many batches at a time as there are instances', () => {
    const door = new Door({ ...speed, instances: 2 }, 0);
    const ahead = { rows: 640, runningSince: [0], runningRows: [64] };
    expect(door.waitMicros(0, 64, ahead)).toBe(10 * 2600 + 5200);
    expect(door.waitMicros(0, 64, { ...ahead, rows: 0 })).toBe(5200);
    const busy = { rows: 640, runningSince: [0, 2000], runningRows: [64, 64] };
    expect(door.waitMicros(3000, 64, busy)).toBe(2200 + 10 * 2600 + 5200);
  });

  test('lets one in to see, after a long time without a run', () => {
    const door = new Door(speed, 0);
    expect([1e6, 11e6, 12e6, 22e6].map((at) => door.isForgotten(at))).toEqual([false, true, false, true]);
  });
});

/** A device of 2 ms a batch and 50 µs a row, as busy as `load` says, behind the door; times in microseconds. */
function overload(load: number, deadline: number, seed: number, noise = 0) {
  const next = random(seed);
  const full = 2000 + 50 * 64;
  const door = new Door(speed, 0);
  const waiting: number[] = [];
  const end = 5e6;
  let running = { began: 0, ended: 0, arrivals: [] as number[] };
  let isRunning = false;
  let [answered, late, refused, expired] = [0, 0, 0, 0];
  const finish = (): void => {
    isRunning = false;
    door.ran(running.arrivals.length, running.began, running.began, running.ended);
    for (const arrival of running.arrivals) {
      if (running.ended - arrival > deadline) late++;
      else answered++;
    }
  };
  const begin = (at: number): void => {
    const taken = waiting.splice(0, 64);
    const arrivals = taken.filter((arrival) => arrival + deadline > at + 2000 + 50 * taken.length);
    expired += taken.length - arrivals.length;
    if (arrivals.length === 0) return;
    const takes = (2000 + 50 * arrivals.length) * (1 + noise * (next() - 0.5));
    running = { began: at, ended: at + takes, arrivals };
    isRunning = true;
  };
  for (let at = 0; at < end; at += -Math.log(1 - next()) * (full / 64 / load)) {
    while (isRunning && running.ended <= at) {
      const ended = running.ended;
      finish();
      while (!isRunning && waiting.length > 0) begin(ended);
    }
    door.arrived(at, 1);
    const since = isRunning
      ? { runningSince: [running.began], runningRows: [running.arrivals.length] }
      : FREE;
    if (door.waitMicros(at, 1, { ...since, rows: waiting.length }) * 1.03 > deadline) refused++;
    else waiting.push(at);
    while (!isRunning && waiting.length > 0) begin(at);
  }
  return { goodput: answered / ((end * 64) / full), answered, late, expired, refused };
}

describe('behind the door, at twice the load that the device can take,', () => {
  test.each([
    [15_000, 0.97],
    [30_000, 0.97],
    [100_000, 0.97],
    [1e6, 0.97],
  ])('with a deadline of %d µs it is busy, and late with next to nothing', (deadline, least) => {
    const { goodput, answered, late, expired } = overload(2, deadline, 1);
    expect(goodput).toBeGreaterThan(least);
    expect(late).toBe(0);
    expect(expired).toBeLessThan(answered / 100);
  });

  test('and with runs that take more or less than expected, it is late with little', () => {
    const { goodput, answered, late, expired } = overload(2, 30_000, 1, 0.5);
    expect(goodput).toBeGreaterThan(0.85);
    expect(late + expired).toBeLessThan(answered / 20);
  });

  test('nothing is refused below what the device can take', () => {
    expect(overload(0.8, 100_000, 1)).toMatchObject({ refused: 0, late: 0, expired: 0 });
  });
});
