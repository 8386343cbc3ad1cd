import { hostname } from 'node:os';
import type { Progress } from '../measure/progress.js';
import type { Report } from '../measure/report.js';
import { FORM, type ShardProgress, type ShardResult } from './payload.js';

const NOTHING_YET: ShardProgress = {
  rows: 0,
  rowsPerSecond: 0,
  splits: 0,
  totalSplits: 0,
  seconds: 0,
  busy: 0,
  starved: { total: 0, fetch: 0, prep: 0, batching: 0 },
  blocked: 0,
};

/** A shard that another process still holds. */
export function held(note: string): ShardProgress {
  return { ...NOTHING_YET, note };
}

/** How a shard stands, for the queue. */
export function progressOf(progress: Progress): ShardProgress {
  const { rows, rowsPerSecond, splits, totalSplits, elapsedSeconds, busy, starved, blocked } = progress;
  return { rows, rowsPerSecond, splits, totalSplits, seconds: elapsedSeconds, busy, starved, blocked };
}

/** What a shard came to, for the queue. */
export function resultOf(report: Report, worker: string, startedAt: number): ShardResult {
  const { rows, batches, devices, warnings, startupSeconds, drainSeconds } = report;
  const seconds = Math.max(0, report.seconds - startupSeconds - drainSeconds);
  return {
    v: FORM,
    worker,
    host: hostname(),
    startedAt,
    seconds: (Date.now() - startedAt) / 1000,
    rows,
    batches: { count: batches.count, rows: devices.reduce((sum, device) => sum + device.rows, 0) },
    devices: devices
      .filter((device) => device.batches > 0)
      .map((device) => ({
        id: device.id,
        runtime: device.runtime,
        provider: device.provider,
        simulated: device.simulated,
        instances: device.instances,
        batches: device.batches,
        rows: device.rows,
        seconds,
        busy: device.busy,
        starved: device.starved,
        blocked: device.blocked,
      })),
    warnings: [...warnings],
  };
}
