import type { DeviceLedger, DeviceTimes } from '../clock/device-ledger.js';
import { now } from '../clock/now.js';
import { type DeviceShares, sharesOf } from './report.js';

/** How a run stands; rates and shares are of the time since the report before. */
export interface Progress extends DeviceShares {
  readonly elapsedSeconds: number;
  /** Rows that have been through the model. */
  readonly rows: number;
  readonly rowsPerSecond: number;
  /** Splits whose outputs are written, those of earlier runs too; all splits. */
  readonly splits: number;
  readonly totalSplits: number;
}

/** Samples a device's ledger into progress reports. */
export class ProgressSampler {
  readonly #ledger: DeviceLedger;
  readonly #startedAt: number;
  #before: DeviceTimes;
  #beforeAt: number;

  constructor(ledger: DeviceLedger) {
    this.#ledger = ledger;
    this.#startedAt = now();
    this.#beforeAt = this.#startedAt;
    this.#before = ledger.read(true);
  }

  sample(splits: number, totalSplits: number): Progress {
    const at = now();
    const times = this.#ledger.read(true);
    const before = this.#before;
    const seconds = Math.max(1e-6, (at - this.#beforeAt) / 1e6);
    this.#before = times;
    this.#beforeAt = at;
    const since: DeviceTimes = {
      ...times,
      busy: times.busy - before.busy,
      starved: {
        fetch: times.starved.fetch - before.starved.fetch,
        prep: times.starved.prep - before.starved.prep,
        batching: times.starved.batching - before.starved.batching,
      },
      blocked: times.blocked - before.blocked,
    };
    return {
      ...sharesOf(since),
      elapsedSeconds: (at - this.#startedAt) / 1e6,
      rows: times.rows,
      rowsPerSecond: (times.rows - before.rows) / seconds,
      splits,
      totalSplits,
    };
  }
}
