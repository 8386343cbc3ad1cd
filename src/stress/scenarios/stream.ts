import type { Arrivals } from '../arrivals/arrivals.js';
import type { ScenarioContext, ScenarioStream, Subject } from './types.js';

/** Requests to an endpoint. */
export function streamTo(
  { endpoint, request, deadlineMs }: Subject,
  arrivals: Arrivals,
  { rows, seed }: Pick<ScenarioContext, 'rows' | 'seed'>,
): ScenarioStream {
  return { name: endpoint, request, rows, arrivals, deadlineMs, seed };
}
