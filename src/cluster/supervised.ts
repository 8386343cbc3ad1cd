import type { ProcessPlan } from './processes.js';

/** Where a supervised process finds its place: `1/4`. */
export const PLACE_VARIABLE = 'PENSTOCK_PROCESS';

/** The place of this process among those that one command has started; undefined where nobody supervises it. */
export function ownPlace(env: NodeJS.ProcessEnv = process.env): Pick<ProcessPlan, 'index' | 'count'> | undefined {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(env[PLACE_VARIABLE] ?? '') ?? [];
  return index === undefined ? undefined : { index: Number(index), count: Number(count) };
}

/** Calls back when the supervisor is gone, however it went. Does not keep the process alive. */
export function onSupervisorGone(callback: () => void): void {
  if (process.channel === undefined) return;
  process.once('disconnect', callback);
  process.channel.unref();
}
