import { describe, expect, test } from 'vitest';
import { Door } from '../../src/serve/door.js';

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
