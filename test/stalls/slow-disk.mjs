// Loaded into a process before anything else: its threads share a disk that takes SLOW_DISK_MS for each file that is made
// durable, one after another.
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';

if (!isMainThread) {
  const handle = await open(process.execPath);
  const { prototype } = handle.constructor;
  await handle.close();
  const original = prototype.datasync;
  let disk = Promise.resolve();
  prototype.datasync = function slow() {
    disk = disk.then(() => sleep(Number(process.env.SLOW_DISK_MS)));
    return disk.then(() => original.call(this));
  };
}
