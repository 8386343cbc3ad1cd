// A transform that takes as long as the data says: `wait` of the first row of a record batch is what it waits, milliseconds.
import { setTimeout as sleep } from 'node:timers/promises';

export default async function transform(batch) {
  // One that sleeps until a moment, not for a while: what a timer oversleeps does not add up.
  const until = performance.now() + Number(batch.getChild('wait').get(0));
  const rest = until - performance.now() - 1;
  if (rest > 0) await sleep(rest);
  const parked = new Int32Array(new SharedArrayBuffer(4));
  const last = until - performance.now();
  if (last > 0) Atomics.wait(parked, 0, 0, last);
  return {};
}
