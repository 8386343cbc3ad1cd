import { messageOf } from '../../util/errors.js';
import type { SessionDevice, SessionSpec } from '../types.js';
import { CudaDriver } from './driver.js';
import { openPages } from './pages.js';
import type { Driver } from './staging.js';

/** Providers that copy a batch to the GPU themselves, and copy pinned memory faster. */
const PROVIDERS: ReadonlySet<string> = new Set(['cuda', 'tensorrt']);

export function canPin({ provider }: Pick<SessionDevice, 'provider'>): boolean {
  return PROVIDERS.has(provider);
}

/** `cuda:1` is 1. */
export function ordinalOf({ id }: Pick<SessionDevice, 'id'>): number {
  return Number(/:(\d+)$/.exec(id)?.[1] ?? 0);
}

/**
 * The driver for what a session's own thread pins; undefined where nothing is to be pinned; why not, in a sentence, where
 * it can't be and need not be.
 *
 * @param library in place of the driver's own, for tests
 * @throws DeviceError where it must be and can't be
 */
export async function openDriver(
  { pinned = false }: Pick<SessionSpec, 'pinned'>,
  device: Pick<SessionDevice, 'id' | 'provider'>,
  library?: string,
): Promise<Driver | string | undefined> {
  if (pinned === false || !canPin(device)) return undefined;
  const isRequired = pinned === true;
  try {
    const driver = await CudaDriver.open(ordinalOf(device), library);
    const pages = await openPages();
    // The driver has come through koffi, and so do they.
    return pages === undefined ? 'koffi is not installed' : { driver, pages, isRequired };
  } catch (error) {
    if (isRequired) throw error;
    return messageOf(error);
  }
}
