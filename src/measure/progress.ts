import type { DeviceTimes } from '../clock/device-ledger.js';
import { now } from '../clock/now.js';
import { type DeviceShares, sharesOf, together } from './report.js';
import type { SampledDevice } from './sampled-device.js';

/** How a run stands; rates and shares are of the time since the report before. The shares are those of all devices together. */
export interface Progress extends DeviceShares {
  /** Each device by itself, in the order of the job's `model.devices`. */
  readonly devices: readonly DeviceProgress[];
  readonly elapsedSeconds: number;
  /** Rows that have been through the model. */
  readonly rows: number;
  readonly rowsPerSecond: number;
  /** Splits whose outputs are written, those of earlier runs too; all splits. */
  readonly splits: number;
  readonly totalSplits: number;
}

export interface DeviceProgress extends DeviceShares {
  readonly id: string;
}

/** Samples the ledgers of a job's devices into progress reports. */
export class ProgressSampler {
  readonly #devices: readonly SampledDevice[];
  readonly #startedAt: number;
  #before: readonly DeviceTimes[];
  #beforeAt: number;

  constructor(devices: readonly SampledDevice[]) {
    this.#devices = devices;
    this.#startedAt = now();
    this.#beforeAt = this.#startedAt;
    this.#before = this.#read();
  }

  sample(splits: number, totalSplits: number): Progress {
    const at = now();
    const times = this.#read();
    const since = times.map((one, place) => difference(one, this.#before[place] as DeviceTimes));
    const seconds = Math.max(1e-6, (at - this.#beforeAt) / 1e6);
    this.#before = times;
    this.#beforeAt = at;
    const all = together(since);
    return {
      ...sharesOf(all),
      devices: this.#devices.map(({ id }, place) => ({ id, ...sharesOf(since[place] as DeviceTimes) })),
      elapsedSeconds: (at - this.#startedAt) / 1e6,
      rows: times.reduce((rows, one) => rows + one.rows, 0),
      rowsPerSecond: all.rows / seconds,
      splits,
      totalSplits,
    };
  }

  #read(): DeviceTimes[] {
    return this.#devices.map(({ ledger }) => ledger.read(true));
  }
}

/** Times and rows of the time between two readings. */
function difference(times: DeviceTimes, before: DeviceTimes): DeviceTimes {
  return {
    ...times,
    busy: times.busy - before.busy,
    starved: {
      fetch: times.starved.fetch - before.starved.fetch,
      prep: times.starved.prep - before.starved.prep,
      batching: times.starved.batching - before.starved.batching,
    },
    blocked: times.blocked - before.blocked,
    handoff: times.handoff - before.handoff,
    rows: times.rows - before.rows,
  };
}
