/** Requests that come as they were recorded. */
export interface TraceArrivals {
  /** Beside other kinds of arrivals. */
  readonly kind: 'trace';
  /** Seconds from the beginning, ascending. */
  readonly times: readonly number[];
  /** Rows of each request. */
  readonly rows: readonly number[];
}

/** As it was recorded. */
export function* trace({ times }: TraceArrivals): Generator<number> {
  yield* times;
}
