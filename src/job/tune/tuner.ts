import { now } from '../../clock/now.js';
import { type ClockPage, ClockReader, ProducerState } from '../../clock/state-clock.js';
import { type Progress, ProgressSampler } from '../../measure/progress.js';
import type { Choice } from '../../measure/report.js';
import type { SampledDevice } from '../../measure/sampled-device.js';
import {
  begin,
  type Interval,
  type Limits,
  next,
  type Setting,
  type State,
  withoutInstance,
} from './policy.js';

/** How often it looks: it gets somewhere in a job of seconds. */
const LOOK_MS = 50;

/** What a run lets the tuner do. */
export interface Tunable {
  readonly devices: readonly SampledDevice[];
  readonly clocks: ClockPage;
  useProducers(count: number): void;
  useSlots(count: number): void;
  readonly instances: TunableInstances;
}

/** The sessions of the run's device. */
export interface TunableInstances {
  /** Those at work. */
  readonly count: number;
  /** Why one that was asked for is not there. */
  readonly failure: string | undefined;
  use(count: number): void;
}

/** Adjusts a run while it goes on. Whoever starts it stops it. */
export class Tuner {
  readonly #run: Tunable;
  readonly #limits: Limits;
  readonly #sampler: ProgressSampler;
  readonly #clocks: ClockReader;
  readonly #timer: NodeJS.Timeout;
  readonly #began: Setting;
  #state: State;
  #blocked = 0;
  #cpu = process.cpuUsage();
  #at = now();

  constructor(run: Tunable, setting: Setting, limits: Limits) {
    this.#run = run;
    this.#limits = limits;
    this.#began = setting;
    this.#state = begin(setting, limits);
    this.#sampler = new ProgressSampler(run.devices);
    this.#clocks = new ClockReader(run.clocks);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get tunesInstances(): boolean {
    return this.#limits.tunesInstances;
  }

  /** What it has come to. An instance that was asked for may not have come up. */
  get setting(): Setting {
    const { setting } = this.#state;
    const { count } = this.#run.instances;
    return this.#limits.tunesInstances
      ? { ...setting, instances: Math.min(setting.instances, count) }
      : setting;
  }

  /** What it has come to, for the report. */
  get choices(): readonly Choice[] {
    const { because } = this.#state;
    const { setting } = this;
    const { tunesProducers, tunesSlots, tunesInstances } = this.#limits;
    const choice = (key: string, of: keyof Setting): Choice => {
      const value = setting[of];
      const from = this.#began[of];
      return { key, value, ...(from !== value && { from }), because: because[of] };
    };
    return [
      ...(tunesProducers ? [choice('producers', 'producers')] : []),
      ...(tunesSlots ? [choice('ring.slots', 'slots')] : []),
      ...(tunesInstances ? [choice('model.instances', 'instances')] : []),
    ];
  }

  #look(): void {
    const progress = this.#sampler.sample(0, 0);
    const interval = this.#interval(progress);
    this.#checkInstances();
    // Nothing can be told before the first batch, nor of producers whose threads are still starting.
    if (progress.busy + progress.starved.total + progress.blocked === 0 || !this.#areUp()) return;
    const before = this.#state.setting;
    this.#state = next(this.#state, interval, this.#limits);
    const { producers, slots, instances } = this.#state.setting;
    if (slots !== before.slots) this.#run.useSlots(slots);
    if (producers !== before.producers) this.#run.useProducers(producers);
    if (instances !== before.instances) this.#run.instances.use(instances);
  }

  #checkInstances(): void {
    const { failure, count } = this.#run.instances;
    if (failure === undefined || count >= this.#state.setting.instances) return;
    this.#state = withoutInstance(this.#state, failure);
    this.#run.instances.use(this.#state.setting.instances);
  }

  #areUp(): boolean {
    const { producers, instances } = this.#state.setting;
    if (this.#limits.tunesInstances && this.#run.instances.count < instances) return false;
    for (let lane = 0; lane < producers; lane++) if (!this.#clocks.hasBegun(lane)) return false;
    return true;
  }

  #interval({ rowsPerSecond, busy, handoff = 0, starved, blocked }: Progress): Interval {
    const at = now();
    const elapsed = Math.max(1, at - this.#at);
    this.#at = at;
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#cpu = process.cpuUsage();
    const producers = this.#state.setting.producers;
    let total = 0;
    for (let lane = 0; lane < producers; lane++) {
      total += this.#clocks.totals(lane, at)[ProducerState.blocked] ?? 0;
    }
    const withoutRoom = Math.max(0, total - this.#blocked) / (elapsed * producers);
    this.#blocked = total;
    return {
      rowsPerSecond,
      busy: busy + handoff,
      fetch: starved.fetch,
      prep: starved.prep,
      blocked,
      withoutRoom,
      cores: (user + system) / elapsed,
    };
  }
}
