import type { Channels, ElementRules } from '../produce/loops.js';
import type { CollateInput } from '../produce/writer.js';
import { sizeOf } from '../util/dtype.js';
import { UsageError } from '../util/errors.js';
import type { InputSpec } from './schema.js';

/** Whether an input's values are scaled or shifted. */
export function isAffine({ scale, mean, std }: Pick<InputSpec, 'scale' | 'mean' | 'std'>): boolean {
  return scale !== 1 || mean !== 0 || std !== 1;
}

/**
 * What becomes of the elements of an input.
 *
 * @param dims of a row of the tensor; a length that varies is its name
 * @param key of the input in the job, for messages
 */
export function planElements(
  spec: InputSpec,
  dims: readonly (number | string)[],
  key: string,
): Omit<ElementRules, 'source'> & Pick<CollateInput, 'fill'> {
  const channels = planChannels(spec, dims, key);
  const { scale, mean, std, transpose, oneHot, nulls = 'error' } = spec;
  const plain = channels === undefined;
  return {
    // (value × scale − mean) ÷ std as one multiplication and one addition.
    factor: plain ? (scale as number) / (std as number) : 1,
    term: plain && mean !== 0 ? -(mean as number) / (std as number) : 0,
    channels,
    order: transpose === undefined ? undefined : orderOf(transpose, dims, key),
    classes: oneHot,
    fill: nulls === 'error' ? undefined : nulls === 'zero' ? 0 : nulls,
  };
}

function planChannels(
  { scale, mean, std, channelAxis }: InputSpec,
  dims: readonly (number | string)[],
  key: string,
): Channels | undefined {
  const lists = Object.entries({ scale, mean, std }).filter(([, value]) => typeof value !== 'number');
  const [first] = lists;
  if (first === undefined) return undefined;
  const count = (first[1] as readonly number[]).length;
  for (const [name, value] of lists) {
    const other = (value as readonly number[]).length;
    if (other === count) continue;
    throw new UsageError(`${key}.${name}: has ${other} channels, and ${key}.${first[0]} has ${count}`, {
      key: `${key}.${name}`,
    });
  }
  const axes = dims.flatMap((dim, axis) => (dim === count ? [axis] : []));
  const axis = channelAxis ?? (axes.length === 1 ? axes[0] : undefined);
  const shown = `[${dims.join(', ')}]`;
  if (axis === undefined) {
    const which = axes.length === 0 ? 'no dimension is of that size' : `dimensions ${axes.join(' and ')} are`;
    throw new UsageError(
      `${key}.${first[0]}: has ${count} channels, and of a row of shape ${shown} ${which}`,
      { key: `${key}.${first[0]}`, ...(axes.length > 1 && { hint: `Say which in ${key}.channelAxis.` }) },
    );
  }
  if (dims[axis] !== count) {
    throw new UsageError(
      `${key}.channelAxis: dimension ${axis} of a row of shape ${shown} is ${dims[axis] ?? 'not there'}, and there are ${count} channels`,
      { key: `${key}.channelAxis` },
    );
  }
  const at = (value: number | readonly number[], i: number): number =>
    typeof value === 'number' ? value : (value[i] as number);
  const each = Array.from({ length: count }, (_, i) => i);
  return {
    factors: each.map((i) => at(scale, i) / at(std, i)),
    terms: each.map((i) => (at(mean, i) === 0 ? 0 : -at(mean, i) / at(std, i))),
    inner: sizeOf(dims.slice(axis + 1) as readonly number[]),
  };
}

/** Which element of the column's row each element of the tensor's row is. */
function orderOf(transpose: readonly number[], dims: readonly (number | string)[], key: string): number[] {
  const sizes = dims.filter((dim) => typeof dim === 'number');
  if (sizes.length !== dims.length || sizes.length !== transpose.length) {
    throw new UsageError(
      `${key}.transpose: orders ${transpose.length} dimensions, and a row of the tensor is [${dims.join(', ')}]`,
      { key: `${key}.transpose` },
    );
  }
  const before: number[] = [];
  for (const [axis, from] of transpose.entries()) before[from] = sizes[axis] as number;
  const strides = before.map((_, axis) => sizeOf(before.slice(axis + 1)));
  let order = [0];
  for (const [axis, from] of transpose.entries()) {
    const step = strides[from] as number;
    order = order.flatMap((at) => Array.from({ length: sizes[axis] as number }, (_, i) => at + i * step));
  }
  return order;
}
