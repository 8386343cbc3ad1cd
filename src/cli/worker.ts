import { readFile } from 'node:fs/promises';
import { HealthState } from '../cluster/health-state.js';
import { startServing } from '../cluster/serving.js';
import { onSupervisorGone, ownPlace, tellSupervisor } from '../cluster/supervised.js';
import { startWorker } from '../cluster/worker.js';
import type { QueueOptions, ShardId, WorkerEvent } from '../cluster/worker-options.js';
import { livePage } from '../page/live/live-page.js';
import { loadServeConfig } from '../serve/config.js';
import { InterruptedError, StuckError, UsageError } from '../util/errors.js';
import { reasonOf } from '../util/system-error.js';
import { endProcess } from './end-process.js';
import { errorText, fail } from './fail.js';
import type { Interruption } from './interrupt.js';
import type { Colors, Terminal } from './terminal.js';
import { counted, duration, printable } from './text.js';
import { healthServer } from './worker-health.js';

/** As `startWorker` has it. */
const DRAIN_SECONDS = 20;

export interface WorkerFlags extends QueueOptions {
  readonly json: boolean;
  readonly label: Readonly<Record<string, string>>;
  readonly allowCode: boolean;
  readonly allowDigest: readonly string[];
  readonly exitWhenIdle: boolean;
  readonly providers?: readonly string[];
  readonly drainSeconds?: number;
  readonly lockSeconds?: number;
  /** `auto`, or a number of processes; undefined for this one alone. */
  readonly processes?: string;
  /** The configuration of what it serves. */
  readonly serve?: string;
  readonly insecure: boolean;
  /** Where it tells of its health: `[HOST:]PORT`. */
  readonly health?: string;
}

/** `penstock worker` */
export async function worker(
  flags: WorkerFlags,
  terminal: Terminal,
  interruption: Interruption,
): Promise<number> {
  const { json, label, allowDigest, processes: _, serve, insecure, health, ...options } = flags;
  const process_ = ownPlace();
  // Whoever has started it was killed: nobody would end it any more.
  onSupervisorGone(() => process.kill(process.pid, 'SIGTERM'));
  const state = new HealthState();
  try {
    await using _health = process_ === undefined ? await healthServer(health, state, terminal) : undefined;
    await using serving =
      serve === undefined
        ? undefined
        : await startServing(await loadServeConfig(serve), {
            insecure,
            log: true,
            page: livePage,
            process: process_,
            drainMs: (options.drainSeconds ?? DRAIN_SECONDS) * 1000,
          });
    // From then on it is not ready for requests; it waits for the shard that runs beside them.
    interruption.signal.addEventListener('abort', () => void serving?.close());
    const working = await startWorker({
      ...options,
      ...(process_ !== undefined && { process: process_ }),
      ...(serving !== undefined && { runner: serving }),
      labels: label,
      allowDigests: await digestsIn(allowDigest),
      signal: interruption.signal,
      stopSignal: interruption.urgent,
      onEvent: (event) => {
        state.observe(event);
        tellSupervisor(event);
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
    // It was asked to end before it had begun.
    if (error instanceof InterruptedError && interruption.by === 'SIGTERM') return 0;
    const code = fail(error, terminal, { json, job: undefined });
    if (error instanceof StuckError) await endProcess(code);
    return code;
  }
}

/** Digests as they are given: themselves, or files of them, a line each; lines may have a comment, as `# why`. */
async function digestsIn(given: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(
    given.map(async (one) => {
      if (!one.startsWith('@')) return [one];
      const file = one.slice(1);
      const text = await readFile(file, 'utf8').catch((cause) => {
        throw new UsageError(`--allow-digest: ${file} can't be read: ${reasonOf(cause)}`, { file, cause });
      });
      return text
        .split('\n')
        .map((line) => line.replace(/#.*/, '').trim())
        .filter((line) => line !== '');
    }),
  );
  return lists.flat();
}

/** What happens, for a log. */
function linesOf(event: WorkerEvent, colors: Colors): string[] {
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
      return [
        colors.yellow(
          `the queue is out of reach (${event.error.message}): what is at work goes on, and it is asked again`,
        ),
      ];
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
