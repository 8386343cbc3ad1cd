import type { Consumer } from '../consume/consumer.js';
import type { LoadedModel } from '../consume/types.js';
import { MAX_TEXT_BYTES } from '../job/inputs.js';
import { planOutputs } from '../job/outputs.js';
import { batchOf, bucketsOf } from '../job/threads.js';
import { chooseBatchSize } from '../job/tune/batch-size.js';
import {
  type Bucket,
  planSlotLayout,
  type RowTensor,
  type SlotLayout,
  TEXT_HEAD_BYTES,
} from '../ring/layout.js';
import type { ModelTensor } from '../session/types.js';
import { bytesOf, sizeOf } from '../util/dtype.js';
import { UsageError } from '../util/errors.js';
import { availableMemory } from '../util/memory.js';
import type { ServedModel } from './schema.js';

/** How a served model's requests lie in slots, and what is known of its speed. */
export interface ModelPlan {
  readonly inputs: readonly RowTensor[];
  readonly outputs: readonly RowTensor[];
  readonly layout: SlotLayout;
  /** Rows of a batch at most. */
  readonly size: number;
  readonly preferredSizes: readonly number[];
  readonly slots: number;
  /** Rows of batches to be tried before the first request, beside the full one. */
  readonly warmSizes: readonly number[];
  /** Bytes of one row's inputs, as they lie in a slot. */
  readonly rowBytes: number;
  /** How long a run takes, microseconds: of the smallest batch, and of a full one. */
  readonly oneMicros: number;
  readonly fullMicros: number;
  /** What a user should know. */
  readonly warnings: readonly string[];
}

/** Sizes that are tried where the configuration leaves it to us end here. */
const LARGEST_TRIED = 4096;

/**
 * Finds out what a request's rows look like and how fast they run.
 *
 * @param consumers sessions of the model, all together
 * @throws UsageError where the model leaves open what the configuration must say
 */
export async function planModel(
  name: string,
  served: ServedModel,
  model: LoadedModel,
  consumer: Consumer,
  consumers: number,
): Promise<ModelPlan> {
  const inputs = planInputs(`models.${name}.inputs`, served.inputs, model.inputs);
  const supported = model.outputs.filter(({ unsupported }) => unsupported === undefined);
  const batch = batchOf({ batch: { ...served.batch, order: 'any' } }, model);
  const outputs = await planOutputs(
    {
      outputs: Object.fromEntries(supported.map((output) => [output.name, { as: output.name }])),
      batch: { ...batch },
      sink: { keep: [] },
    },
    model,
    inputs,
    bucketsOf({ batch }),
    consumer,
  );
  // As many run, as many and one more wait to be taken, and one is being emptied.
  const slots = 2 * consumers + 2;
  const maxBytes = availableMemory() / 4;
  const bucketOf = (capacity: number): Bucket => ({ length: 1, capacity });
  const layoutOf = (rows: number): SlotLayout => planSlotLayout([bucketOf(rows)], inputs, outputs.tensors);
  const time = (rows: number): Promise<number> => consumer.time(inputs, outputs.tensors, bucketOf(rows));
  let { size } = batch;
  const isFixed = typeof model.inputs[0]?.dims?.[0] === 'number';
  if (served.batch.size === 'auto' && !isFixed) {
    let most = 1;
    while (most < LARGEST_TRIED && layoutOf(most * 2).slotBytes * slots <= maxBytes) most *= 2;
    size = (await chooseBatchSize(time, most)).size;
  }
  const layout = layoutOf(size);
  checkMemory(name, layout, slots, maxBytes);
  const [least = 1] = isFixed ? [size] : batch.preferredSizes;
  return {
    inputs,
    outputs: outputs.tensors,
    layout,
    size,
    preferredSizes: batch.preferredSizes,
    slots,
    warmSizes: isFixed ? [] : warmSizes(size, batch.preferredSizes),
    rowBytes: inputs.reduce((sum, { dtype, rowDims }) => sum + sizeOf(rowDims) * bytesOf(dtype), 0),
    oneMicros: await time(Math.min(least, size)),
    fullMicros: await time(size),
    warnings: [
      ...model.warnings,
      ...model.outputs
        .filter(({ unsupported }) => unsupported !== undefined)
        .map(
          (output) =>
            `models.${name}: the output ${output.name} is ${output.unsupported}, which is not served`,
        ),
    ],
  };
}

/** Those that the model likes, or powers of two: what batches are like when the load is low. */
function warmSizes(size: number, preferred: readonly number[]): number[] {
  if (preferred.length > 0) return [...preferred];
  const sizes: number[] = [];
  for (let rows = 1; rows < size; rows *= 2) sizes.push(rows);
  return sizes;
}

function planInputs(
  section: string,
  specs: ServedModel['inputs'],
  model: readonly ModelTensor[],
): RowTensor[] {
  for (const name of Object.keys(specs)) {
    if (model.some((input) => input.name === name)) continue;
    const names = model.map((input) => input.name).join(', ');
    throw new UsageError(`${section}.${name}: the model has no such input; its inputs are ${names}`, {
      key: `${section}.${name}`,
    });
  }
  return model.map((input) => planInput(`${section}.${input.name}`, specs[input.name] ?? {}, input));
}

function planInput(
  key: string,
  { dtype: wanted, shape, maxBytes }: ServedModel['inputs'][string],
  { name, dtype, dims, isText }: ModelTensor,
): RowTensor {
  if (isText) {
    const text = maxBytes ?? MAX_TEXT_BYTES;
    const rowDims = shape ?? dims?.slice(1).map((dim) => (typeof dim === 'number' ? dim : 1)) ?? [];
    return { name, dtype: 'uint8', rowDims: [...rowDims, TEXT_HEAD_BYTES + text], text };
  }
  if (maxBytes !== undefined) {
    throw new UsageError(`${key}.maxBytes: is for texts, and the model's input ${name} takes numbers`, {
      key: `${key}.maxBytes`,
    });
  }
  if (wanted !== undefined && wanted !== dtype) {
    throw new UsageError(`${key}.dtype: is ${wanted}, and the model's input ${name} is ${dtype}`, {
      key: `${key}.dtype`,
    });
  }
  const rest = dims?.slice(1);
  if (shape === undefined) {
    if (rest?.every((dim) => typeof dim === 'number')) return { name, dtype, rowDims: rest };
    const says = rest === undefined ? 'nothing of its shape' : `[${rest.join(', ')}]`;
    throw new UsageError(
      `${key}: the model says ${says} for a row of ${name}, so the configuration must give its shape`,
      { key: `${key}.shape`, hint: `Add ${key}.shape, the shape of one row without the batch dimension.` },
    );
  }
  const agrees =
    rest === undefined ||
    (rest.length === shape.length && rest.every((dim, i) => typeof dim === 'string' || dim === shape[i]));
  if (agrees) return { name, dtype, rowDims: shape };
  throw new UsageError(
    `${key}.shape: [${shape.join(', ')}] is not what the model takes for a row of ${name}: [${rest.join(', ')}]`,
    { key: `${key}.shape` },
  );
}

function checkMemory(name: string, { slotBytes }: SlotLayout, slots: number, maxBytes: number): void {
  if (slotBytes * slots <= maxBytes) return;
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const key = `models.${name}.batch.size`;
  throw new UsageError(
    `${key}: its batches need ${slots} slots × ${mib(slotBytes)} = ${mib(slotBytes * slots)}, more than a quarter of the memory that is free, ${mib(maxBytes)}`,
    { key, hint: 'Lower it.' },
  );
}
