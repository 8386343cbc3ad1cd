import { now } from '../clock/now.js';
import { isRaised, type StopFlag } from '../produce/stop-signal.js';
import type { CompleteSplit, OutputValues } from '../sink/types.js';
import { mayWriteBeside, sizeOf } from '../sink/write-limits.js';
import { arrayOf } from '../util/dtype.js';
import { InterruptedError } from '../util/errors.js';
import { Committer } from './committer.js';
import { rowsOf } from './loop.js';
import type { WriteRequest, WriteResult } from './requests.js';

const LEAST_PARTS = 4;
/** Names of parts that are written over again: what is on the disk stays bounded. */
const NAMES = 64;
/** Bytes of a part's outputs and kept columns at most, where parts are made larger than those that were cut short. */
const PART_BYTES = 32 * 2 ** 20;

/** The sink alone: outputs of real batches are copied as if out of slots, encoded, written and committed. */
export async function writeStage(
  { target, seconds, rowsOfPart }: WriteRequest,
  sample: readonly CompleteSplit[],
  stop: StopFlag,
): Promise<WriteResult> {
  const splits = sample
    .map((split) => enlarged(split, rowsOfPart))
    .filter(({ produced }) => rowsOf(produced) > 0);
  if (splits.length === 0) return { rows: 0, bytes: 0, seconds: 0 };
  await using committer = await Committer.open(target, NAMES);
  const writes = new Set<Promise<void>>();
  const startedAt = now();
  let underWay = 0;
  let rows = 0;
  let bytes = 0;
  for (let part = 0; part < LEAST_PARTS || now() - startedAt < seconds * 1e6; part++) {
    if (isRaised(stop)) break;
    const split = splits[part % splits.length] as CompleteSplit;
    const size = sizeOf(split);
    while (!mayWriteBeside(writes.size, underWay, size)) await Promise.race(writes);
    underWay += size;
    const produced = { ...split.produced, ordinal: part % NAMES };
    const write: Promise<void> = committer
      .write({ produced, outputs: split.outputs.map(copied) })
      .then((written) => {
        rows += written.rows;
        bytes += written.bytes;
      })
      .finally(() => {
        underWay -= size;
        writes.delete(write);
      });
    writes.add(write);
  }
  await Promise.all(writes);
  if (isRaised(stop)) throw new InterruptedError('the bench was stopped');
  return { rows, bytes, seconds: (now() - startedAt) / 1e6 };
}

function copied(output: OutputValues): OutputValues {
  return { ...output, values: output.values.slice() };
}

/** A part of about so many rows, made of those that there are. */
function enlarged(split: CompleteSplit, wanted: number): CompleteSplit {
  const rows = rowsOf(split.produced);
  const kept = split.produced.keep.reduce((sum, bytes) => sum + bytes.byteLength, 0);
  const bytes = split.outputs.reduce((sum, { values }) => sum + values.byteLength, kept);
  const most = Math.max(1, Math.floor(PART_BYTES / Math.max(1, bytes)));
  const times = Math.min(most, Math.round(wanted / Math.max(1, rows)));
  if (times <= 1) return split;
  const repeat = <T>(items: readonly T[]): T[] => Array.from({ length: times }, () => items).flat();
  const { batchRows, origins, keep } = split.produced;
  return {
    produced: {
      ...split.produced,
      batchRows: repeat(batchRows),
      origins: repeat(origins),
      keep: repeat(keep),
    },
    outputs: split.outputs.map((output) => {
      const values = new (arrayOf(output.tensor.dtype))(output.values.length * times);
      for (let i = 0; i < times; i++) values.set(output.values as never, i * output.values.length);
      return { ...output, values };
    }),
  };
}
