import type { Arrivals } from '../arrivals/arrivals.js';
import type { OpenStream } from '../load/types.js';
import type { ScenarioContext, Subject } from './types.js';

/** Requests to an endpoint. */
export function streamTo(
  { endpoint, request, deadlineMs }: Subject,
  arrivals: Arrivals,
  { rows, seed }: Pick<ScenarioContext, 'rows' | 'seed'>,
): OpenStream {
  return { name: endpoint, request, rows, arrivals, deadlineMs, seed };
}
