// Loaded into a process before anything else: what its threads make durable takes SLOW_DISK_MS longer.
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';

if (!isMainThread) {
  const handle = await open(process.execPath);
  const { prototype } = handle.constructor;
  await handle.close();
  for (const name of ['sync', 'datasync']) {
    const original = prototype[name];
    prototype[name] = async function slow() {
      await sleep(Number(process.env.SLOW_DISK_MS));
      return original.call(this);
    };
  }
}
