import { UsageError } from '../util/errors.js';

/** Where a worker tells of its health. */
export interface HealthAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/**
 * Reads `[HOST:]PORT`, as `--health` and PENSTOCK_HEALTH have it: `8080`, `0.0.0.0:8080`, `[::]:8080`. Without a host nobody
 * but this machine is answered.
 *
 * @throws UsageError
 */
export function parseHealthAddress(text: string): HealthAddress {
  const match = /^(?:(\[[\da-fA-F:.]+\]|[^\s:[\]]+):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new UsageError(
      `--health is ${JSON.stringify(text)}, expected [HOST:]PORT, as 8080 or 0.0.0.0:8080`,
    );
  }
  return { host: (match[1] ?? '127.0.0.1').replace(/^\[(.*)\]$/, '$1'), port };
}
