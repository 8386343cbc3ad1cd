import { CudaDriver } from '../../../session/pinned/driver.js';
import { openPages } from '../../../session/pinned/pages.js';

const BYTES = 16 * 2 ** 20;

export interface PinningAnswer {
  readonly bytes: number;
  /** That it took to pin them. */
  readonly ms: number;
}

/**
 * Registers memory with the driver of the first GPU, as the ring is.
 *
 * @throws DeviceError with what the driver says
 */
export async function tryPinning(): Promise<PinningAnswer> {
  const driver = await CudaDriver.open(0);
  const pages = await openPages();
  const arena = new SharedArrayBuffer(BYTES + (pages?.bytes ?? 0));
  const memory = new Uint8Array(arena, pages?.startIn(arena) ?? 0, BYTES);
  const before = performance.now();
  driver.register(memory);
  const ms = performance.now() - before;
  driver.unregister(memory);
  driver.close();
  return { bytes: BYTES, ms };
}
