import { describe, expect, test } from 'vitest';
import {
  begin,
  type Interval,
  type Limits,
  next,
  type State,
  withoutInstance,
} from '../../../src/job/tune/policy.js';

const LIMITS: Limits = {
  producers: 16,
  slots: 64,
  instances: 4,
  cores: 4,
  tunesProducers: true,
  tunesSlots: true,
  tunesInstances: true,
};

const FROM = { producers: 1, slots: 8, instances: 1 };
const NOTHING: Interval = {
  rowsPerSecond: 0,
  busy: 0,
  fetch: 0,
  prep: 0,
  blocked: 0,
  withoutRoom: 0,
  cores: 0,
};

/** A job whose rate and stalls follow from the setting. */
type World = (setting: State['setting']) => Partial<Interval>;

function run(world: World, intervals: number, limits = LIMITS, from = FROM): State {
  let state = begin(from, limits);
  for (let i = 0; i < intervals; i++) {
    state = next(state, { ...NOTHING, ...world(state.setting) }, limits);
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
    expect(run(scaling(800, 'fetch'), 200).setting).toEqual({ producers: 9, slots: 8, instances: 1 });
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

describe('instances', () => {
  /** Each takes a core and brings 100 rows a second, up to so many of them; the device never waits. */
  const bound =
    (most: number, others = 0): World =>
    ({ instances }) => ({
      rowsPerSecond: 100 * Math.min(most, instances),
      busy: 1,
      cores: instances + others,
    });

  test('become more, one at a time, while the device waits for nothing and a core is idle', () => {
    const seen = new Set<number>();
    const { setting, because } = run((given) => {
      seen.add(given.instances);
      return bound(8)(given);
    }, 200);
    expect([...seen]).toEqual([1, 2, 3, 4]);
    expect(setting.instances).toBe(4);
    expect(because.instances).toBe('the device had work 100 % of the time, and 1.0 of 4 cores were idle');
  });

  test('are as many as there are cores for', () => {
    expect(run(bound(8, 1.5), 200).setting.instances).toBe(2);
    expect(run(bound(8, 3), 200).setting.instances).toBe(1);
  });

  test('that bring nothing are sent away, and not tried again', () => {
    let tries = 0;
    let before = 1;
    const { setting, because } = run((given) => {
      if (given.instances > before) tries++;
      before = given.instances;
      return bound(2)(given);
    }, 1000);
    expect(setting.instances).toBe(2);
    expect(because.instances).toBe('more than 2 brought nothing');
    expect(tries).toBe(2);
  });

  test('are not what a device needs that waits', () => {
    expect(run(() => ({ rowsPerSecond: 100, busy: 0.8, fetch: 0.2 }), 200).setting.instances).toBe(1);
    expect(run(() => ({ rowsPerSecond: 100, busy: 0.8, blocked: 0.2 }), 200).setting.instances).toBe(1);
  });

  test('have two slots each, where those are left to us', () => {
    const { setting, because } = run(bound(8), 200, LIMITS, { ...FROM, slots: 5 });
    expect(setting).toMatchObject({ instances: 4, slots: 8 });
    expect(because.slots).toBe('2 for each of 4 instances');
  });

  test('that can not be had are not asked for again, and the report says why', () => {
    const asked = run(bound(8), 13 + 1);
    expect(asked.setting.instances).toBe(2);
    let state = withoutInstance(asked, 'no memory');
    for (let i = 0; i < 100; i++) state = next(state, { ...NOTHING, ...bound(8)(state.setting) }, LIMITS);
    expect(state.setting.instances).toBe(1);
    expect(state.because.instances).toBe('another did not start: no memory');
  });

  test('that the job gives are left alone', () => {
    expect(run(bound(8), 200, { ...LIMITS, tunesInstances: false }).setting.instances).toBe(1);
  });
});
