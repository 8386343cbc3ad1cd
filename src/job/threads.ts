import { availableParallelism } from 'node:os';
import type { LoadedModel } from '../consume/types.js';
import { DEFAULT_LENGTHS, planBuckets } from '../ring/buckets.js';
import type { Bucket } from '../ring/layout.js';
import { numberedProviders } from '../session/providers.js';
import type { SessionSpec } from '../session/types.js';
import type { DType } from '../util/dtype.js';
import { UsageError } from '../util/errors.js';
import { isOnlyFirst } from './model-rules.js';
import type { BatchSpec, Job } from './schema.js';
import { listOf } from './wording.js';

/** How the machine's cores are shared out. */
export interface ThreadCounts {
  readonly producers: number;
  /** Producers that there may be later on. */
  readonly mostProducers: number;
  /** Threads of one run on the CPU. */
  readonly intraOpNumThreads: number;
}

/**
 * `auto` for a model on the CPU: the model is what costs, so it gets all cores but those of the producers, which are a
 * quarter; elsewhere producers get all cores but one, up to eight.
 */
export function threadsFor(job: Job, cores = availableParallelism()): ThreadCounts {
  const onCpu = job.model.runtime === 'onnx' && job.model.providers.every((provider) => provider === 'cpu');
  const auto = onCpu ? Math.ceil(cores / 4) : Math.min(8, Math.max(1, cores - 1));
  const producers = job.producers === 'auto' ? auto : job.producers;
  const instances = job.model.instances === 'auto' ? 1 : job.model.instances;
  const sessions = instances * devicesOf(job).length;
  // Counted from the automatic number: many producers asked for wait most of the time, and take no core away.
  // More than the cores: those that wait for storage or for another service cost none.
  const mostProducers = job.producers === 'auto' ? Math.max(16, 4 * cores) : producers;
  return { producers, mostProducers, intraOpNumThreads: Math.max(1, Math.floor((cores - auto) / sessions)) };
}

/** The numbers of the devices that a job runs on, among those of its provider. */
export function devicesOf({ model }: Pick<Job, 'model'>): readonly number[] {
  // The schema takes no other deviceId than a number.
  const { deviceId = 0 } = model.options as { readonly deviceId?: number };
  return model.devices ?? [deviceId];
}

/**
 * @throws UsageError where the provider that started, which may be the last of several, has not the devices asked for
 */
export function checkDevices(
  { model: { devices = [0], runtime } }: Pick<Job, 'model'>,
  { device: { provider }, warnings }: Pick<LoadedModel, 'device' | 'warnings'>,
): void {
  const numbered = numberedProviders(runtime);
  if (isOnlyFirst(devices) || numbered.includes(provider)) return;
  const why = [`${provider} has one device, and it is what runs here`, ...warnings].join('; ');
  throw new UsageError(`model.devices: [${devices.join(', ')}] is not to be had: ${why}`, {
    key: 'model.devices',
    hint: `Devices are numbered by ${listOf(numbered, 'and')}: see to it that one of them starts, or leave model.devices out.`,
  });
}

/** On CUDA one instance copies while another computes; elsewhere a run takes the whole device. */
const AUTO_INSTANCES: Readonly<Record<string, number>> = { cuda: 2, tensorrt: 2 };

/**
 * How many sessions a device gets.
 *
 * @throws UsageError where it can't run as many as the job asks for
 */
export function instancesFor({ model }: Pick<Job, 'model'>, { device }: Pick<LoadedModel, 'device'>): number {
  const { instances, runtime, isolation } = model;
  if (instances === 'auto') return AUTO_INSTANCES[device.provider] ?? 1;
  const alone = runtime === 'onnx' && device.provider === 'webgpu' && isolation === 'thread';
  if (instances === 1 || !alone) return instances;
  throw new UsageError(
    `model.instances: ${instances} on webgpu would crash the process: ONNX Runtime has one WebGPU context a process, for one thread`,
    { key: 'model.instances', hint: 'Set model.isolation: process, or model.instances: 1.' },
  );
}

/** The rules of batches, once their size is chosen. */
export type SettledBatch = Omit<Job['batch'], 'size'> & { readonly size: number };

/** Rows in a batch where nobody has said how many, before it is tried which are best. */
const DEFAULT_SIZE = 64;

/**
 * Slots where the job leaves them to us: to begin with, and at most. Small batches begin with more of them, up to a MiB
 * together: threads that hand over several at a time are woken the less often.
 */
const BEGIN_SLOTS = 8;
const BEGIN_BYTES = 2 ** 20;
const BEGIN_MOST = 32;
const MOST_SLOTS = 64;

/** The slots that a ring begins with, and those that it may have later on within `maxBytes`. */
export function slotsFor(
  { ring: { slots } }: Pick<Job, 'ring'>,
  needed: number,
  slotBytes: number,
  maxBytes: number,
): { readonly begin: number; readonly most: number } {
  if (slots !== 'auto') return { begin: slots, most: slots };
  const begin = Math.max(
    BEGIN_SLOTS,
    needed,
    Math.min(BEGIN_MOST, Math.floor(Math.min(BEGIN_BYTES, maxBytes) / slotBytes)),
  );
  return { begin, most: Math.max(begin, Math.min(MOST_SLOTS, Math.floor(maxBytes / slotBytes))) };
}

/** The classes of rows that a job's batches are made of. */
export function bucketsOf({ batch }: { readonly batch: SettledBatch }): Bucket[] {
  const { size, lengthColumn, buckets, maxTokens } = batch;
  const fitting = DEFAULT_LENGTHS.filter((length) => length <= (maxTokens ?? length));
  return planBuckets({
    size,
    lengths: lengthColumn === undefined ? undefined : (buckets ?? fitting),
    maxTokens,
  });
}

/**
 * @throws UsageError where fixed order, in which every split being produced has open batches of its own, has too few
 *   slots for one of each bucket and one more
 */
export function checkSlots(
  { batch, ring }: { readonly batch: Pick<Job['batch'], 'order'>; readonly ring: Pick<Job['ring'], 'slots'> },
  buckets: readonly Bucket[],
): void {
  const needed = buckets.length + 1;
  if (batch.order !== 'fixed' || ring.slots === 'auto' || ring.slots >= needed) return;
  throw new UsageError(
    `ring.slots: fixed order needs a slot for each of the ${buckets.length} buckets and one more: ${needed}, not ${ring.slots}`,
    { key: 'ring.slots', hint: `Set ring.slots: ${needed} or more.` },
  );
}

/** A warning where sessions that all run leave no slot to be filled or written. */
export function slotWarnings({ ring: { slots } }: Pick<Job, 'ring'>, sessions: number): string[] {
  if (slots === 'auto' || slots > sessions) return [];
  const enough = Math.min(256, 2 * sessions);
  return [
    `ring.slots: ${sessions} sessions leave none of the ${slots} slots to be filled while they run; set ring.slots: ${enough} or more`,
  ];
}

/** What of a job its sessions need; `inputs` only where the model does not tell them. */
export interface SessionJob {
  readonly model: Job['model'];
  readonly ring?: Pick<Job['ring'], 'pinned'>;
  readonly inputs: Readonly<
    Record<string, { readonly dtype?: DType | undefined; readonly shape?: readonly number[] | undefined }>
  >;
}

/** What each consumer of a device loads. */
export function sessionSpec(
  job: SessionJob,
  intraOpNumThreads: number,
  deviceId: number,
  providers = job.model.providers,
): SessionSpec {
  const { runtime, uri, options, isolation, runTimeoutMs } = job.model;
  const inputs = Object.entries(job.inputs).map(([name, { dtype = 'float32' as const, shape }]) => ({
    name,
    dtype,
    dims: shape && ['batch', ...shape],
  }));
  const where = { isolation, runTimeoutMs, pinned: job.ring?.pinned ?? false };
  return { runtime, uri, providers, deviceId, options, intraOpNumThreads, inputs, ...where };
}

/**
 * The batch rules that a model leaves: one that takes batches of one size only decides the size, and a batch that is not
 * full runs with its rows left over from before, whose outputs are dropped.
 *
 * @throws UsageError where inputs want different sizes, or a token budget allows fewer rows
 */
export function batchOf(
  job: { readonly batch: BatchSpec },
  model: Pick<LoadedModel, 'inputs'>,
): SettledBatch {
  const fixed = model.inputs.flatMap(({ name, dims }) =>
    typeof dims?.[0] === 'number' ? [{ name, size: dims[0] }] : [],
  );
  const [first] = fixed;
  const { size: wanted } = job.batch;
  if (first === undefined) return { ...job.batch, size: wanted === 'auto' ? DEFAULT_SIZE : wanted };
  const { name, size } = first;
  const other = fixed.find((candidate) => candidate.size !== size);
  if (other !== undefined) {
    throw new UsageError(
      `the model's input ${name} takes batches of exactly ${size}, and ${other.name} of ${other.size}; their first dimension must be the batch`,
      { key: 'model.uri' },
    );
  }
  const batch = { ...job.batch, size, preferredSizes: [size] };
  if (bucketsOf({ batch }).every(({ capacity }) => capacity === size)) return batch;
  throw new UsageError(
    `batch.maxTokens: ${job.batch.maxTokens} allows fewer rows than the ${size} that the model takes in each batch`,
    { key: 'batch.maxTokens', hint: 'Leave it out.' },
  );
}
