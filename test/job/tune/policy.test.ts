import { describe, expect, test } from 'vitest';
import { begin, type Interval, type Limits, next, type State } from '../../../src/job/tune/policy.js';

const LIMITS: Limits = { producers: 16, slots: 64, cores: 4, tunesProducers: true, tunesSlots: true };

/** A job whose rate and stalls follow from the setting. */
type World = (setting: State['setting']) => Partial<Interval>;

function run(world: World, intervals: number, limits = LIMITS, from = { producers: 1, slots: 8 }): State {
  let state = begin(from, limits);
  for (let i = 0; i < intervals; i++) {
    const nothing = { rowsPerSecond: 0, fetch: 0, prep: 0, blocked: 0, withoutRoom: 0, cores: 0 };
    state = next(state, { ...nothing, ...world(state.setting) }, limits);
  }
  return state;
}

/** Each producer brings 100 rows a second, up to what the device takes. */
const scaling =
  (most: number, stall: 'fetch' | 'prep', cores = 0): World =>
  ({ producers }) => {
    const rowsPerSecond = Math.min(most, producers * 100);
    return { rowsPerSecond, [stall]: 1 - rowsPerSecond / most, cores };
  };

describe('producers', () => {
  test('become as many as the idle time of the device calls for, and a tenth more', () => {
    expect(run(scaling(800, 'fetch'), 200).setting).toEqual({ producers: 9, slots: 8 });
  });

  test('become so in one step, within a few looks, where they wait and the device is idle nearly always', () => {
    expect(run(scaling(800, 'fetch'), 10).setting.producers).toBe(9);
  });

  test('that wait for storage get no more at once where the cores are busy with that', () => {
    const steps: number[] = [];
    run((setting) => {
      steps.push(setting.producers);
      return scaling(800, 'fetch', 3.5)(setting);
    }, 40);
    expect(Math.max(...steps.map((producers, i) => producers - (steps[i - 1] ?? producers)))).toBe(1);
  });

  test('never become more than may be', () => {
    expect(run(scaling(1e6, 'fetch'), 400).setting.producers).toBe(16);
  });

  test('that brought nothing are taken back, and the report says so', () => {
    const flat: World = () => ({ rowsPerSecond: 300, fetch: 0.5 });
    const { setting, because } = run(flat, 60);
    expect(setting.producers).toBe(1);
    expect(because.producers).toBe('more than 1 brought nothing');
  });

  test('are tried again after a while, since what is read may have become another', () => {
    let tries = 0;
    let before = 1;
    run(({ producers }) => {
      if (producers > before) tries++;
      before = producers;
      return { rowsPerSecond: 300, fetch: 0.5 };
    }, 400);
    expect(tries).toBeGreaterThanOrEqual(2);
    expect(tries).toBeLessThanOrEqual(8);
  });

  test('that compute get no more where the cores are busy', () => {
    const busy: World = () => ({ rowsPerSecond: 300, prep: 0.5, cores: 3.9 });
    expect(run(busy, 200).setting.producers).toBe(1);
  });

  test('that compute get one more at a time where cores are left', () => {
    const seen = new Set<number>();
    run((setting) => {
      seen.add(setting.producers);
      return scaling(300, 'prep', 2.5)(setting);
    }, 200);
    expect([...seen].sort()).toEqual([1, 2, 3]);
  });

  test('stay as they are where the device is busy, or waits for the sink', () => {
    expect(run(() => ({ rowsPerSecond: 100 }), 100).setting.producers).toBe(1);
    expect(run(() => ({ rowsPerSecond: 100, blocked: 0.8 }), 100).setting.producers).toBe(1);
  });

  test('are not judged while the sink is in the way', () => {
    let intervals = 0;
    const world: World = ({ producers }) => {
      if (producers === 1) return { rowsPerSecond: 100, fetch: 0.9 };
      intervals++;
      return intervals <= 10 ? { rowsPerSecond: 0, blocked: 1 } : { rowsPerSecond: 200, fetch: 0.04 };
    };
    expect(run(world, 100).setting.producers).toBe(11);
  });

  test('that the job gives are left alone', () => {
    const limits = { ...LIMITS, tunesProducers: false };
    expect(run(scaling(800, 'fetch'), 100, limits).setting.producers).toBe(1);
  });
});

describe('slots', () => {
  test('are doubled where producers had no room and the device starved all the same', () => {
    const world: World = ({ slots }) =>
      slots < 32 ? { rowsPerSecond: slots * 10, prep: 0.4, withoutRoom: 0.3 } : { rowsPerSecond: 320 };
    const { setting, because } = run(world, 200);
    expect(setting.slots).toBe(32);
    expect(because.slots).toContain('producers had no free slot 30 %');
  });

  test('stay within what memory allows', () => {
    const world: World = () => ({ rowsPerSecond: 100, prep: 0.4, withoutRoom: 0.3, cores: 4 });
    expect(run(world, 400, { ...LIMITS, slots: 12 }).setting.slots).toBe(12);
  });
});
