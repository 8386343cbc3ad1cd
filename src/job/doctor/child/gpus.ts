import { openGpuProbe } from '../../../measure/gpu/probe.js';
import type { GpuFinding } from '../types.js';

export type GpusAnswer = Pick<GpuFinding, 'source' | 'driver' | 'cuda' | 'devices'>;

/** What the driver says of its GPUs; null where there is no driver, or none that can be asked. */
export async function tryGpus(): Promise<GpusAnswer | null> {
  const probe = await openGpuProbe();
  if (probe === null) return null;
  const devices = probe
    .devices()
    .map((device) => ({ ...device, memoryBytes: probe.memoryBytes(device.index) }));
  const { source, driver, cuda } = probe;
  probe.close();
  return { source, driver, cuda, devices };
}
