import { createLoader } from '../../dist/index.js';

/** Looks at a batch as briefly as can be: its tensor must be there, and that is all. */
export function touch(batch) {
  return batch.tensors.x.data[0];
}

/**
 * One pass of a loader over its source. `work` is done with each batch before it is released.
 * Rows a second are counted from the first batch to the last, so that they tell nothing of the threads' start;
 * `firstBatch` tells of that, milliseconds.
 */
export async function pass(options, work = touch) {
  const openedAt = performance.now();
  let startedAt = 0;
  let endedAt = 0;
  let rows = 0;
  for await (const batch of createLoader(options)) {
    work(batch);
    if (startedAt === 0) startedAt = performance.now();
    else rows += batch.rows;
    batch.release();
    endedAt = performance.now();
  }
  return { firstBatch: startedAt - openedAt, rowsPerSecond: (rows / (endedAt - startedAt)) * 1000 };
}
