import type { Dataset, Split } from '../dataset/types.js';
import type { Expected } from './expected.js';
import type { LoopResult } from './requests.js';

/** A pass takes about so long, at the most, and reads no more than so many bytes of files. */
const PASS_SECONDS = 1;
const PASS_BYTES = 256 * 2 ** 20;

/** What of a job's data is run over and over. */
export interface Sample {
  /** For the stages that run the model, with the rows of it that reach the model. */
  readonly slow: { readonly splits: readonly Split[]; readonly rows: number };
  /** For the stages that do not: more, where the model holds the others up. */
  readonly fast: { readonly splits: readonly Split[] };
  /** The first split alone was too much for the first pass: of it only so many rows are run. */
  readonly isCut: boolean;
}

/**
 * Chooses what is run over from what a first pass came through, which is the more the faster the job is: all of a small
 * data set, whole splits of a large one, and only where even one is too much a part of it.
 */
export function chooseSample({ splits, filter }: Dataset, pass: LoopResult, expected: Expected): Sample {
  const { splitRows, rowsOfNext } = pass;
  const whole = Math.min(splitRows.length, splits.length);
  const first = splits[0] as Split;
  if (whole === 0) {
    const limit = Math.min(first.limit ?? Number.POSITIVE_INFINITY, rowsOfNext);
    // A limit counts rows before the filter, and how many of them come through it is not known.
    const isCut = filter === undefined && rowsOfNext > 0;
    const slow = { splits: [isCut ? { ...first, limit } : first], rows: Math.max(1, rowsOfNext) };
    return { slow, fast: { splits: [first] }, isCut };
  }
  const rows = splitRows.slice(0, whole).reduce((sum, count) => sum + count, 0);
  const perSplit = Math.max(1, rows / whole);
  const slow = extended(splits, whole, (expected.pipeline * PASS_SECONDS) / perSplit);
  const fast = extended(splits, whole, (expected.loader * PASS_SECONDS) / perSplit);
  const slowRows = slow.length === whole ? rows : Math.round(perSplit * slow.length);
  return {
    slow: { splits: slow, rows: Math.max(1, slowRows) },
    fast: { splits: fast },
    isCut: false,
  };
}

/** The first splits: `least` of them, and up to `wanted` while they are not too many bytes. */
function extended(splits: readonly Split[], least: number, wanted: number): readonly Split[] {
  let count = least;
  let bytes = splits.slice(0, least).reduce((sum, split) => sum + split.bytes, 0);
  for (; count < Math.min(wanted, splits.length) && bytes < PASS_BYTES; count++) {
    bytes += (splits[count] as Split).bytes;
  }
  return splits.slice(0, count);
}
