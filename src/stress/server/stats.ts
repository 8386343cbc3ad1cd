import type { DeviceStats, EngineStats } from '../../serve/types.js';
import type { DeviceOutcome } from '../types.js';

/** What is asked of an engine before and after a load; clonable. */
export interface PlainStats {
  readonly uptime: number;
  readonly devices: readonly DeviceStats[];
  readonly endpoints: readonly {
    readonly name: string;
    readonly rows: number;
    readonly batches: number;
    /** Of half of its requests: from the start of their run to its end, microseconds, at most. */
    readonly computeMicros: number;
  }[];
  readonly jobs: readonly { readonly state: string; readonly rows: number; readonly error?: string }[];
}

export function plainStats({ uptime, devices, endpoints, jobs }: EngineStats): PlainStats {
  return {
    uptime,
    devices: devices.map(({ id, runtime, provider, simulated, instances, busy, starved, blocked, idle }) => ({
      id,
      runtime,
      provider,
      simulated,
      instances,
      busy,
      starved: { fetch: starved.fetch, prep: starved.prep, batching: starved.batching },
      blocked,
      idle,
    })),
    endpoints: endpoints.map(({ name, rows, batches, computeMicros }) => ({
      name,
      rows,
      batches,
      computeMicros: computeMicros.quantile(0.5),
    })),
    jobs: jobs.map(({ state, rows, error }) => ({ state, rows, ...(error === undefined ? {} : { error }) })),
  };
}

/** What devices did between two readings. */
export function devicesBetween(before: PlainStats, after: PlainStats): DeviceOutcome[] {
  return after.devices.map((device) => {
    const first = before.devices.find(({ id }) => id === device.id) ?? NOTHING;
    const busy = device.busy - first.busy;
    const fetch = device.starved.fetch - first.starved.fetch;
    const prep = device.starved.prep - first.starved.prep;
    const batching = device.starved.batching - first.starved.batching;
    const blocked = device.blocked - first.blocked;
    const idle = device.idle - first.idle;
    const all = Math.max(1, busy + fetch + prep + batching + blocked + idle);
    return {
      id: device.id,
      runtime: device.runtime,
      provider: device.provider,
      simulated: device.simulated,
      busy: busy / all,
      starved: {
        total: (fetch + prep + batching) / all,
        fetch: fetch / all,
        prep: prep / all,
        batching: batching / all,
      },
      blocked: blocked / all,
      idle: idle / all,
    };
  });
}

const NOTHING = { busy: 0, starved: { fetch: 0, prep: 0, batching: 0 }, blocked: 0, idle: 0 };

/** Rows in a batch of requests, on average; null where there was none. */
export function meanBatchRows(before: PlainStats, after: PlainStats): number | null {
  const sum = (stats: PlainStats, key: 'rows' | 'batches'): number =>
    stats.endpoints.reduce((all, endpoint) => all + endpoint[key], 0);
  const batches = sum(after, 'batches') - sum(before, 'batches');
  return batches > 0 ? (sum(after, 'rows') - sum(before, 'rows')) / batches : null;
}
