import type { DeviceTimes } from '../clock/device-ledger.js';
import { now } from '../clock/now.js';
import { type ClockPage, ClockReader } from '../clock/state-clock.js';
import { type DeviceShares, producerShares, type Report, sharesOf, together } from './report.js';
import type { SampledDevice } from './sampled-device.js';

/** How a run stands; rates and shares are of the time since the report before. The shares are those of all devices together. */
export interface Progress extends DeviceShares {
  /** Each device by itself, in the order of the job's `model.devices`. */
  readonly devices: readonly DeviceProgress[];
  /** Since the start of the run. */
  readonly elapsedSeconds: number;
  /** Rows that have been through the model. */
  readonly rows: number;
  /** Since the report before. */
  readonly rowsPerSecond: number;
  /** Splits whose outputs are written, those of earlier runs too. Of a shard its own. */
  readonly splits: number;
  /** All splits of the source, or of the shard. */
  readonly totalSplits: number;
  /** What the producers did, where that is known: how many were at work, and the shares of their time. */
  readonly producers?: Report['producers'];
}

/** One device's shares. */
export interface DeviceProgress extends DeviceShares {
  /** `cpu`, `cuda:0`, … */
  readonly id: string;
}

/** Samples the ledgers of a job's devices, and the clocks of its producers, into progress reports. */
export class ProgressSampler {
  readonly #devices: readonly SampledDevice[];
  readonly #producers: ProducerSampler | undefined;
  readonly #startedAt: number;
  #before: readonly DeviceTimes[];
  #beforeAt: number;

  /** @param producers a clock each */
  constructor(devices: readonly SampledDevice[], producers?: ClockPage) {
    this.#devices = devices;
    this.#producers = producers && new ProducerSampler(producers);
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
      ...(this.#producers && { producers: this.#producers.sample(at) }),
    };
  }

  #read(): DeviceTimes[] {
    return this.#devices.map(({ ledger }) => ledger.read(true));
  }
}

/** What producers did since it was asked before. */
class ProducerSampler {
  readonly #clocks: ClockReader;
  #before: readonly Float64Array[];

  constructor(clocks: ClockPage) {
    this.#clocks = new ClockReader(clocks);
    this.#before = this.#read(now());
  }

  sample(at: number): Report['producers'] {
    const totals = new Float64Array(6);
    const after = this.#read(at);
    let atWork = 0;
    for (const [lane, times] of after.entries()) {
      const since = times.map((time, state) => Math.max(0, time - (this.#before[lane]?.[state] ?? 0)));
      // The clock of one that was never started does not run.
      if (since.some((time) => time > 0)) atWork++;
      for (const [state, time] of since.entries()) totals[state] = (totals[state] as number) + time;
    }
    this.#before = after;
    return producerShares(atWork, totals);
  }

  #read(at: number): Float64Array[] {
    return Array.from({ length: this.#clocks.count }, (_, lane) => this.#clocks.totals(lane, at));
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
