import type { Report } from '../measure/report.js';

/** Rows through the model, and how long they took. */
export interface Measured {
  readonly rows: number;
  readonly seconds: number;
}

/** Threads that are new come up to speed in about so long, or in this part of a run that is shorter. */
const WARM_UP_SECONDS = 0.5;
const WARM_UP_SHARE = 0.25;
/** With fewer batches behind it, a moment between two of them is too coarse to begin at. */
const LEAST_BATCHES = 20;

/** How long it takes until a run of about so many seconds counts. */
export function warmUpOf(seconds: number): number {
  return Math.min(WARM_UP_SECONDS, WARM_UP_SHARE * seconds);
}

/**
 * A run once it was up to speed, as far as its timeline tells; else from its first batch on.
 *
 * @param until when it ends: with the last batch, or with what is written of it
 */
export function steadyPart(report: Report, until: 'lastBatch' | 'written'): Measured {
  const { batches, timeline, seconds, startupSeconds, drainSeconds } = report;
  const end = until === 'written' ? seconds : seconds - drainSeconds;
  const rows = Math.round(batches.count * batches.meanRows);
  const all = { rows, seconds: end - startupSeconds };
  if (timeline === undefined) return all;
  const from = startupSeconds + warmUpOf(all.seconds);
  const first = timeline.seconds.findIndex((at) => at >= from);
  const startedAt = timeline.seconds[first];
  if (startedAt === undefined) return all;
  const later = timeline.rows.slice(first + 1).reduce((sum, count) => sum + count, 0);
  if (later < LEAST_BATCHES * batches.meanRows) return all;
  return { rows: later, seconds: end - startedAt };
}
