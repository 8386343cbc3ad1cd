import { readdirSync, readFileSync } from 'node:fs';

/** Processes that this one has started, by Linux's /proc. */
export function ownChildren(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && parentOf(pid) === process.pid);
}

function parentOf(pid: number): number | undefined {
  try {
    // pid (name) state parent …, where the name may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return Number(fields[1]);
  } catch {
    return undefined;
  }
}
