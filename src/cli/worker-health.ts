import type { HealthServer } from '../cluster/health.js';
import { parseHealthAddress } from '../cluster/health-address.js';
import type { HealthState } from '../cluster/health-state.js';
import type { Terminal } from './terminal.js';

/**
 * Tells of the health of a worker, or of several that are supervised, where that is asked for: `--health`, or PENSTOCK_HEALTH
 * in the environment.
 */
export async function healthServer(
  given: string | undefined,
  state: HealthState,
  terminal: Terminal,
): Promise<HealthServer | undefined> {
  const address = given ?? process.env.PENSTOCK_HEALTH ?? '';
  if (address === '') return undefined;
  const { serveHealth } = await import('../cluster/health.js');
  const server = await serveHealth(parseHealthAddress(address), state);
  terminal.print(`health is told at ${server.url}/readyz`);
  return server;
}
