import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { LoadedModel } from '../consume/types.js';
import type { Dataset, Split } from '../dataset/types.js';
import { accessOf } from '../job/access.js';
import { parseJob } from '../job/load.js';
import { Pipeline, type Plan } from '../job/pipeline.js';
import { openSourceOf } from '../job/run-job.js';
import type { Job } from '../job/schema.js';
import type { JobDevice } from '../job/sessions.js';
import { threadsFor } from '../job/threads.js';
import type { SessionSpec } from '../session/types.js';
import { bytesOf } from '../util/dtype.js';
import { UsageError } from '../util/errors.js';
import type { Work } from './requests.js';

const NULL_MODEL = fileURLToPath(new URL('./null-model.js', import.meta.url));

/** The data are run over many times, and its bad rows with it. */
const ANY_BAD_ROWS = 2 ** 30;

/** What is measured: a job, its data, and how the one goes through the other. */
export interface Subject {
  readonly job: Job;
  readonly dataset: Dataset;
  readonly plan: Plan;
  /** As the first device loaded it. */
  readonly model: LoadedModel;
  readonly work: Work;
  /** With which the job begins: `auto` may come to more. */
  readonly producers: number;
  /** On each device. */
  readonly instances: number;
  /** One a consumer. */
  readonly specs: readonly SessionSpec[];
  /** Bytes of a row's input tensors. */
  readonly rowBytes: number;
  /** How long it took to start the threads, load the model and plan. */
  readonly planSeconds: number;
}

/**
 * Opens a job's data and model, and ends the threads that it took to do so.
 *
 * @throws as `runJob` does before its first row; UsageError where there is no row
 */
export async function planSubject(input: Job, signal: AbortSignal | undefined): Promise<Subject> {
  const job = tolerant(input);
  const startedAt = performance.now();
  await using pipeline = new Pipeline(job);
  const dataset = await openSourceOf(job);
  if (dataset.splits.length === 0) {
    throw new UsageError(`${job.source.uri}: holds no rows: there is nothing to measure`, {
      key: 'source.uri',
    });
  }
  await pipeline.plan(dataset, signal);
  const plan = pipeline.planned;
  const { inputs, layout, batch, transform, devices } = plan;
  const { model } = devices[0] as JobDevice;
  const { lengthColumn } = job.batch;
  const { maxRows } = job.errors;
  const writes = job.sink.format !== 'none';
  return {
    // Chosen once: run after run may not choose another size, nor come to more instances than the ceiling is of.
    job: {
      ...job,
      model: { ...job.model, instances: devices[0]?.consumers.length ?? 1 },
      batch: { ...job.batch, size: batch.size },
    },
    dataset,
    plan,
    model,
    producers: threadsFor(job).producers,
    instances: devices[0]?.consumers.length ?? 1,
    // The provider that started is the one that counts, not those that were tried before it.
    specs: devices
      .flatMap(({ consumers }) => consumers)
      .map(({ spec }) => ({ ...spec, providers: [model.device.provider] })),
    rowBytes: layout.inputs.reduce((sum, { rowSize, dtype }) => sum + rowSize * bytesOf(dtype), 0),
    planSeconds: (performance.now() - startedAt) / 1000,
    work: {
      reading: {
        inputs: inputs.collate,
        lengthColumn,
        keep: writes ? job.sink.keep : [],
        transform,
        badRows: maxRows === 0 ? undefined : { maxRows, left: maxRows, folder: undefined },
        files: { format: dataset.format, storage: accessOf(job.source), filter: dataset.filter },
      },
      layout,
      fixedOrder: batch.order === 'fixed',
      preferredSizes: batch.preferredSizes,
      outputs: writes ? plan.outputs : [],
      model: job.model.uri ?? job.model.runtime,
    },
  };
}

function tolerant(job: Job): Job {
  return job.errors.maxRows === 0 ? job : { ...job, errors: { ...job.errors, maxRows: ANY_BAD_ROWS } };
}

/** The same job with a model that does nothing, of which nothing is written. */
export function withNullModel({ job, plan, model, specs, work }: Subject, producers: Job['producers']): Job {
  const outputs = plan.layout.outputs.map(({ name, dtype, rowDims }) => ({
    name,
    dtype,
    dims: ['batch', ...rowDims],
  }));
  return parseJob({
    ...job,
    producers,
    model: {
      runtime: 'module',
      uri: NULL_MODEL,
      instances: specs.length,
      options: { inputs: model.inputs, outputs },
    },
    // Nothing goes to a GPU.
    ring: { ...job.ring, pinned: false },
    sink: { format: 'none', keep: work.reading.keep },
  });
}

/** What consumers would load if there was one more on each device. */
export function withOneMore({ job, specs, instances }: Subject): SessionSpec[] {
  const more = { ...job.model, instances: instances + 1 };
  const { intraOpNumThreads } = threadsFor({ ...job, model: more });
  const firstOnes = specs.filter((_, index) => index % instances === 0);
  return [...specs, ...firstOnes].map((spec) => ({ ...spec, intraOpNumThreads }));
}

/**
 * What a loop that does one thing after another loads: with nobody beside it, a model on the CPU may have all cores, as
 * it has by default. The same as a consumer, where that makes no difference.
 */
export function specOfLoop({ specs, model }: Subject): SessionSpec {
  const [spec] = specs;
  if (spec === undefined) throw new RangeError('no consumer');
  const { runtime, provider } = model.device;
  if (runtime !== 'onnx' || provider !== 'cpu' || spec.intraOpNumThreads >= availableParallelism())
    return spec;
  return { ...spec, intraOpNumThreads: availableParallelism() };
}

/** The data set with some of its splits over and over: as many times as there are passes. */
export function repeated(dataset: Dataset, splits: readonly Split[], passes: number): Dataset {
  const all = Array.from({ length: passes }, () => splits).flat();
  return { ...dataset, splits: all.map((split, ordinal) => ({ ...split, ordinal })) };
}
