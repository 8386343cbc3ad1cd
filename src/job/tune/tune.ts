import { availableParallelism } from 'node:os';
import { StallClock, type StallMemory } from '../../clock/stall-clock.js';
import type { ClockPage } from '../../clock/state-clock.js';
import type { SampledDevice } from '../../measure/sampled-device.js';
import type { Producers } from '../../produce/producers.js';
import type { ControlSide } from '../../ring/control-side.js';
import { MAIN_OWNER, type Ring } from '../../ring/ring.js';
import type { PinnedRing } from '../pinned-ring.js';
import type { Job } from '../schema.js';
import type { InstancesRule } from './instances.js';
import { type TunableInstances, Tuner } from './tuner.js';

/** What of a run can be adjusted. */
interface Adjustable {
  readonly job: Job;
  readonly ring: Ring;
  readonly producers: Producers;
  readonly stalls: StallMemory;
  readonly clocks: ClockPage;
  readonly pinned: PinnedRing | undefined;
  readonly instances: InstancesRule | undefined;
}

/** Adjusts what the job leaves to us while it runs; undefined where that is nothing. */
export function tune(
  { job, ring, producers, stalls, clocks, pinned, instances: rule }: Adjustable,
  devices: readonly SampledDevice[],
  control: ControlSide,
  instances: TunableInstances,
): Tuner | undefined {
  const tunesProducers = job.producers === 'auto';
  const tunesSlots = job.ring.slots === 'auto';
  const mostInstances = rule?.most ?? 0;
  const tunesInstances = rule !== undefined && rule.because === undefined;
  if (!tunesProducers && !tunesSlots && !tunesInstances) return undefined;
  const stallClock = new StallClock(stalls, MAIN_OWNER);
  const run = {
    devices,
    clocks,
    useProducers(count: number): void {
      control.useLanes(count);
      producers.grow(count);
    },
    useSlots(count: number): void {
      stallClock.useSlots(count);
      control.useSlots(count);
      pinned?.grow(count);
    },
    instances,
  };
  const setting = { producers: producers.count, slots: ring.slotsInUse, instances: instances.count };
  const limits = {
    producers: producers.most,
    slots: ring.config.slots,
    instances: mostInstances,
    cores: availableParallelism(),
    tunesProducers,
    tunesSlots,
    tunesInstances,
  };
  return new Tuner(run, setting, limits);
}
