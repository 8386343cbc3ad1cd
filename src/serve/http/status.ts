import { Refusal, type RefusalReason } from '../refusal.js';

/** Refusals as HTTP has them. */
const STATUSES: Readonly<Record<RefusalReason, number>> = {
  invalid: 400,
  unknown: 404,
  'too-large': 413,
  full: 429,
  late: 429,
  expired: 504,
  // Nobody reads it; nginx's word for a client that has closed the request.
  gone: 499,
  draining: 503,
  rejected: 400,
  failed: 500,
};

/** A request that is invalid in a way that HTTP has a status of its own for. */
export class HttpRefusal extends Refusal {
  readonly status: number;

  constructor(status: number, message: string) {
    super('invalid', message);
    this.status = status;
  }
}

export function statusOf(refusal: Refusal): number {
  if (refusal instanceof HttpRefusal) return refusal.status;
  // What has failed is being started again.
  if (refusal.reason === 'failed' && refusal.retryAfterMs !== undefined) return 503;
  return STATUSES[refusal.reason];
}

/** What the header Retry-After says, in whole seconds; undefined where there is nothing to wait for. */
export function retryAfter({ reason, retryAfterMs }: Refusal): number | undefined {
  if (retryAfterMs !== undefined) return Math.max(1, Math.ceil(retryAfterMs / 1000));
  return reason === 'full' || reason === 'late' || reason === 'draining' ? 1 : undefined;
}

/** The body of an answer that has no outputs. */
export function errorText({ message, hint }: Refusal): string {
  return JSON.stringify({ error: hint === undefined ? message : `${message}. ${hint}` });
}
