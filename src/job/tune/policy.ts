/*
 * How many producers, slots and instances a running job gets, after tf.data's AUTOTUNE (Murray et al., «tf.data: A Machine
 * Learning Data Processing Framework», VLDB 2021): where the device starves for producers that have room there are more of
 * them, as many as its idle time says; where it never waits, and a core is idle, there is an instance more; and a step that
 * brought nothing is taken back. Pure functions of numbers: the engine is in tuner.ts.
 */
import { SLOTS_PER_INSTANCE } from './instances.js';

/** What the clocks counted since the last look; shares of the interval. */
export interface Interval {
  readonly rowsPerSecond: number;
  /** The device's: it ran, or had a batch that it was about to run. */
  readonly busy: number;
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
  readonly instances: number;
}

export interface Limits extends Setting {
  /** Cores of the machine. */
  readonly cores: number;
  readonly tunesProducers: boolean;
  readonly tunesSlots: boolean;
  readonly tunesInstances: boolean;
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
  /** More instances than this brought nothing, or could not be had. It costs a session to try, so it is tried once. */
  readonly mostInstances: number;
  readonly because: Readonly<Record<keyof Setting, string>>;
}

/** Below this a stall is not worth a step; from the second on it is so plain that a few looks will do, from the third two. */
const WORTH = 0.05;
const PLAIN = 0.3;
const OBVIOUS = 0.6;

/** A device that has work for this share of the time waits for nothing, … */
const BOUND = 0.9;
/** … and what of a core has to be idle for another instance to run there. */
const IDLE_CORE = 0.6;

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
  mean: { rowsPerSecond: 0, busy: 0, fetch: 0, prep: 0, blocked: 0, withoutRoom: 0, cores: 0 },
};

const BEGINNING = {
  producers: 'by the cores of the machine; the device has not waited for more',
  slots: 'to begin with; rows have not come in bursts that it is too small for',
  instances: 'to begin with; there has been no core to spare while the device was busy all the time',
};

export function begin(setting: Setting, limits: Limits): State {
  return {
    setting,
    trial: undefined,
    settling: WARMING,
    seen: NOTHING,
    mostProducers: limits.producers,
    holds: 0,
    mostInstances: limits.instances,
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
  const { producers, slots, instances } = state.setting;
  const hasChanged =
    decided.setting.producers !== producers ||
    decided.setting.slots !== slots ||
    decided.setting.instances !== instances;
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
      busy: of('busy'),
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
  if (fetch + prep < WORTH) return anotherInstance(state, mean, limits);
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

/** Where the device waits for nothing and the process leaves a core idle. */
function anotherInstance(state: State, mean: Interval, limits: Limits): State {
  const { setting } = state;
  const idle = limits.cores - mean.cores;
  if (!limits.tunesInstances || setting.instances >= state.mostInstances) return state;
  if (mean.busy < BOUND || idle < IDLE_CORE) return state;
  const { rowsPerSecond, blocked } = mean;
  const instances = setting.instances + 1;
  // Where the slots are not ours to choose, there are no more instances than they suffice for.
  const slots = Math.max(setting.slots, SLOTS_PER_INSTANCE * instances);
  return {
    ...state,
    trial: { before: setting, rowsPerSecond, blocked, patience: PATIENCE },
    setting: { ...setting, instances, slots },
    because: {
      ...state.because,
      ...(slots > setting.slots && { slots: `${SLOTS_PER_INSTANCE} for each of ${instances} instances` }),
      instances: `the device had work ${percent(mean.busy)} of the time, and ${idle.toFixed(1)} of ${limits.cores} cores were idle`,
    },
  };
}

/** The state where an instance that was asked for could not be had. */
export function withoutInstance(state: State, why: string): State {
  const instances = state.setting.instances - 1;
  return {
    ...state,
    trial: undefined,
    seen: NOTHING,
    setting: { ...state.setting, instances },
    mostInstances: instances,
    because: { ...state.because, instances: `another did not start: ${why}` },
  };
}

function judge(state: State, trial: Trial, { rowsPerSecond, blocked }: Interval): State {
  // The sink was in the way, as it may be while threads start: that says nothing of the producers.
  if (blocked > trial.blocked + WORTH && trial.patience > 0)
    return { ...state, trial: { ...trial, patience: trial.patience - 1 } };
  const kept = { ...state, trial: undefined };
  const { producers, instances } = trial.before;
  if (rowsPerSecond >= trial.rowsPerSecond * GAIN) return kept;
  if (state.setting.instances !== instances) {
    return {
      ...kept,
      setting: { ...state.setting, instances },
      mostInstances: instances,
      because: { ...state.because, instances: `more than ${instances} brought nothing` },
    };
  }
  // Slots are not given back: they cost memory only, and what is in them is on its way.
  if (state.setting.producers === producers) return kept;
  return {
    ...kept,
    setting: { ...state.setting, producers },
    mostProducers: producers,
    holds: HOLDS,
    because: { ...state.because, producers: `more than ${producers} brought nothing` },
  };
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
