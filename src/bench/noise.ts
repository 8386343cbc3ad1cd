import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long it is listened. */
const LISTEN_MS = 250;

/** Cores that others keep busy, while this process does nothing; as the machine counts them. */
export async function busyCores(): Promise<number> {
  const before = times();
  await sleep(LISTEN_MS);
  const after = times();
  const all = after.all - before.all;
  return all > 0 ? (cpus().length * (all - (after.idle - before.idle))) / all : 0;
}

/** A core in five that is busy with something else is worth a word. */
export function isNoisy(cores: number): boolean {
  return cores > 0.2 * availableParallelism();
}

function times(): { readonly idle: number; readonly all: number } {
  let [idle, all] = [0, 0];
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { idle, all };
}
