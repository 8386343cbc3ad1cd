/*
 * How many producers and slots a running job gets, after tf.data's AUTOTUNE (Murray et al., «tf.data: A Machine Learning
 * Data Processing Framework», VLDB 2021): where the device starves for producers that have room there are more of them,
 * one step at a time, and a step that brought nothing is taken back. Pure functions of numbers: the engine is in tuner.ts.
 */

/** What the clocks counted since the last look; shares of the interval. */
export interface Interval {
  readonly rowsPerSecond: number;
  /** The device's. */
  readonly fetch: number;
  readonly prep: number;
  readonly blocked: number;
  /** Producers', on average: time without a free slot. */
  readonly withoutRoom: number;
  /** Of the machine's cores: those that this process used. */
  readonly cores: number;
}

export interface Setting {
  readonly producers: number;
  readonly slots: number;
}

export interface Limits extends Setting {
  /** Cores of the machine. */
  readonly cores: number;
  readonly tunesProducers: boolean;
  readonly tunesSlots: boolean;
}

/** A change that is being tried. */
export interface Trial {
  readonly before: Setting;
  readonly rowsPerSecond: number;
  /** Intervals that still have to pass before it is judged: producers have to start and reads to come back. */
  readonly patience: number;
}

export interface State {
  readonly setting: Setting;
  readonly trial: Trial | undefined;
  /** More producers than this bring nothing. */
  readonly mostProducers: number;
  readonly because: string;
}

/** Below this a stall is not worth a step. */
const WORTH = 0.05;

/** A step that brings less is taken back. */
const GAIN = 1.03;

const PATIENCE = 3;

export function begin(setting: Setting, limits: Limits): State {
  return { setting, trial: undefined, mostProducers: limits.producers, because: 'from the cores of the machine' };
}

/** The state after one more interval. */
export function next(state: State, interval: Interval, limits: Limits): State {
  const { trial } = state;
  if (trial === undefined) return step(state, interval, limits);
  if (trial.patience > 0) return { ...state, trial: { ...trial, patience: trial.patience - 1 } };
  return judge(state, trial, interval);
}

function step(state: State, interval: Interval, limits: Limits): State {
  const { setting } = state;
  const { fetch, prep, withoutRoom, rowsPerSecond } = interval;
  if (fetch + prep < WORTH) return state;
  const trial = { before: setting, rowsPerSecond, patience: PATIENCE };
  // Producers that had no room and were too slow all the same come in bursts.
  if (limits.tunesSlots && withoutRoom >= 2 * WORTH && setting.slots < limits.slots) {
    const slots = Math.min(limits.slots, setting.slots * 2);
    return {
      ...state,
      trial,
      setting: { ...setting, slots },
      because: `the device starved ${percent(fetch + prep)} of the time, and producers had no free slot ${percent(withoutRoom)} of theirs`,
    };
  }
  if (!limits.tunesProducers || setting.producers >= state.mostProducers) return state;
  // Those that wait for storage cost no core; those that compute need one that is free.
  const hasRoom = fetch > prep || interval.cores < limits.cores * 0.9;
  if (!hasRoom) return state;
  const more = fetch > prep ? Math.ceil(setting.producers / 2) : 1;
  const producers = Math.min(state.mostProducers, setting.producers + more);
  return {
    ...state,
    trial,
    setting: { ...setting, producers },
    because: `the device waited ${percent(fetch)} of the time for storage and ${percent(prep)} for rows to be prepared`,
  };
}

function judge(state: State, trial: Trial, { rowsPerSecond }: Interval): State {
  if (rowsPerSecond >= trial.rowsPerSecond * GAIN) return { ...state, trial: undefined };
  const { producers } = trial.before;
  const brought = `more than ${producers} brought nothing`;
  // Slots are not given back: they cost memory only, and what is in them is on its way.
  const setting = { ...state.setting, producers };
  const isProducers = state.setting.producers !== producers;
  return {
    setting,
    trial: undefined,
    mostProducers: isProducers ? producers : state.mostProducers,
    because: isProducers ? brought : state.because,
  };
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
