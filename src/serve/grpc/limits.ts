/** How long clients may take, and how many there may be. */
export interface GrpcLimits {
  /** From the start of a call to the end of its message. */
  readonly requestMs: number;
  /** A connection without a call. */
  readonly idleMs: number;
  /** At one time. */
  readonly connections: number;
}

export const GRPC_LIMITS: GrpcLimits = { requestMs: 60_000, idleMs: 300_000, connections: 4096 };
