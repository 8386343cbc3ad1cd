import type { Metadata, status as Status, StatusObject } from '@grpc/grpc-js';
import type { Refusal, RefusalReason } from '../refusal.js';

/** Refusals as gRPC has them. */
const CODES: Readonly<Record<RefusalReason, keyof typeof Status>> = {
  invalid: 'INVALID_ARGUMENT',
  unknown: 'NOT_FOUND',
  'too-large': 'INVALID_ARGUMENT',
  full: 'RESOURCE_EXHAUSTED',
  late: 'RESOURCE_EXHAUSTED',
  expired: 'DEADLINE_EXCEEDED',
  gone: 'CANCELLED',
  draining: 'UNAVAILABLE',
  rejected: 'INVALID_ARGUMENT',
  failed: 'INTERNAL',
};

/**
 * A refusal as the status of a call. Clients that retry heed `grpc-retry-pushback-ms`, by gRPC's own rules for retries
 * (grpc/proposal A6).
 */
export function statusOf(
  { reason, message, hint, retryAfterMs }: Refusal,
  codes: typeof Status,
  metadata: Metadata,
): StatusObject {
  if (retryAfterMs !== undefined) metadata.set('grpc-retry-pushback-ms', String(Math.ceil(retryAfterMs)));
  const details = hint === undefined ? message : `${message}. ${hint}`;
  // What has failed is being started again.
  const isBack = reason === 'failed' && retryAfterMs !== undefined;
  return { code: codes[isBack ? 'UNAVAILABLE' : CODES[reason]], details, metadata };
}
