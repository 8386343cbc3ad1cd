import { mkdirSync } from 'node:fs';
import { Field, Float32, List, makeData } from 'apache-arrow';
import type { JobInput } from 'penstock';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';

const WIDTH = 8;
const FILES = 8;
const ROWS = 250;

type At = (...names: string[]) => string;

/**
 * A job on a simulated device over 2,000 rows of eight floats, in eight files, which are a split each; what it writes goes
 * to `out/parts`. `lists` has the same as lists of two and eight.
 */
export function simulatedJob(
  at: At,
  options: { readonly batchMicros?: number; readonly rowMicros?: number },
  changes: Partial<JobInput> = {},
): JobInput {
  mkdirSync(at('data'));
  for (let file = 0; file < FILES; file++) {
    const ids = Array.from({ length: ROWS }, (_, row) => file * ROWS + row);
    const values = Array.from({ length: ROWS * WIDTH }, (_, i) => i % 7);
    writeArrow(at('data', `${file}.arrow`), [
      [int32('id', ids), vectors('x', WIDTH, values), { name: 'lists', data: listsOf(values) }],
    ]);
  }
  return {
    name: 'simulated',
    source: { uri: at('data') },
    model: { runtime: 'simulated', options },
    inputs: { x: { shape: [WIDTH] } },
    batch: { size: 16 },
    sink: { uri: at('out', 'parts'), keep: ['id'] },
    ...changes,
  };
}

/** A list in ten has two elements, the others have eight. */
function listsOf(values: readonly number[]) {
  const offsets = new Int32Array(ROWS + 1);
  for (let row = 0; row < ROWS; row++) offsets[row + 1] = (offsets[row] ?? 0) + (row % 10 === 0 ? 2 : WIDTH);
  const length = offsets[ROWS] ?? 0;
  const data = Float32Array.from(values.slice(0, length));
  const child = makeData({ type: new Float32(), length, nullCount: 0, data });
  const type = new List(new Field('item', child.type, false));
  return makeData({ type, length: ROWS, nullCount: 0, valueOffsets: offsets, child });
}
