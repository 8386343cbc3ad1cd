import type { Bottleneck, DeviceReport, Report } from '../measure/report.js';

/** A rate over several runs: rows a second. */
export interface Rate {
  /** What counts: half of the runs were faster. */
  readonly median: number;
  /** Of the slowest run. */
  readonly min: number;
  /** Of the fastest run. */
  readonly max: number;
  /** Each run's, in their order. */
  readonly runs: readonly number[];
}

/** What one stage can do when it alone is running. */
export interface Ceiling {
  /** Of the job's rows. */
  readonly rowsPerSecond: Rate;
  /** Bytes a second at the median: read from storage, of tensors, or written. */
  readonly bytesPerSecond: number;
}

/** The device alone, at one batch size, on one hot slot. */
export interface DevicePoint {
  /** Rows in each batch. */
  readonly batchSize: number;
  /** How long the run of one batch took, milliseconds. */
  readonly runMs: {
    /** The median. */
    readonly p50: number;
    /** What 99 of 100 runs took at most. */
    readonly p99: number;
  };
  /** Of one instance. */
  readonly rowsPerSecond: Rate;
}

/** The loop that Penstock replaces: read, prepare, run, write, one after another in one thread. */
export interface PointToPoint {
  /** From the first row to the last. */
  readonly rowsPerSecond: Rate;
  /** Shares of its time, which add up to 1. */
  readonly shares: {
    /** Reading. */
    readonly fetch: number;
    /** Decoding, transforming, collating. */
    readonly prep: number;
    /** Running the model. */
    readonly run: number;
    /** Encoding and writing outputs. */
    readonly write: number;
  };
}

/** What a change would bring, by the ceilings. */
export interface WhatIf {
  /** A job's key: `producers`, `batch.size`, `model.instances`, …; `storage` or `sink` for hardware. */
  readonly change: string;
  /** What it is now. */
  readonly from: number | string;
  /** What it would be. */
  readonly to: number | string;
  /** What the whole pipeline would do then, rows a second. */
  readonly rowsPerSecond: number;
  /** That ÷ what it does now − 1. */
  readonly gain: number;
  /** How it is known, in a sentence. */
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
  /** Of the whole pipeline. */
  readonly rowsPerSecond: Rate | null;
  /** Of the median run, as in its report; of its first device, where there are several. */
  readonly device: Pick<DeviceReport, 'runMs' | 'busy' | 'starved' | 'blocked'> | null;
  /** Rows ÷ the rows that would have fitted. */
  readonly fill: number | null;
  /** What limited it. */
  readonly bottleneck: Bottleneck | null;
}

/** The whole pipeline over values of some keys. */
export interface Sweep {
  /** Dotted, as in the job file. */
  readonly keys: readonly string[];
  /** In the order of the values; of several keys, the last changes fastest. */
  readonly points: readonly SweepPoint[];
  /** The place of the fastest among the points; −1 where none ran. */
  readonly best: number;
}

/** The document of `penstock bench --json`. */
export interface BenchReport {
  /** The name of the job. */
  readonly job: string;
  /** A bench that fails or is interrupted has another document: `StoppedRun`. */
  readonly status: 'completed';
  /** When it ended, ISO 8601. */
  readonly date: string;
  /** Where it ran. */
  readonly machine: {
    /** As the processor calls itself. */
    readonly cpu: string;
    /** That the process may use. */
    readonly cores: number;
    /** Of the machine. */
    readonly memoryBytes: number;
    /** The version of Node. */
    readonly node: string;
    /** Operating system and architecture. */
    readonly platform: string;
  };
  /** Whether it was a first look only. */
  readonly quick: boolean;
  /** How long all of it took. */
  readonly seconds: number;
  /** Where the data came from: they were read over and over, so that files are in the page cache. */
  readonly readFrom?: 'page cache' | 'local cache' | 'remote storage';
  /** Rows of one run over the data. */
  readonly rows: number;
  /** Rows in a batch at most, as the job has it. */
  readonly batchSize: number;
  /** Threads that read and collate, as the job has it, or what auto came to. */
  readonly producers: number;
  /** Sessions of each device. */
  readonly instances: number;
  /** What each stage can do when it alone is running. */
  readonly ceilings: {
    /** Reading alone: nothing is decoded. */
    readonly storage: Ceiling;
    /** Reading, decoding, transforming and collating, with a model that does nothing. */
    readonly loader: Ceiling;
    /** All instances on all devices, on batches that are there already. */
    readonly device: Ceiling;
    /** Encoding and writing outputs that are there already. Null where the job writes nothing. */
    readonly sink: Ceiling | null;
  };
  /** Rows in a full batch of those that the curve is of: fewer than `batchSize` where a budget of tokens says so. */
  readonly fullBatch?: number;
  /** The device over batch sizes, ascending. */
  readonly curve: readonly DevicePoint[];
  /** The smallest batch size with at least nine tenths of the most that the curve reaches. */
  readonly knee: {
    /** Rows in a batch. */
    readonly batchSize: number;
    /** What one instance does with such batches, at the median. */
    readonly rowsPerSecond: number;
  };
  /** The job as it is. */
  readonly pipeline: {
    /** From its first batch on until all is written. */
    readonly rowsPerSecond: Rate;
    /** The report of the median run. */
    readonly report: Report;
  };
  /** The same steps, one after another in one thread. */
  readonly pointToPoint: PointToPoint;
  /** Pipeline ÷ the lowest ceiling. */
  readonly efficiency: number;
  /** Pipeline ÷ point to point. */
  readonly speedup: number;
  /** The lowest ceiling; of the loader, `fetch` or `prep`. */
  readonly limitedBy: Bottleneck;
  /** What changes would bring, the largest gain first. */
  readonly whatIf: readonly WhatIf[];
  /** The pipeline over values of some keys, where `--sweep` asked for it. */
  readonly sweep?: Sweep;
  /** What to change, in a sentence or two. */
  readonly advice: string;
  /** What makes these figures doubtful, a sentence each. */
  readonly warnings: readonly string[];
}
