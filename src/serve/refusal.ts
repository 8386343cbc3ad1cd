import { type ErrorDetails, PenstockError } from '../util/errors.js';

/** Every reason for which there is no answer. */
export const REFUSALS = [
  'invalid',
  'unknown',
  'too-large',
  'full',
  'late',
  'expired',
  'gone',
  'draining',
  'rejected',
  'failed',
] as const;
/**
 * Why a request is not answered with outputs. Each speaks for itself on every wire: see `http/status.ts`, `grpc/status.ts`.
 *
 * - `invalid`: the request does not fit the endpoint
 * - `unknown`: there is no such endpoint
 * - `too-large`: more rows or bytes than a request may have
 * - `full`: the queue is, in rows or bytes
 * - `late`: it could not be answered by its deadline, as things stand: refused at the door
 * - `expired`: its deadline passed while it waited; it did not run
 * - `gone`: the client is
 * - `draining`: the server is about to end
 * - `rejected`: the model takes none of its rows, or not all
 * - `failed`: the device, or we, failed
 */
export type RefusalReason = (typeof REFUSALS)[number];

/** A request that is not answered with outputs. */
export class Refusal extends PenstockError {
  override readonly code = 'REFUSED';
  /** Which of the ways in which a request can fail. */
  readonly reason: RefusalReason;
  /** After how long it would be worth trying again, milliseconds; undefined where that is not known, or never. */
  readonly retryAfterMs: number | undefined;

  constructor(
    reason: RefusalReason,
    message: string,
    { retryAfterMs, ...details }: ErrorDetails & { readonly retryAfterMs?: number } = {},
  ) {
    super(message, details);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }

  /** One that nobody will look for in our code: to tell where it was made takes longer than all the rest of it. */
  static withoutStack(reason: RefusalReason, message: string, retryAfterMs: number | undefined): Refusal {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      return new Refusal(reason, message, retryAfterMs === undefined ? {} : { retryAfterMs });
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }
}
