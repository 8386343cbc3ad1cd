import { setTimeout as sleep } from 'node:timers/promises';
import { registeredWorkers } from '../cluster/registration.js';
import { RunQueue } from '../cluster/run-queue.js';
import { findRun, type QueueStatus, type RunStatus, runStatus, statusOf } from '../cluster/status.js';
import type { QueueOptions } from '../cluster/worker-options.js';
import { unlessAborted } from '../util/abort.js';
import { messageOf } from '../util/errors.js';
import { fail } from './fail.js';
import type { Interruption } from './interrupt.js';
import { runReportText } from './run-report-text.js';
import { runStatusText, statusText } from './status-text.js';
import type { Terminal } from './terminal.js';
import { duration } from './text.js';

const REDRAW_MS = 1000;
const LOG_EVERY_MS = 5000;

export interface StatusFlags extends QueueOptions {
  readonly json: boolean;
  readonly watch: boolean;
}

/** `penstock status` */
export async function status(
  wanted: string | undefined,
  { json, watch, ...options }: StatusFlags,
  terminal: Terminal,
  { signal }: Interruption,
): Promise<number> {
  try {
    using queue = await RunQueue.open({
      ...options,
      signal,
      onLost: (error) =>
        terminal.say(`penstock: the queue is out of reach (${messageOf(error)}); waiting for it`),
      onBack: (seconds) => terminal.say(`penstock: the queue is back after ${duration(seconds)}`),
    });
    if (!watch) {
      const found = await look(queue, wanted);
      if (json) terminal.document(found);
      else terminal.print(textOf(found, terminal));
      return 0;
    }
    await watchOn(queue, wanted, terminal, signal);
    return 0;
  } catch (error) {
    // Whoever has seen enough of it.
    if (watch && signal.aborted) return 0;
    return fail(error, terminal, { json, job: undefined });
  }
}

async function look(queue: RunQueue, wanted: string | undefined): Promise<QueueStatus | RunStatus> {
  if (wanted === undefined) return statusOf(queue);
  const [job, workers] = await Promise.all([findRun(queue, wanted), registeredWorkers(queue)]);
  return runStatus(queue, job, workers);
}

function textOf(found: QueueStatus | RunStatus, terminal: Terminal): string {
  const style = { colors: terminal.colors, width: terminal.tableWidth };
  if ('runs' in found) return statusText(found, style, Date.now());
  if (found.report === null) return runStatusText(found, style);
  return `${runStatusText(found, style)}\n\n${runReportText(found.report, undefined, terminal.style)}`;
}

/** Draws it again and again on a terminal; in a log, what has changed every few seconds. Until Ctrl-C, or the run's end. */
async function watchOn(
  queue: RunQueue,
  wanted: string | undefined,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  let before = '';
  while (!signal.aborted) {
    // While the queue is away, no answer comes.
    const found = await unlessAborted(look(queue, wanted), signal);
    const text = textOf(found, terminal);
    if (terminal.isLive) terminal.drawBlock(text);
    else if (text !== before) terminal.print(text);
    before = text;
    if ('endedAt' in found && found.endedAt !== null) return;
    await sleep(terminal.isLive ? REDRAW_MS : LOG_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}
