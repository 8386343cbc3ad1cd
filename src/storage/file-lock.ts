import { randomUUID } from 'node:crypto';
import { readFile, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { hasEnded, processIdentitySchema, thisProcess } from '../util/process-identity.js';

/** How often its holder shows that it lives, and for how long a lock without such a sign holds. */
const BEAT_MS = 5000;
const VOID_MS = 30_000;
/** How often those who wait look. */
const LOOK_MS = 100;

const holderSchema = z.object({ id: z.string(), process: processIdentitySchema });
type Holder = z.output<typeof holderSchema>;

/**
 * Does work that others, in this process or another, do not do at the same time, as far as can be told: one that was
 * suspended for half a minute may be taken for dead, and go on. So the work itself must do no harm when done twice.
 *
 * @param file what tells that somebody is at work; in a folder that is there
 * @param signal ends the waiting; what it is aborted with is thrown
 */
export async function exclusively<T>(
  file: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const id = randomUUID();
  while (!(await take(file, id))) {
    signal?.throwIfAborted();
    await sleep(LOOK_MS);
  }
  const timer = setInterval(() => {
    const now = Date.now() / 1000;
    // One that is gone was taken over.
    utimes(file, now, now).catch(() => {});
  }, BEAT_MS);
  timer.unref();
  try {
    signal?.throwIfAborted();
    return await work();
  } finally {
    clearInterval(timer);
    if ((await holderOf(file))?.id === id) await unlink(file).catch(() => {});
  }
}

async function take(file: string, id: string): Promise<boolean> {
  const content = JSON.stringify({ id, process: thisProcess() });
  try {
    await writeFile(file, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (await isVoid(file)) await unlink(file).catch(() => {});
  return false;
}

async function isVoid(file: string): Promise<boolean> {
  const stats = await stat(file).catch(() => undefined);
  if (stats === undefined) return false;
  if (Date.now() - stats.mtimeMs > VOID_MS) return true;
  const holder = await holderOf(file);
  return holder !== undefined && hasEnded(holder.process);
}

/** Undefined where nobody holds it, or whoever does has not written it yet. */
async function holderOf(file: string): Promise<Holder | undefined> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}
