/** How a run went, interval by interval. Arrays are of one length; intervals are alike but for the last. */
export interface Timeline {
  /** The end of each interval, seconds from the start of the run. */
  readonly seconds: readonly number[];
  /** Rows that went through the model in each. */
  readonly rows: readonly number[];
  /** Memory of the process at the end of each. */
  readonly rssBytes: readonly number[];
  readonly devices: readonly DeviceTimeline[];
}

/** Shares of each interval, which add up to 1 between the device's first batch and its last, and to 0 elsewhere. */
export interface DeviceTimeline {
  readonly id: string;
  readonly busy: readonly number[];
  readonly fetch: readonly number[];
  readonly prep: readonly number[];
  readonly batching: readonly number[];
  readonly blocked: readonly number[];
}
