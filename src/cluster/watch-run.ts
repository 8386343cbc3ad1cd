import { unlessAborted } from '../util/abort.js';
import { InterruptedError, QueueError } from '../util/errors.js';
import { registeredWorkers } from './registration.js';
import type { RunQueue } from './run-queue.js';
import { type RunStatus, runStatus } from './status.js';
import { Wake } from './wake.js';

const LOOK_MS = 1000;

/**
 * Looks at a run until it has ended, however that is.
 *
 * @param onStatus about once a second, and at the end
 * @throws QueueError where the queue no longer knows it; InterruptedError after `signal`: the run goes on
 */
export async function watchRun(
  queue: RunQueue,
  run: string,
  { signal, onStatus }: { readonly signal: AbortSignal; readonly onStatus: (status: RunStatus) => void },
): Promise<RunStatus> {
  using wake = await Wake.on(queue.redis, queue.names);
  // While the queue is away, answers do not come.
  const answer = <T>(work: Promise<T>): Promise<T> =>
    unlessAborted(work, signal).catch((error) => {
      throw signal.aborted ? new InterruptedError('interrupted: the run goes on in the queue') : error;
    });
  for (;;) {
    const heard = wake.count;
    const job = await answer(queue.find(run));
    if (job === undefined) {
      throw new QueueError(`the queue no longer knows run ${run}: it was flushed, or somebody removed it`, {
        hint: 'Submit the job again: what is committed stays.',
      });
    }
    const status = await answer(registeredWorkers(queue).then((workers) => runStatus(queue, job, workers)));
    onStatus(status);
    if (status.endedAt !== null || status.state === 'cancelled') return status;
    await wake.after(heard, LOOK_MS, signal);
  }
}
