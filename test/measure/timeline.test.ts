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
function pass(micros: number, step = 1000): void {
  for (let left = micros; left > 0; left -= step) {
    time.at += step;
    vi.advanceTimersByTime(step / 1000);
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

/** A device whose times are what a test says they are. */
function told(id: string) {
  const none = { busy: 0, starved: { fetch: 0, prep: 0, batching: 0 }, blocked: 0, handoff: 0 };
  const counts = {
    firstStart: START,
    lastEnd: 0,
    batches: 0,
    rows: 0,
    capacity: 0,
    tokens: 0,
    paddedTokens: 0,
  };
  const now: { live: DeviceTimes; window: DeviceTimes } = {
    live: { ...none, ...counts },
    window: { ...none, ...counts },
  };
  /** As a reading in the middle of a run has it, and as the report will. */
  const tell = (times: Partial<DeviceTimes>, window = times): void => {
    now.live = { ...none, ...counts, ...times };
    now.window = { ...none, ...counts, ...window };
  };
  const ledger = { read: (live = false) => (live ? now.live : now.window) };
  return { tell, device: { id, ledger } as SampledDevice };
}

describe('an interval', () => {
  test('has the shares of each cause, device by device, and the rows of all', () => {
    const [first, second] = [told('cuda:0'), told('cuda:1')];
    const recorder = new TimelineRecorder([first.device, second.device], START);
    const lastEnd = START + 1e6;
    first.tell({
      busy: 50_000,
      starved: { fetch: 20_000, prep: 10_000, batching: 15_000 },
      blocked: 5_000,
      rows: 7,
      lastEnd,
    });
    second.tell({ busy: 100_000, rows: 5, lastEnd });
    pass(100_000);
    second.tell({
      busy: 100_000,
      starved: { fetch: 0, prep: 80_000, batching: 0 },
      blocked: 20_000,
      rows: 6,
      lastEnd,
    });
    pass(100_000);
    const { seconds, rows, rssBytes, devices } = recorder.stop();
    expect(seconds).toEqual([0, 0.1, 0.2, 0.2]);
    expect(rows).toEqual([0, 12, 1, 0]);
    expect(rssBytes.every((bytes) => bytes > 1e6)).toBe(true);
    expect(devices).toEqual([
      {
        id: 'cuda:0',
        busy: [0, 0.5, 0, 0],
        fetch: [0, 0.2, 0, 0],
        prep: [0, 0.1, 0, 0],
        batching: [0, 0.15, 0, 0],
        blocked: [0, 0.05, 0, 0],
      },
      {
        id: 'cuda:1',
        busy: [0, 1, 0, 0],
        fetch: [0, 0, 0, 0],
        prep: [0, 0, 0.8, 0],
        batching: [0, 0, 0, 0],
        blocked: [0, 0, 0.2, 0],
      },
    ]);
  });

  test('has what a run that is not over has done so far', () => {
    const { tell, device } = told('cpu');
    const lastEnd = START + 1e6;
    tell({ busy: 10_000, rows: 1, lastEnd }, { lastEnd });
    const recorder = new TimelineRecorder([device], START);
    tell({ busy: 60_000, rows: 2, lastEnd }, { lastEnd });
    pass(100_000);
    tell({ busy: 160_000, rows: 5, lastEnd });
    pass(100_000);
    const { rows, devices } = recorder.stop();
    expect(devices[0]?.busy).toEqual([0, 0.5, 1, 0]);
    expect(rows).toEqual([0, 1, 3, 0]);
  });

  test('takes nothing back that turned out to be another cause', () => {
    const { tell, device } = told('cpu');
    const recorder = new TimelineRecorder([device], START);
    const lastEnd = START + 1e6;
    tell({ starved: { fetch: 0, prep: 0, batching: 100_000 }, lastEnd });
    pass(100_000);
    tell({ starved: { fetch: 150_000, prep: 0, batching: 40_000 }, lastEnd });
    pass(100_000);
    const { devices } = recorder.stop();
    expect(devices[0]?.batching).toEqual([0, 1, 0, 0]);
    expect(devices[0]?.fetch).toEqual([0, 0, 1.5, 0]);
  });

  test('in which the last run ended has what was left, and those after it nothing', () => {
    const { tell, device } = told('cpu');
    const recorder = new TimelineRecorder([device], START);
    const waits = (batching: number): DeviceTimes['starved'] => ({ fetch: 0, prep: 0, batching });
    tell({ busy: 100_000, lastEnd: START + 100_000 });
    pass(100_000);
    const window = { busy: 120_000, starved: waits(30_000), lastEnd: START + 150_000 };
    tell({ busy: 120_000, starved: waits(80_000), lastEnd: START + 150_000 }, window);
    pass(100_000);
    tell({ busy: 120_000, starved: waits(180_000), lastEnd: START + 150_000 }, window);
    pass(100_000);
    const { devices } = recorder.stop();
    expect(devices[0]?.busy).toEqual([0, 1, 0.2, 0, 0]);
    expect(devices[0]?.batching).toEqual([0, 0, 0.3, 0, 0]);
  });

  test('that became one with the next has the time of both', () => {
    const recorder = new TimelineRecorder([device(0, 30_000_000)], START);
    // With the one at the start, 600 intervals.
    pass(59_950_000, 50_000);
    const { seconds, rows, devices } = recorder.stop();
    expect(seconds).toHaveLength(301);
    expect(seconds.slice(0, 3)).toEqual([0.1, 0.3, 0.5]);
    expect(seconds.slice(-2)).toEqual([59.9, 59.95]);
    expect(rows.slice(0, 3)).toEqual([100, 200, 200]);
    expect(devices[0]?.busy.slice(0, 3)).toEqual([1, 1, 1]);
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(30_000);
    expect(devices[0]?.busy.at(-1)).toBe(0);
  });

  test('is twice as long from then on', () => {
    const recorder = new TimelineRecorder([device(0, 1e12)], START);
    pass(60_450_000, 50_000);
    expect(recorder.stop().seconds.slice(-4)).toEqual([59.9, 60.1, 60.3, 60.45]);
  });
});

test('a recording that was stopped records nothing more', () => {
  const recorder = new TimelineRecorder([device(0, 1e12)], START);
  pass(100_000);
  expect(recorder.stop().seconds).toEqual([0, 0.1, 0.1]);
  expect(vi.getTimerCount()).toBe(0);
});
