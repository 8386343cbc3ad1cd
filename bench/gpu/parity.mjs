// Do two devices compute the same? Rows of outputs, one beside the other.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';

/**
 * How far apart outputs may be, as a share of the largest of them. CUDA's convolutions and matrix products round their
 * inputs to TF32's ten bits by default, hundreds of them one after another; the others compute in float32 throughout.
 */
const TOLERANCE = { cuda: 2e-2, tensorrt: 2e-2 };
const FLOAT32 = 1e-3;

/** @returns {ArrayLike<number>[]} the rows of a job's column `output` */
export function readOutputs(folder) {
  return readdirSync(folder)
    .filter((name) => name.startsWith('part-'))
    .sort()
    .flatMap((name) => {
      const column = tableFromIPC(readFileSync(join(folder, name))).getChild('output');
      return Array.from(column, (row) => row.toArray());
    });
}

/**
 * @param {readonly ArrayLike<number>[]} rows what was computed
 * @param {readonly ArrayLike<number>[]} expected the first of them as they should be, or all
 */
export function compare(rows, expected, provider) {
  if (rows.length < expected.length)
    throw new Error(`${rows.length} rows came out where ${expected.length} were expected`);
  let difference = 0;
  let largest = 0;
  let sameLargest = 0;
  expected.forEach((row, i) => {
    const own = rows[i];
    if (own.length !== row.length)
      throw new Error(`row ${i} has ${own.length} numbers, expected ${row.length}`);
    for (let k = 0; k < row.length; k++) {
      // NaN is as far away as can be.
      const apart = Math.abs(own[k] - row[k]);
      difference = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : Math.max(difference, apart);
      largest = Math.max(largest, Math.abs(row[k]));
    }
    if (placeOfLargest(own) === placeOfLargest(row)) sameLargest++;
  });
  const tolerance = TOLERANCE[provider] ?? FLOAT32;
  const relative = difference / largest;
  return {
    rows: expected.length,
    relative,
    tolerance,
    sameLargest: sameLargest / expected.length,
    agrees: relative <= tolerance,
  };
}

function placeOfLargest(row) {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
  return best;
}
