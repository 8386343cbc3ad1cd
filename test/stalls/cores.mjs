// A session on the machine's cores that computes nothing: a batch takes `millis`, asleep. With `shares`, a folder, its instances
// have one core between them: as many as have a file there, so many times as long it takes, and a tenth longer.
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';

export function load({ options: { millis, shares } }) {
  const parked = new Int32Array(new SharedArrayBuffer(4));
  const own = shares && join(shares, String(threadId));
  if (own) writeFileSync(own, '');
  return {
    inputs: [{ name: 'x', dtype: 'float32', dims: ['n', 1] }],
    outputs: [{ name: 'y', dtype: 'float32', dims: ['n', 1] }],
    device: { id: 'cpu', provider: 'cpu' },
    run([{ data }], [output]) {
      data.forEach((value, row) => {
        output.data[row] = value + 1;
      });
      const instances = shares ? readdirSync(shares).length : 1;
      Atomics.wait(parked, 0, 0, instances > 1 ? millis * instances * 1.1 : millis);
    },
    close() {
      if (own) rmSync(own);
    },
  };
}
