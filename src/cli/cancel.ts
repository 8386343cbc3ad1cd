import { cancelRun } from '../cluster/cancel.js';
import type { QueueOptions } from '../cluster/worker-options.js';
import { fail } from './fail.js';
import type { Interruption } from './interrupt.js';
import type { Terminal } from './terminal.js';
import { printable } from './text.js';

export interface CancelFlags extends QueueOptions {
  readonly json: boolean;
}

/** `penstock cancel` */
export async function cancel(
  run: string,
  { json, ...options }: CancelFlags,
  terminal: Terminal,
  { signal }: Interruption,
): Promise<number> {
  try {
    const cancellation = await cancelRun(run, { ...options, signal });
    const { job, state, run: id } = cancellation;
    terminal.say(
      state === 'ended'
        ? `${printable(job)}: run ${id} has ended already`
        : `${printable(job)}: run ${id} is cancelled; workers leave its shards within seconds, and what is committed stays`,
    );
    if (json) terminal.document(cancellation);
    return 0;
  } catch (error) {
    return fail(error, terminal, { json, job: undefined });
  }
}
