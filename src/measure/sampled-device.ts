import type { DeviceLedger } from '../clock/device-ledger.js';

/** A device and where its time is booked. */
export interface SampledDevice {
  readonly id: string;
  readonly ledger: DeviceLedger;
}
