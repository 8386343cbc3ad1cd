/*
 * How many producers and slots a running job gets, after tf.data's AUTOTUNE (Murray et al., «tf.data: A Machine Learning
 * Data Processing Framework», VLDB 2021): where the device starves for producers that have room there are more of them, as
 * many as its idle time says, and a step that brought nothing is taken back. Pure functions of numbers: the engine is in
 * tuner.ts.
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
  readonly blocked: number;
  /** Decisions for which it may still be put off. */
  readonly patience: number;
}

export interface State {
  readonly setting: Setting;
  readonly trial: Trial | undefined;
  /** Intervals that are not looked at: producers have to start, and reads to come back. */
  readonly settling: number;
  /** Those since the last decision, and their means. */
  readonly seen: { readonly intervals: number; readonly mean: Interval };
  /** More producers than this brought nothing, … */
  readonly mostProducers: number;
  /** … which holds for so many decisions more. */
  readonly holds: number;
  readonly because: Readonly<Record<keyof Setting, string>>;
}

/** Below this a stall is not worth a step; from the second on it is so plain that a few looks will do, from the third two. */
const WORTH = 0.05;
const PLAIN = 0.3;
const OBVIOUS = 0.6;

/** Producers that wait are asked for with this much to spare: they don't come evenly, and one that waits costs little. */
const HEADROOM = 1.1;

/** A step that brings less is taken back; from the second on, a few looks will do here too. */
const GAIN = 1.03;
const PLAIN_GAIN = 1.3;

/** Intervals for a decision; for one that is plain, or obvious; and before the first, and after a change, when threads start. */
const INTERVALS = 12;
const FEW = 4;
const TWO = 2;
const WARMING = 1;
const SETTLING = 8;

/** Decisions that a trial may be put off for. */
const PATIENCE = 3;

/** Decisions after which what brought nothing may be tried again: what is read may have become another. */
const HOLDS = 16;

const NOTHING: State['seen'] = {
  intervals: 0,
  mean: { rowsPerSecond: 0, fetch: 0, prep: 0, blocked: 0, withoutRoom: 0, cores: 0 },
};

const BEGINNING = {
  producers: 'by the cores of the machine; the device has not waited for more',
  slots: 'to begin with; rows have not come in bursts that it is too small for',
};

export function begin(setting: Setting, limits: Limits): State {
  return {
    setting,
    trial: undefined,
    settling: WARMING,
    seen: NOTHING,
    mostProducers: limits.producers,
    holds: 0,
    because: BEGINNING,
  };
}

/** The state after one more interval. */
export function next(state: State, interval: Interval, limits: Limits): State {
  if (state.settling > 0) return { ...state, settling: state.settling - 1 };
  const seen = add(state.seen, interval);
  if (seen.intervals < looksFor(state, seen.mean)) return { ...state, seen };
  const { trial, holds } = state;
  const mostProducers = holds > 1 ? state.mostProducers : limits.producers;
  const looked = { ...state, seen: NOTHING, holds: Math.max(0, holds - 1), mostProducers };
  const decided = trial === undefined ? step(looked, seen.mean, limits) : judge(looked, trial, seen.mean);
  const hasChanged =
    decided.setting.producers !== state.setting.producers || decided.setting.slots !== state.setting.slots;
  return hasChanged ? { ...decided, settling: SETTLING } : decided;
}

/** How many intervals a decision takes. */
function looksFor({ trial }: State, { fetch, prep, rowsPerSecond }: Interval): number {
  if (trial !== undefined) return rowsPerSecond >= trial.rowsPerSecond * PLAIN_GAIN ? FEW : INTERVALS;
  if (fetch + prep >= OBVIOUS) return TWO;
  return fetch + prep >= PLAIN ? FEW : INTERVALS;
}

function add({ intervals, mean }: State['seen'], interval: Interval): State['seen'] {
  const of = (key: keyof Interval): number => (mean[key] * intervals + interval[key]) / (intervals + 1);
  return {
    intervals: intervals + 1,
    mean: {
      rowsPerSecond: of('rowsPerSecond'),
      fetch: of('fetch'),
      prep: of('prep'),
      blocked: of('blocked'),
      withoutRoom: of('withoutRoom'),
      cores: of('cores'),
    },
  };
}

function step(state: State, mean: Interval, limits: Limits): State {
  const { setting } = state;
  const { fetch, prep, blocked, withoutRoom, rowsPerSecond, cores } = mean;
  if (fetch + prep < WORTH) return state;
  const trial = { before: setting, rowsPerSecond, blocked, patience: PATIENCE };
  // Producers that had no room and were too slow all the same come in bursts.
  if (limits.tunesSlots && withoutRoom >= 2 * WORTH && setting.slots < limits.slots) {
    const slots = Math.min(limits.slots, setting.slots * 2);
    const because = `the device starved ${percent(fetch + prep)} of the time, and producers had no free slot ${percent(withoutRoom)} of theirs`;
    return { ...state, trial, setting: { ...setting, slots }, because: { ...state.because, slots: because } };
  }
  if (!limits.tunesProducers || setting.producers >= state.mostProducers) return state;
  // Those that wait, for storage or for a service that a transform asks, cost no core; those that compute need a free one.
  const waits = cores < limits.cores * (fetch > prep ? 0.75 : 0.5);
  if (!waits && cores >= limits.cores * 0.9) return state;
  // Those that are there keep the device busy for the rest of the time; just enough of them would be too few now and then.
  const busy = Math.max(1 - fetch - prep, 1 / limits.producers);
  const needed = Math.ceil((setting.producers * HEADROOM) / busy - 0.01);
  const wanted = waits ? needed : setting.producers + 1;
  const producers = Math.min(state.mostProducers, Math.max(wanted, setting.producers + 1));
  const because = `the device waited ${percent(fetch)} of the time for storage and ${percent(prep)} for rows to be prepared`;
  return {
    ...state,
    trial,
    setting: { ...setting, producers },
    because: { ...state.because, producers: because },
  };
}

function judge(state: State, trial: Trial, { rowsPerSecond, blocked }: Interval): State {
  // The sink was in the way, as it may be while threads start: that says nothing of the producers.
  if (blocked > trial.blocked + WORTH && trial.patience > 0)
    return { ...state, trial: { ...trial, patience: trial.patience - 1 } };
  const kept = { ...state, trial: undefined };
  const { producers } = trial.before;
  // Slots are not given back: they cost memory only, and what is in them is on its way.
  if (rowsPerSecond >= trial.rowsPerSecond * GAIN || state.setting.producers === producers) return kept;
  return {
    ...kept,
    setting: { ...state.setting, producers },
    mostProducers: producers,
    holds: HOLDS,
    because: { ...state.because, producers: `more than ${producers} brought nothing` },
  };
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
