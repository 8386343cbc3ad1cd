import type { DeviceTimes } from '../clock/device-ledger.js';
import { ProducerState } from '../clock/state-clock.js';
import type { Shard } from '../dataset/shard.js';
import type { GpuUtilization } from './gpu/types.js';
import type { Timeline } from './timeline.js';

/**
 * What limits a run: the device itself; storage (`fetch`), decoding, transform and collation (`prep`) or the wait for company
 * (`batching`) before it; or the `sink` after it.
 */
export type Bottleneck = 'device' | 'fetch' | 'prep' | 'batching' | 'sink';

/** Shares of a device's window, from its first batch to its last; `busy + starved.total + blocked` is 1. */
export interface DeviceShares {
  /** At least one run was in progress. */
  readonly busy: number;
  /** No run, and no slot was ready; by cause. */
  readonly starved: {
    /** All causes together. */
    readonly total: number;
    /** Producers waited for storage. */
    readonly fetch: number;
    /** Producers decoded, transformed or collated. */
    readonly prep: number;
    /** Rows waited for company in an open batch, or no producer had anything to do. */
    readonly batching: number;
  };
  /** No run, and the sink held every slot but those that ran on other devices. */
  readonly blocked: number;
  /**
   * No run although the next batch was there, from one run to the next; a part of `starved.batching`. Long only where the
   * machine's cores are busy with other things. Left out where it is nothing.
   */
  readonly handoff?: number;
}

/** What one device did in a run. */
export interface DeviceReport extends DeviceShares {
  /** `cpu`, `cuda:0`, `webgpu:0`, `simulated:0`, … */
  readonly id: string;
  /** `onnx`, `tensorflow`, `simulated` or `module`. */
  readonly runtime: string;
  /** The execution provider that really ran. */
  readonly provider: string;
  /** Sessions side by side. */
  readonly instances: number;
  /** Where its sessions ran: in threads of this process, or each in a process of its own. */
  readonly isolation: 'thread' | 'process';
  /** What it ran of the job's batches. */
  readonly batches: number;
  /** What it ran of the job's rows. */
  readonly rows: number;
  /** Whether it is a device of given speed, whose times are made up. */
  readonly simulated: boolean;
  /** Whether a GPU did the work, where the runtime can tell. */
  readonly gpu?: boolean;
  /** How long the run of one batch took, milliseconds. */
  readonly runMs: {
    /** The median. */
    readonly p50: number;
    /** What 99 of 100 runs took at most. */
    readonly p99: number;
  };
  /** What the GPU says of itself; null where nothing can be asked: no GPU, or none that tells. */
  readonly utilization: GpuUtilization | null;
}

/** A key of the job that was `auto`. */
export interface Choice {
  /** Dotted, as in the job file: `ring.slots`. */
  readonly key: string;
  /** What it came to, at the end. */
  readonly value: number;
  /** What it began with, where that was something else. */
  readonly from?: number;
  /** Why, in a sentence. */
  readonly because: string;
}

/** The report of a run. Shares are 0 to 1; times are wall-clock. */
export interface Report {
  /** The name of the job. */
  readonly job: string;
  /** A run that fails or is interrupted has another document: `StoppedRun`. */
  readonly status: 'completed';
  /** Of the job: job file, listing of the source, digest of the model. Runs of one fingerprint resume each other. */
  readonly fingerprint: string;
  /** Where only a part of the data set was run: all else in the report is about that part. */
  readonly shard?: Shard;
  /** What became of the rows. */
  readonly rows: {
    /** Rows of the source that this run read, those included that a transform drops. */
    readonly read: number;
    /** Rows of the parts that this run committed; 0 where the job writes nothing. */
    readonly written: number;
    /** Bad rows in `_dead_letters/`, those of earlier runs of the job included. */
    readonly deadLettered: number;
    /** Found committed by an earlier run of the same job. */
    readonly resumed: number;
  };
  /** The batches that ran. */
  readonly batches: {
    /** On all devices. */
    readonly count: number;
    /** Rows in a batch, on average. */
    readonly meanRows: number;
    /** Rows ÷ the rows that would have fitted. */
    readonly fill: number;
    /** Padding ÷ all elements of rows of variable length. */
    readonly paddingWaste: number;
  };
  /** From the call to the end of the last part. */
  readonly seconds: number;
  /** Until the first batch began to run, on any device. */
  readonly startupSeconds: number;
  /** From the end of the last batch on, on any device. */
  readonly drainSeconds: number;
  /** Over all of `seconds`, start and drain included. */
  readonly throughput: {
    /** Rows that went through the model. */
    readonly rowsPerSecond: number;
    /** Of input tensors. */
    readonly inputBytesPerSecond: number;
  };
  /** In the order of the job's `model.devices`. */
  readonly devices: readonly DeviceReport[];
  /** Shares of the producers' time, all together, while they were at work. */
  readonly producers: {
    /** Threads. */
    readonly count: number;
    /** They waited for storage. */
    readonly fetch: number;
    /** They made columns of bytes. */
    readonly decode: number;
    /** They ran the job's own module. */
    readonly transform: number;
    /** They wrote rows into batches. */
    readonly collate: number;
    /** They waited for a free slot: they were ahead of the device, as they should be. */
    readonly blocked: number;
    /** They had no split to work on. */
    readonly idle: number;
  };
  /** Bytes. */
  readonly memory: {
    /** Of the slots that were in use. */
    readonly ringBytes: number;
    /** The most that the process took of the machine's memory (RSS), all of it included. */
    readonly peakRssBytes: number;
    /** What is registered with the driver of the GPU (page-locked); left out where nothing was to be. */
    readonly pinned?: {
      /** Registered, at the end of the run. */
      readonly bytes: number;
      /** The slots of the ring, or what sessions copy them into where their runtime does not take shared memory. */
      readonly what: 'ring' | 'staging';
      /** Why not all of it is. */
      readonly error?: string;
    };
  };
  /** What was left to Penstock (`auto`), where it may be worth a look. */
  readonly chosen?: readonly Choice[];
  /** How it went over time; left out where it was over before there was anything to see. */
  readonly timeline?: Timeline;
  /** Of all devices together, as is the advice. */
  readonly bottleneck: Bottleneck;
  /** What to change, in a sentence or two. */
  readonly advice: string;
  /** What whoever runs the job should know, a sentence each: a provider that did not start, a crash that was survived. */
  readonly warnings: readonly string[];
}

/**
 * Several devices as one: their times and counts added up, from the first start to the last end. Shares of such times
 * are means over the devices, each weighing as much as its window is long; one that never ran has no weight.
 */
export function together(devices: readonly DeviceTimes[]): DeviceTimes {
  const sum = (of: (times: DeviceTimes) => number): number =>
    devices.reduce((total, times) => total + of(times), 0);
  const starts = devices.map(({ firstStart }) => firstStart).filter((at) => at > 0);
  return {
    busy: sum(({ busy }) => busy),
    starved: {
      fetch: sum(({ starved }) => starved.fetch),
      prep: sum(({ starved }) => starved.prep),
      batching: sum(({ starved }) => starved.batching),
    },
    blocked: sum(({ blocked }) => blocked),
    handoff: sum(({ handoff }) => handoff),
    firstStart: starts.length > 0 ? Math.min(...starts) : 0,
    lastEnd: Math.max(0, ...devices.map(({ lastEnd }) => lastEnd)),
    batches: sum(({ batches }) => batches),
    rows: sum(({ rows }) => rows),
    capacity: sum(({ capacity }) => capacity),
    tokens: sum(({ tokens }) => tokens),
    paddedTokens: sum(({ paddedTokens }) => paddedTokens),
  };
}

/** Shares of several devices as one, by the mean that is given. `handoff` is of one device alone. */
export function sharesBy<Device extends Omit<DeviceShares, 'handoff'>>(
  mean: (share: (device: Device) => number) => number,
): Omit<DeviceShares, 'handoff'> {
  return {
    busy: mean(({ busy }) => busy),
    starved: {
      total: mean(({ starved }) => starved.total),
      fetch: mean(({ starved }) => starved.fetch),
      prep: mean(({ starved }) => starved.prep),
      batching: mean(({ starved }) => starved.batching),
    },
    blocked: mean(({ blocked }) => blocked),
  };
}

/** A device's times as shares of its window; zeros where it never ran. */
export function sharesOf(times: DeviceTimes): DeviceShares {
  const { busy, starved, blocked } = times;
  const starvedTotal = starved.fetch + starved.prep + starved.batching;
  const window = busy + starvedTotal + blocked;
  const share = (micros: number): number => (window > 0 ? round(micros / window) : 0);
  return {
    busy: share(busy),
    starved: {
      total: share(starvedTotal),
      fetch: share(starved.fetch),
      prep: share(starved.prep),
      batching: share(starved.batching),
    },
    blocked: share(blocked),
    ...(share(times.handoff) > 0 && { handoff: share(times.handoff) }),
  };
}

/** Producers' times as shares of all their time. */
export function producerShares(count: number, totals: Float64Array): Report['producers'] {
  const all = totals.reduce((sum, micros) => sum + micros, 0);
  const share = (state: ProducerState): number => (all > 0 ? round((totals[state] ?? 0) / all) : 0);
  return {
    count,
    fetch: share(ProducerState.fetch),
    decode: share(ProducerState.decode),
    transform: share(ProducerState.transform),
    collate: share(ProducerState.collate),
    blocked: share(ProducerState.blocked),
    idle: share(ProducerState.idle),
  };
}

/** Five places are more than any clock here is good for, and keep the JSON readable. */
export function round(value: number, places = 5): number {
  return Math.round(value * 10 ** places) / 10 ** places;
}
