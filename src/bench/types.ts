import type { Bottleneck, DeviceReport, Report } from '../measure/report.js';

/** A rate over several runs: rows a second. */
export interface Rate {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Each run's, in their order. */
  readonly runs: readonly number[];
}

/** What one stage can do when it alone is running. */
export interface Ceiling {
  readonly rowsPerSecond: Rate;
  /** Bytes a second at the median: read from storage, of tensors, or written. */
  readonly bytesPerSecond: number;
}

/** The device alone, at one batch size, on one hot slot. */
export interface DevicePoint {
  readonly batchSize: number;
  /** Of one batch. */
  readonly runMs: { readonly p50: number; readonly p99: number };
  readonly rowsPerSecond: Rate;
}

/** The loop that Penstock replaces: read, prepare, run, write, one after another in one thread. */
export interface PointToPoint {
  readonly rowsPerSecond: Rate;
  /** Shares of its time. */
  readonly shares: {
    readonly fetch: number;
    readonly prep: number;
    readonly run: number;
    readonly write: number;
  };
}

/** What a change would bring, by the ceilings. */
export interface WhatIf {
  /** A job's key: `producers`, `batch.size`, `model.instances`, …; `storage` or `sink` for hardware. */
  readonly change: string;
  readonly from: number | string;
  readonly to: number | string;
  /** What the whole pipeline would do then, rows a second. */
  readonly rowsPerSecond: number;
  /** That ÷ what it does now − 1. */
  readonly gain: number;
  readonly because: string;
  /** Whether the ceiling that changes was measured so; false where it is reckoned from those that were. */
  readonly measured?: boolean;
}

/** One combination of a sweep's values, as the whole pipeline ran with it. */
export interface SweepPoint {
  /** The value of each key. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Why the job did not run with them; then what follows is null. */
  readonly error: string | null;
  readonly rowsPerSecond: Rate | null;
  /** Of the median run, as in its report; of its first device, where there are several. */
  readonly device: Pick<DeviceReport, 'runMs' | 'busy' | 'starved' | 'blocked'> | null;
  /** Rows ÷ the rows that would have fitted. */
  readonly fill: number | null;
  readonly bottleneck: Bottleneck | null;
}

/** The whole pipeline over values of some keys. */
export interface Sweep {
  readonly keys: readonly string[];
  /** In the order of the values; of several keys, the last changes fastest. */
  readonly points: readonly SweepPoint[];
  /** The place of the fastest among the points; −1 where none ran. */
  readonly best: number;
}

/** The document of `penstock bench --json`. */
export interface BenchReport {
  readonly job: string;
  readonly status: 'completed';
  readonly date: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
    readonly node: string;
    readonly platform: string;
  };
  readonly quick: boolean;
  readonly seconds: number;
  /** Where the data came from: they were read over and over, so that files are in the page cache. */
  readonly readFrom?: 'page cache' | 'local cache' | 'remote storage';
  /** Rows of one run over the data. */
  readonly rows: number;
  readonly batchSize: number;
  readonly producers: number;
  readonly instances: number;
  readonly ceilings: {
    readonly storage: Ceiling;
    readonly loader: Ceiling;
    readonly device: Ceiling;
    /** Null where the job writes nothing. */
    readonly sink: Ceiling | null;
  };
  /** Rows in a full batch of those that the curve is of: fewer than `batchSize` where a budget of tokens says so. */
  readonly fullBatch?: number;
  /** The device over batch sizes, ascending. */
  readonly curve: readonly DevicePoint[];
  /** The smallest batch size with at least nine tenths of the most that the curve reaches. */
  readonly knee: { readonly batchSize: number; readonly rowsPerSecond: number };
  readonly pipeline: {
    readonly rowsPerSecond: Rate;
    /** The report of the median run. */
    readonly report: Report;
  };
  readonly pointToPoint: PointToPoint;
  /** Pipeline ÷ the lowest ceiling. */
  readonly efficiency: number;
  /** Pipeline ÷ point to point. */
  readonly speedup: number;
  readonly limitedBy: Bottleneck;
  readonly whatIf: readonly WhatIf[];
  /** Where `--sweep` asked for it. */
  readonly sweep?: Sweep;
  readonly advice: string;
  readonly warnings: readonly string[];
}
