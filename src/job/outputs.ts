import type { Consumer } from '../consume/consumer.js';
import type { LoadedModel } from '../consume/types.js';
import { sizeToRun } from '../ring/buckets.js';
import type { Bucket, RowTensor } from '../ring/layout.js';
import type { ModelTensor } from '../session/types.js';
import type { OutputColumn } from '../sink/types.js';
import { describeTensor } from '../util/dtype.js';
import { UsageError } from '../util/errors.js';
import type { BatchSpec, Job } from './schema.js';
import { batchOf } from './threads.js';

/** The model's outputs as rows of tensors, and the columns that they are written to. */
export interface OutputPlan {
  readonly tensors: readonly RowTensor[];
  readonly columns: readonly OutputColumn[];
}

/** What of a job its outputs depend on. */
interface OutputRules extends Pick<Job, 'outputs'> {
  readonly batch: BatchSpec;
  readonly sink: Pick<Job['sink'], 'keep'>;
}

/**
 * Matches a model's outputs with the job's `outputs` (all, by their own names, where it says nothing). Dimensions that
 * the model leaves open are found by running a batch of zeros.
 *
 * @throws UsageError for an output that the model does not have, or whose first dimension is not the batch
 */
export async function planOutputs(
  job: OutputRules,
  model: Pick<LoadedModel, 'inputs' | 'outputs'>,
  inputs: readonly RowTensor[],
  buckets: readonly Bucket[],
  consumer: Pick<Consumer, 'outputDims'>,
): Promise<OutputPlan> {
  const wanted = job.outputs ?? Object.fromEntries(model.outputs.map(({ name }) => [name, { as: name }]));
  for (const name of Object.keys(wanted)) {
    if (model.outputs.some((output) => output.name === name)) continue;
    const names = model.outputs.map((output) => output.name).join(', ');
    throw new UsageError(`outputs.${name}: the model has no such output; its outputs are ${names}`, {
      key: `outputs.${name}`,
    });
  }
  const outputs = model.outputs.filter(({ name }) => name in wanted);
  for (const output of outputs) checkSupported(output);
  const found = new Map<string, readonly number[]>();
  for (const bucket of probesOf(job, model, outputs, buckets)) {
    for (const [name, dims] of await consumer.outputDims(inputs, bucket)) {
      const output = outputs.find((candidate) => candidate.name === name);
      if (output !== undefined) found.set(name, sameRowDims(output, found.get(name), dims, bucket));
    }
  }
  const tensors = outputs.map((output) => ({
    name: output.name,
    dtype: output.dtype,
    rowDims: fixedRowDims(output) ?? found.get(output.name) ?? [],
  }));
  const columns = outputs.map(({ name }, tensor) => ({ tensor, as: wanted[name]?.as ?? name }));
  for (const { as } of columns) {
    if (!job.sink.keep.includes(as)) continue;
    throw new UsageError(`sink.keep: ${as} is kept from the input, and an output has the same name`, {
      key: 'sink.keep',
      hint: `Rename the output in the job file, as in outputs: { ${as}: { as: ${as}_out } }.`,
    });
  }
  return { tensors, columns };
}

/** @throws UsageError for an output of a kind that is not written */
function checkSupported({ name, unsupported }: ModelTensor): void {
  if (unsupported === undefined) return;
  throw new UsageError(
    `the model's output ${name} is ${unsupported}; only tensors of numbers and bool can be written`,
    { key: `outputs.${name}`, hint: LEAVE_OUT },
  );
}

const LEAVE_OUT = 'Name the outputs that you want in the job file’s outputs, without this one.';

/** Known beforehand: every dimension but the first is a number, and the first is not. */
function fixedRowDims({ dims }: ModelTensor): readonly number[] | undefined {
  if (dims === undefined || typeof dims[0] !== 'string') return undefined;
  const rest = dims.slice(1);
  return rest.every((dim) => typeof dim === 'number') ? rest : undefined;
}

/**
 * The batches to try before the dimensions of all outputs are known. With two lengths at hand, one run of each tells an
 * output that varies with the length from one that does not; with two numbers of rows, an output whose first dimension is
 * the batch from one that is as long by chance. No run is needed where the model itself says that it is the batch, by the
 * name that the first dimension of an input has too.
 */
function probesOf(
  job: OutputRules,
  model: Pick<LoadedModel, 'inputs' | 'outputs'>,
  outputs: readonly ModelTensor[],
  buckets: readonly Bucket[],
): Bucket[] {
  const batchNames = new Set(model.inputs.map(({ dims }) => dims?.[0]));
  const isBatch = ({ dims }: ModelTensor): boolean =>
    dims !== undefined && dims[0] !== '' && batchNames.has(dims[0]);
  const first = buckets[0] as Bucket;
  const last = buckets.at(-1) as Bucket;
  const probes = outputs.every((output) => isBatch(output) && fixedRowDims(output)) ? [] : [first, last];
  const fewest = sizeToRun(1, batchOf(job, model).preferredSizes);
  if (!outputs.every(isBatch)) probes.push({ ...first, capacity: Math.min(fewest, first.capacity) });
  return probes.filter(
    (probe, i) =>
      i ===
      probes.findIndex(({ length, capacity }) => length === probe.length && capacity === probe.capacity),
  );
}

function sameRowDims(
  output: ModelTensor,
  before: readonly number[] | undefined,
  dims: readonly number[],
  bucket: Bucket,
): readonly number[] {
  const [rows, ...rowDims] = dims;
  const shown = describeTensor(output.dtype, dims);
  const key = `outputs.${output.name}`;
  if (rows !== bucket.capacity) {
    throw new UsageError(
      `the model's output ${output.name} is ${shown} for a batch of ${bucket.capacity} ${bucket.capacity === 1 ? 'row' : 'rows'}; its first dimension must be the batch`,
      { key, hint: LEAVE_OUT },
    );
  }
  if (before !== undefined && String(before) !== String(rowDims)) {
    throw new UsageError(
      `the model's output ${output.name} is ${shown} for rows of length ${bucket.length}: this version writes only outputs whose rows are all alike`,
      { key, hint: LEAVE_OUT },
    );
  }
  return rowDims;
}
