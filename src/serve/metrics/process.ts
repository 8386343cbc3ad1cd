import { collectDefaultMetrics, Registry } from 'prom-client';

/** Gauges that end in `_total`, which only counters may; `nodejs_active_…` without it have the same by kind. */
const MISNAMED = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
];

let ofProcess: Registry | undefined;

/** Those of the process, which all servers in it share: who begins to collect them can't end it. */
export function processMetrics(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
    for (const misnamed of MISNAMED) ofProcess.removeSingleMetric(misnamed);
  }
  return ofProcess;
}
