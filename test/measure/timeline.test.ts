import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DeviceTimes } from '../../src/clock/device-ledger.js';
import type { SampledDevice } from '../../src/measure/sampled-device.js';
import { TimelineRecorder } from '../../src/measure/timeline.js';

const time = vi.hoisted(() => ({ at: 0 }));
vi.mock('../../src/clock/now.js', () => ({ now: () => time.at }));

const START = 1_000_000;

beforeEach(() => {
  time.at = START;
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Microseconds pass, for clocks and timers. */
function pass(micros: number): void {
  for (let left = micros; left > 0; left -= 1000) {
    time.at += 1000;
    vi.advanceTimersByTime(1);
  }
}

/** A device that is busy from one moment of the run to another, and waits for rows otherwise; it runs a row a millisecond. */
function device(from: number, to: number): SampledDevice {
  const read = (live = false): DeviceTimes => {
    const passed = time.at - START;
    const busy = Math.max(0, Math.min(to, passed) - from);
    const batching = live ? Math.max(0, passed - to) : 0;
    const counts = { batches: 0, capacity: 0, tokens: 0, paddedTokens: 0, handoff: 0 };
    const window = { firstStart: START + from, lastEnd: START + Math.min(to, passed) };
    return {
      busy,
      starved: { fetch: 0, prep: 0, batching },
      blocked: 0,
      rows: busy / 1000,
      ...counts,
      ...window,
    };
  };
  return { id: 'cpu', ledger: { read } } as SampledDevice;
}

describe('a timeline', () => {
  test('has what comes before the first interval as one of its own, and ends with the last run', () => {
    pass(730_000);
    // From 50 ms after it was begun on, for 200 ms.
    const recorder = new TimelineRecorder([device(780_000, 980_000)], START);
    pass(450_000);
    const { seconds, rows, devices } = recorder.stop();
    expect(seconds).toEqual([0.73, 0.83, 0.93, 1.03, 1.13, 1.18]);
    expect(rows).toEqual([0, 50, 100, 50, 0, 0]);
    expect(devices[0]?.busy).toEqual([0, 0.5, 1, 0.5, 0, 0]);
    // After its last run the device does not wait for anything.
    expect(devices[0]?.batching).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('is bounded: where it is full, each two intervals become one', () => {
    const recorder = new TimelineRecorder([device(0, 1e12)], START);
    pass(150_000_000);
    const { seconds, rows, devices } = recorder.stop();
    expect(seconds.length).toBeLessThanOrEqual(600);
    expect(seconds.length).toBeGreaterThanOrEqual(300);
    expect(seconds.at(-1)).toBeCloseTo(150, 3);
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(150_000);
    for (const share of devices[0]?.busy.slice(1, -1) ?? []) expect(share).toBeCloseTo(1, 3);
  });
});
