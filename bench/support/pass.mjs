import { createLoader } from '../../dist/index.js';

/** Looks at a batch as briefly as can be: its tensor must be there, and that is all. */
export function touch(batch) {
  return batch.tensors.x.data[0];
}

/**
 * One pass of a loader over its source. `work` is done with each batch before it is released.
 * Rows a second are counted from the first batch after `settleMs` to the last: every pass starts threads of its own, one
 * after the other, whose code is cold at first. `firstBatch` tells of the start, milliseconds.
 */
export async function pass(options, work = touch, settleMs = 250) {
  const openedAt = performance.now();
  let firstAt = 0;
  let startedAt = 0;
  let endedAt = 0;
  let rows = 0;
  for await (const batch of createLoader(options)) {
    work(batch);
    endedAt = performance.now();
    if (firstAt === 0) firstAt = endedAt;
    if (startedAt > 0) rows += batch.rows;
    else if (endedAt - firstAt >= settleMs) startedAt = endedAt;
    batch.release();
  }
  if (rows === 0) throw new Error('the pass was over before it had settled');
  return { firstBatch: firstAt - openedAt, rowsPerSecond: (rows / (endedAt - startedAt)) * 1000 };
}
