import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';

/** Tells a process from all others, on all machines. */
export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** Where its number counts: containers that share a host name may each have a process 7. */
  readonly space: string;
  /** When it started, in the units of its system: numbers are given again. Undefined where that can't be known. */
  readonly started: string | undefined;
}

/** One that was written down as JSON. */
export const processIdentitySchema = z
  .object({ host: z.string(), pid: z.number(), space: z.string(), started: z.string().optional() })
  .transform((identity): ProcessIdentity => ({ ...identity, started: identity.started }));

export function thisProcess(): ProcessIdentity {
  const { pid } = process;
  return { host: hostname(), pid, space: ownSpace(), started: stateOf(pid)?.started };
}

/** Whether a process has ended for certain. One of another machine, or another container, may live: nobody here can tell. */
export function hasEnded({ pid, space, started }: ProcessIdentity): boolean {
  if (space !== ownSpace()) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const state = stateOf(pid);
  if (state === undefined) return false;
  // A zombie has ended, though nobody has asked how.
  return state.letter === 'Z' || state.letter === 'X' || (started !== undefined && state.started !== started);
}

/** On Linux the boot of the machine and the namespace of process numbers; elsewhere its name: there are no containers. */
function ownSpace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** Source: proc_pid_stat(5): the fields behind the name, which stands in parentheses and may hold some itself. */
function stateOf(pid: number): { readonly letter: string; readonly started: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { letter: fields[0] ?? '', started: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}
