/** How long clients may take, and how many there may be. */
export interface HttpLimits {
  /** From the connection to the end of the headers. */
  readonly headersMs: number;
  /** To the end of the body. */
  readonly requestMs: number;
  /** A connection without a request. */
  readonly idleMs: number;
  /** A connection on which neither side has anything to say although a request is not answered, or its answer not taken. */
  readonly stalledMs: number;
  /** At one time. */
  readonly connections: number;
}

export const HTTP_LIMITS: HttpLimits = {
  headersMs: 10_000,
  requestMs: 60_000,
  idleMs: 75_000,
  // Longer than a run of a model may take, by default.
  stalledMs: 900_000,
  connections: 4096,
};
