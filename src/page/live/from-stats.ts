import type { DeviceStats, EndpointStats, Engine, EngineStats, JobStats } from '../../serve/types.js';
import { counted } from '../../util/figures.js';
import type { LiveDevice, LiveEndpoint, LiveFrame, LiveJob } from '../client/live/frame.js';
import { Increase, merge, timesOf } from './counts.js';

/** The histograms of an endpoint. */
interface Times {
  readonly total: Increase;
  readonly queue: Increase;
  readonly compute: Increase;
}

/** Turns the counts of an engine into frames: what happened since it was read before. */
export class StatsReader {
  readonly #engine: Pick<Engine, 'stats' | 'isReady'>;
  readonly #times = new Map<string, Times>();
  #before: EngineStats;

  /** The first frame begins now. */
  constructor(engine: Pick<Engine, 'stats' | 'isReady'>) {
    this.#engine = engine;
    this.#before = this.#read();
  }

  frame(isDraining: boolean): LiveFrame {
    const before = this.#before;
    const stats = this.#read();
    const seconds = Math.max(1e-6, (stats.uptime - before.uptime) / 1e6);
    const endpoints = stats.endpoints.map((endpoint) =>
      this.#endpoint(endpoint, before.endpoints.find(sameName(endpoint)), seconds),
    );
    return {
      at: Date.now(),
      seconds,
      uptime: stats.uptime / 1e6,
      state: isDraining ? 'draining' : this.#engine.isReady ? 'ready' : 'not ready',
      endpoints: endpoints.length > 1 ? [this.#together(stats, before, seconds), ...endpoints] : endpoints,
      devices: stats.devices.map((device) =>
        deviceFrame(
          device,
          before.devices.find(({ id }) => id === device.id),
        ),
      ),
      jobs: stats.jobs.map((job) => jobFrame(job, before.jobs.find(sameName(job)), seconds)),
      producers: null,
      memory: process.memoryUsage.rss(),
    };
  }

  #read(): EngineStats {
    const stats = this.#engine.stats();
    for (const { name, totalMicros, queueMicros, computeMicros } of stats.endpoints) {
      let times = this.#times.get(name);
      if (times === undefined) {
        times = { total: new Increase(), queue: new Increase(), compute: new Increase() };
        this.#times.set(name, times);
      }
      times.total.read(totalMicros);
      times.queue.read(queueMicros);
      times.compute.read(computeMicros);
    }
    // An engine may hand out the same objects again, counted on.
    this.#before = copyOf(stats);
    return this.#before;
  }

  #endpoint(after: EndpointStats, before: EndpointStats | undefined, seconds: number): LiveEndpoint {
    const times = this.#times.get(after.name);
    const of = (key: keyof Times) => timesOf(times?.[key].buckets ?? []);
    return {
      ...ratesOf(after, before, seconds),
      name: after.name,
      model: after.model,
      total: of('total'),
      queue: of('queue'),
      compute: of('compute'),
    };
  }

  #together(after: EngineStats, before: EngineStats, seconds: number): LiveEndpoint {
    const all = [...this.#times.values()];
    const of = (key: keyof Times) => timesOf(merge(all.map((times) => times[key].buckets)));
    return {
      ...ratesOf(sumOf(after.endpoints), sumOf(before.endpoints), seconds),
      name: '',
      model: '',
      total: of('total'),
      queue: of('queue'),
      compute: of('compute'),
    };
  }
}

type Counts = Omit<EndpointStats, 'name' | 'model' | 'queueMicros' | 'computeMicros' | 'totalMicros'>;

const NOTHING: Counts = {
  succeeded: 0,
  refused: {},
  rows: 0,
  batches: 0,
  capacity: 0,
  queuedRows: 0,
  queuedBytes: 0,
};

type Rates = Omit<LiveEndpoint, 'name' | 'model' | 'total' | 'queue' | 'compute'>;

function ratesOf(after: Counts, before: Counts = NOTHING, seconds: number): Rates {
  const rows = after.rows - before.rows;
  const batches = after.batches - before.batches;
  const capacity = after.capacity - before.capacity;
  const refused = Object.entries(after.refused)
    .map(([reason, count]) => [reason, (count - (before.refused[reason] ?? 0)) / seconds] as const)
    .filter(([, rate]) => rate > 0);
  return {
    answered: (after.succeeded - before.succeeded) / seconds,
    refused: Object.fromEntries(refused),
    rowsPerSecond: rows / seconds,
    batchesPerSecond: batches / seconds,
    batchRows: batches > 0 ? rows / batches : null,
    batchFill: capacity > 0 ? rows / capacity : null,
    queuedRows: after.queuedRows,
    queuedBytes: after.queuedBytes,
    sums: {
      answered: after.succeeded,
      refused: Object.values(after.refused).reduce((sum, count) => sum + count, 0),
      rows: after.rows,
      batches: after.batches,
    },
  };
}

function sumOf(endpoints: readonly EndpointStats[]): Counts {
  const refused: Record<string, number> = {};
  for (const [reason, count] of endpoints.flatMap((endpoint) => Object.entries(endpoint.refused)))
    refused[reason] = (refused[reason] ?? 0) + count;
  const sum = (key: Exclude<keyof Counts, 'refused'>): number =>
    endpoints.reduce((total, endpoint) => total + endpoint[key], 0);
  return {
    refused,
    succeeded: sum('succeeded'),
    rows: sum('rows'),
    batches: sum('batches'),
    capacity: sum('capacity'),
    queuedRows: sum('queuedRows'),
    queuedBytes: sum('queuedBytes'),
  };
}

function copyOf({ uptime, endpoints, devices, jobs }: EngineStats): EngineStats {
  return {
    uptime,
    endpoints: endpoints.map((endpoint) => ({ ...endpoint, refused: { ...endpoint.refused } })),
    devices: devices.map((device) => ({ ...device, starved: { ...device.starved } })),
    jobs: jobs.map((job) => ({ ...job })),
  };
}

const HEADINGS = ['busy', 'fetch', 'prep', 'batching', 'blocked', 'idle'] as const;

function deviceFrame(after: DeviceStats, before: DeviceStats | undefined): LiveDevice {
  const micros = headingsOf(after);
  const was = before === undefined ? undefined : headingsOf(before);
  // What is booked when an idle stretch ends may differ from what it looked like meanwhile: nothing is less than none.
  const since = HEADINGS.map((heading) => Math.max(0, micros[heading] - (was?.[heading] ?? 0)));
  const all = since.reduce((sum, time) => sum + time, 0);
  const shares = Object.fromEntries(
    HEADINGS.map((heading, i) => [heading, all > 0 ? (since[i] as number) / all : 0]),
  ) as Record<(typeof HEADINGS)[number], number>;
  const { id, runtime, provider, simulated, instances } = after;
  const engine = simulated ? 'simulated' : `${runtime} on ${provider}`;
  return { id, about: `${engine}, ${counted(instances, 'instance')}`, ...shares };
}

function headingsOf({ busy, starved, blocked, idle }: DeviceStats) {
  const { fetch, prep, batching } = starved;
  return { busy, fetch, prep, batching, blocked, idle };
}

function jobFrame(after: JobStats, before: JobStats | undefined, seconds: number): LiveJob {
  const { name, part, state, rows, splits, splitsDone, error = null } = after;
  const rowsPerSecond = Math.max(0, rows - (before?.rows ?? 0)) / seconds;
  return { name, ...(part !== undefined && { part }), state, rows, rowsPerSecond, splits, splitsDone, error };
}

const sameName =
  ({ name }: { readonly name: string }) =>
  (other: { readonly name: string }): boolean =>
    other.name === name;
