import type { ProcessPlan } from './processes.js';
import type { WorkerEvent } from './worker-options.js';

/** Where a supervised process finds its place: `1/4`. */
export const PLACE_VARIABLE = 'PENSTOCK_PROCESS';

/** The place of this process among those that one command has started; undefined where nobody supervises it. */
export function ownPlace(
  env: NodeJS.ProcessEnv = process.env,
): Pick<ProcessPlan, 'index' | 'count'> | undefined {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(env[PLACE_VARIABLE] ?? '') ?? [];
  return index === undefined ? undefined : { index: Number(index), count: Number(count) };
}

/** Calls back when the supervisor is gone, however it went. Does not keep the process alive. */
export function onSupervisorGone(callback: () => void): void {
  // Somebody else's channel is none of ours.
  if (ownPlace() === undefined || process.channel === undefined) return;
  process.once('disconnect', callback);
  process.channel.unref();
}

/** Tells whoever supervises this process what happens in it; of errors only that they were. */
export function tellSupervisor(event: WorkerEvent): void {
  // A channel that is being closed takes nothing more, and that is no harm.
  if (ownPlace() !== undefined && process.connected) process.send?.(event, () => {});
}

/** What a supervised process has told; undefined for anything else. */
export function eventIn(message: unknown): WorkerEvent | undefined {
  const isEvent = typeof message === 'object' && message !== null && 'kind' in message;
  // It is of our own code: the other side of this file.
  return isEvent ? (message as WorkerEvent) : undefined;
}
