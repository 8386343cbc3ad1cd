import { openNvidiaSmi } from './nvidia-smi.js';
import { openNvml } from './nvml.js';
import type { GpuProbe } from './types.js';

/** Those that can be asked, the better first. AMD's and Apple's GPUs are a line each here, once somebody has one. */
const PROBES: readonly (() => Promise<GpuProbe | undefined>)[] = [() => openNvml(), () => openNvidiaSmi()];

/** Null where no GPU of this machine can be asked. Never throws. */
export async function openGpuProbe(): Promise<GpuProbe | null> {
  for (const open of PROBES) {
    const probe = await open();
    if (probe !== undefined) return probe;
  }
  return null;
}
