import { startWorker } from '../cluster/worker.js';
import type { QueueOptions, ShardId, WorkerEvent } from '../cluster/worker-options.js';
import { StuckError } from '../util/errors.js';
import { endProcess } from './end-process.js';
import { errorText, fail } from './fail.js';
import type { Interruption } from './interrupt.js';
import type { Colors, Terminal } from './terminal.js';
import { counted, duration, printable } from './text.js';

export interface WorkerFlags extends QueueOptions {
  readonly json: boolean;
  readonly label: Readonly<Record<string, string>>;
  readonly allowCode: boolean;
  readonly allowDigest: readonly string[];
  readonly exitWhenIdle: boolean;
  readonly providers?: readonly string[];
  readonly drainSeconds?: number;
  readonly lockSeconds?: number;
}

/** `penstock worker` */
export async function worker(
  flags: WorkerFlags,
  terminal: Terminal,
  interruption: Interruption,
): Promise<number> {
  const { json, label, allowDigest, ...options } = flags;
  try {
    const working = await startWorker({
      ...options,
      labels: label,
      allowDigests: allowDigest,
      signal: interruption.signal,
      stopSignal: interruption.urgent,
      onEvent: (event) => {
        for (const line of linesOf(event, terminal.colors)) terminal.print(line);
      },
    });
    const summary = await working.closed;
    terminal.print(
      `worker ${summary.worker}: ${counted(summary.shards, 'shard')}, ${counted(summary.rows, 'row')} in ${duration(summary.seconds)}`,
    );
    if (json) terminal.document(summary);
    return interruption.by === 'SIGINT' ? 130 : 0;
  } catch (error) {
    const code = fail(error, terminal, { json, job: undefined });
    if (error instanceof StuckError) await endProcess(code);
    return code;
  }
}

/** What happens, for a log. */
export function linesOf(event: WorkerEvent, colors: Colors): string[] {
  switch (event.kind) {
    case 'ready':
      return [`worker ${event.worker}: takes shards`];
    case 'proven':
      return [`runs on ${event.providers.join(', ') || 'no provider of a runtime'}`];
    case 'shard-started':
      return [`${nameOf(event.shard)}: started${event.attempt > 1 ? `, attempt ${event.attempt}` : ''}`];
    case 'shard-ended':
      return [`${nameOf(event.shard)}: ${counted(event.rows, 'row')} in ${duration(event.seconds)}`];
    case 'shard-failed':
      return [
        `${nameOf(event.shard)}: ${event.again ? 'failed, and will be tried again' : 'failed, and its run with it'}`,
        ...errorText(event.error, colors).split('\n'),
      ];
    case 'shard-returned':
      return [`${nameOf(event.shard)}: left: ${event.because}`];
    case 'run-ended':
      return [`${printable(event.job)}: run ${event.run} is complete, ${counted(event.rows, 'row')}`];
    case 'run-failed':
      return [colors.red(`run ${event.run} has ended: ${event.error.message}`)];
    case 'queue-lost':
      return [colors.yellow(`the queue is out of reach (${event.error.message}): what is at work goes on, and it is asked again`)];
    case 'queue-back':
      return [`the queue is back after ${duration(event.seconds)}`];
    case 'warning':
      return [colors.yellow(`warning: ${event.message}`)];
    case 'draining':
      return event.seconds > 0 ? [`the shard at work has ${duration(event.seconds)} to end`] : [];
  }
}

/** As people count. */
function nameOf({ job, index, count }: ShardId): string {
  return `${printable(job)} ${index + 1}/${count}`;
}
