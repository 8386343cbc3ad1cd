import { availableParallelism } from 'node:os';
import type { LoadedModel } from '../consume/types.js';
import { DEFAULT_LENGTHS, planBuckets } from '../ring/buckets.js';
import type { Bucket } from '../ring/layout.js';
import type { SessionSpec } from '../session/types.js';
import { UsageError } from '../util/errors.js';
import type { Job } from './schema.js';

/** How the machine's cores are shared out. */
export interface ThreadCounts {
  readonly producers: number;
  readonly instances: number;
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
  // Counted from the automatic number: many producers asked for wait most of the time, and take no core away.
  return { producers, instances, intraOpNumThreads: Math.max(1, Math.floor((cores - auto) / instances)) };
}

/** The classes of rows that a job's batches are made of. */
export function bucketsOf({ batch }: Pick<Job, 'batch'>): Bucket[] {
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
export function checkSlots({ batch, ring }: Pick<Job, 'batch' | 'ring'>, buckets: readonly Bucket[]): void {
  const needed = buckets.length + 1;
  if (batch.order !== 'fixed' || ring.slots >= needed) return;
  throw new UsageError(
    `ring.slots: fixed order needs a slot for each of the ${buckets.length} buckets and one more: ${needed}, not ${ring.slots}`,
    { key: 'ring.slots', hint: `Set ring.slots: ${needed} or more.` },
  );
}

/** What each consumer loads. */
export function sessionSpec(job: Job, intraOpNumThreads: number): SessionSpec {
  const { runtime, uri, providers, options } = job.model;
  const inputs = Object.entries(job.inputs).map(([name, { dtype = 'float32' as const, shape }]) => ({
    name,
    dtype,
    dims: shape && ['batch', ...shape],
  }));
  return { runtime, uri, providers, options, intraOpNumThreads, inputs };
}

/** @throws UsageError where a model takes batches of one size only, and it is not the job's */
export function checkBatchDimension(job: Job, model: LoadedModel): void {
  for (const { name, dims } of model.inputs) {
    const batch = dims?.[0];
    if (typeof batch !== 'number' || (batch === 1 && job.batch.size === 1)) continue;
    throw new UsageError(
      `the model's input ${name} takes batches of exactly ${batch}, which this version fills only for a size of 1`,
      {
        key: 'batch.size',
        hint:
          batch === 1 ? 'Set batch.size: 1.' : 'Export the model with a batch dimension that is left open.',
      },
    );
  }
}
