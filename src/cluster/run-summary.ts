import { adviceOn, bottleneckOf } from '../measure/advice.js';
import { type Bottleneck, type DeviceShares, round, sharesBy } from '../measure/report.js';
import type { DeviceResult, RunPayload, ShardResult } from './payload.js';

/** One device of one worker, over all shards that it ran. Shares are 0 to 1, of the time from first to last batch of each. */
export interface RunDevice extends Omit<DeviceShares, 'handoff'> {
  /** `cuda:0`, `cpu` and so on, on its worker. */
  readonly id: string;
  /** What ran the model. */
  readonly runtime: string;
  /** The engine under the runtime that really ran. */
  readonly provider: string;
  /** It only pretended to compute. */
  readonly simulated: boolean;
  /** Batches that it ran. */
  readonly batches: number;
  /** Rows of those. */
  readonly rows: number;
  /** Of which the shares are. */
  readonly seconds: number;
}

/** What one worker did for a run. */
export interface RunWorker {
  /** As `queueStatus` calls it. */
  readonly id: string;
  /** The name of its machine. */
  readonly host: string;
  /** Shards that it completed. */
  readonly shards: number;
  /** Rows of those, written or found committed. */
  readonly rows: number;
  /** That it was at work on this run's shards, loading of models included. */
  readonly seconds: number;
  /** What they ran on there. */
  readonly devices: readonly RunDevice[];
}

/** The report of a run of many shards, by many workers. */
export interface RunReport {
  /** 16 hex digits. */
  readonly run: string;
  /** The job's name. */
  readonly job: string;
  /** A run that is not completed has no report. */
  readonly status: 'completed';
  /** Of the job over its data: as in the report of a run on one machine. */
  readonly fingerprint: string;
  /** Into how many it was cut. */
  readonly shards: number;
  /** Rows of all shards together. */
  readonly rows: {
    readonly read: number;
    readonly written: number;
    readonly deadLettered: number;
    /** Found committed by an earlier run of the same job. */
    readonly resumed: number;
  };
  /** Batches of all devices, and the rows that they had on average. */
  readonly batches: { readonly count: number; readonly meanRows: number };
  /** From the start of the first shard that is counted here to the end of the last. */
  readonly seconds: number;
  /** Of all workers together, models' loading included. */
  readonly throughput: { readonly rowsPerSecond: number };
  /** Those that completed shards. */
  readonly workers: readonly RunWorker[];
  /** Of all devices together. */
  readonly shares: Omit<DeviceShares, 'handoff'>;
  /** Whether any device only pretended to compute. */
  readonly simulated: boolean;
  /** What held it up most. */
  readonly bottleneck: Bottleneck;
  /** What would help, in words. */
  readonly advice: string;
  /** What users should know, of all shards. */
  readonly warnings: readonly string[];
}

/** What the output holds at the end; undefined where nothing is written. */
export interface OutputTotals {
  readonly rows: number;
  readonly deadLettered: number;
}

/** Puts the results of a run's shards together. */
export function summaryOf(
  payload: Pick<RunPayload, 'run' | 'job' | 'fingerprint' | 'shards' | 'committed'>,
  results: readonly ShardResult[],
  output: OutputTotals | undefined,
): RunReport {
  const { committed } = payload;
  const sum = (of: (result: ShardResult) => number): number => results.reduce((all, one) => all + of(one), 0);
  const ran = results.filter(({ batches }) => batches.count > 0);
  const startedAt = Math.min(...results.map((result) => result.startedAt));
  const endedAt = Math.max(...results.map((result) => result.startedAt + result.seconds * 1000));
  const seconds = results.length === 0 ? 0 : (endedAt - startedAt) / 1000;
  const devices = results.flatMap((result) => result.devices);
  const shares = sharesOver(devices);
  const bottleneck = bottleneckOf(shares);
  const batches = sum((result) => result.batches.count);
  const batchRows = sum((result) => result.batches.rows);
  return {
    run: payload.run,
    job: payload.job.name,
    status: 'completed',
    fingerprint: payload.fingerprint,
    shards: payload.shards,
    rows: {
      // What a shard's earlier attempt has committed is, to its last one, resumed.
      read: Math.max(0, sum(({ rows }) => rows.read + rows.resumed) - committed.rows),
      written: output === undefined ? 0 : output.rows - committed.rows,
      deadLettered: output?.deadLettered ?? sum(({ rows }) => rows.deadLettered),
      resumed: committed.rows,
    },
    batches: { count: batches, meanRows: batches > 0 ? round(batchRows / batches, 3) : 0 },
    seconds: round(seconds, 3),
    throughput: { rowsPerSecond: seconds > 0 ? round(batchRows / seconds, 1) : 0 },
    workers: workersOf(results),
    shares,
    simulated: devices.some(({ simulated }) => simulated),
    bottleneck,
    advice: ran.length === 0 ? '' : adviceOn(bottleneck, shares, devices.length),
    warnings: [...new Set(results.flatMap(({ warnings }) => warnings))],
  };
}

function workersOf(results: readonly ShardResult[]): RunWorker[] {
  const byWorker = grouped(results, ({ worker }) => worker);
  return [...byWorker]
    .map(([id, own]) => {
      const devices = own.flatMap((result) => result.devices);
      return {
        id,
        host: own[0]?.host ?? '',
        shards: own.length,
        rows: devices.reduce((rows, device) => rows + device.rows, 0),
        seconds: round(
          own.reduce((seconds, result) => seconds + result.seconds, 0),
          3,
        ),
        devices: devicesOf(devices),
      };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function devicesOf(results: readonly DeviceResult[]): RunDevice[] {
  const byDevice = grouped(results, ({ id, provider, runtime }) => JSON.stringify([id, provider, runtime]));
  return [...byDevice.values()].map((own) => {
    const [first] = own as [DeviceResult, ...DeviceResult[]];
    const sum = (of: (device: DeviceResult) => number): number => own.reduce((all, one) => all + of(one), 0);
    return {
      id: first.id,
      runtime: first.runtime,
      provider: first.provider,
      simulated: first.simulated,
      batches: sum(({ batches }) => batches),
      rows: sum(({ rows }) => rows),
      seconds: round(
        sum(({ seconds }) => seconds),
        3,
      ),
      ...sharesOver(own),
    };
  });
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** Means over devices, each weighing as much as its time is long. */
function sharesOver(devices: readonly DeviceResult[]): Omit<DeviceShares, 'handoff'> {
  const all = devices.reduce((seconds, device) => seconds + device.seconds, 0);
  const mean = (of: (device: DeviceResult) => number): number =>
    all > 0 ? round(devices.reduce((sum, device) => sum + of(device) * device.seconds, 0) / all) : 0;
  return sharesBy(mean);
}
