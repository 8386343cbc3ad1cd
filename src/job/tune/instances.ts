import type { LoadedModel } from '../../consume/types.js';
import type { Choice } from '../../measure/report.js';
import type { Job } from '../schema.js';

/** How many sessions a device may come to have while a job runs. */
export interface InstancesRule {
  readonly most: number;
  /** Why these are as many as it begins with; undefined where they may become more. */
  readonly because: string | undefined;
}

/** What besides the job decides it. */
export interface InstancesFacts {
  /** Sessions on the device to begin with. */
  readonly begin: number;
  /** That the ring may have. */
  readonly slots: number;
  readonly cores: number;
  /** Whether others run on the device. */
  readonly shared: boolean;
  /** Of this process, with its first session, and of the machine. */
  readonly rssBytes: number;
  readonly memoryBytes: number;
}

/** Providers that compute on the machine's cores: another session there runs on one that would be idle. */
const ON_CORES = ['cpu', 'wasm'];

/** One that runs, and one that is filled or written. */
export const SLOTS_PER_INSTANCE = 2;

/**
 * Whether `model.instances: auto` may become more while a job runs. Elsewhere than on the machine's cores it may not: a
 * session more takes as much of a GPU's memory as the first, and the one that is there may be what finds none left.
 *
 * @returns undefined where the job says how many there are
 */
export function instancesRule(
  { model, batch }: Pick<Job, 'model' | 'batch'>,
  { device }: Pick<LoadedModel, 'device'>,
  { begin, slots, cores, shared, rssBytes, memoryBytes }: InstancesFacts,
): InstancesRule | undefined {
  if (model.instances !== 'auto') return undefined;
  const fixed = (because: string): InstancesRule => ({ most: begin, because });
  if (device.simulated) return fixed('the speed of a simulated device is given, and that of each instance');
  if (begin > 1)
    return fixed('one copies while another computes; a third would take memory, and bring little');
  if (!ON_CORES.includes(device.provider)) return fixed('a run takes the whole device');
  if (shared) return fixed('others run on the device too');
  if (model.isolation === 'process') return fixed('what processes of their own cost is left to you');
  // What joins has one thread, and a kernel may round differently with several.
  if (batch.order === 'fixed')
    return fixed('batches that are always the same run in sessions that are alike');
  if (2 * rssBytes > memoryBytes) return fixed('another might take as much memory as there is');
  const most = Math.min(cores, Math.floor(slots / SLOTS_PER_INSTANCE));
  if (most <= begin) return fixed(cores > 1 ? 'the ring has no slots for more' : 'the machine has one core');
  return { most, because: undefined };
}

/** For the report, where they never become more. */
export function fixedInstances(rule: InstancesRule | undefined): Choice[] {
  if (rule?.because === undefined) return [];
  return [{ key: 'model.instances', value: rule.most, because: rule.because }];
}
