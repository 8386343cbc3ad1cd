import type { GpuDevice } from './types.js';

/** Ids of devices that are GPUs; a runtime that uses one names it so. */
const GPU_ID = /^(?:cuda|tensorrt|webgpu|gpu)(?::(\d+))?$/;

/** Whether a device's id names a GPU that may be asked. */
export function isGpu(deviceId: string): boolean {
  return GPU_ID.test(deviceId);
}

/**
 * Which of the driver's GPUs a device is. CUDA counts those that CUDA_VISIBLE_DEVICES leaves, the driver all of them;
 * numbers in that variable are the driver's where all GPUs are alike or CUDA_DEVICE_ORDER is PCI_BUS_ID, as it should be
 * on machines where they are not. WebGPU does not tell which GPU it has taken, so one of several can't be named.
 *
 * Undefined where it can't be told.
 */
export function matchGpu(
  deviceId: string,
  gpus: readonly GpuDevice[],
  visible = process.env.CUDA_VISIBLE_DEVICES,
): GpuDevice | undefined {
  const matched = GPU_ID.exec(deviceId);
  if (matched === null) return undefined;
  if (deviceId.startsWith('webgpu')) return gpus.length === 1 ? gpus[0] : undefined;
  const ordinal = Number(matched[1] ?? 0);
  if (visible === undefined) return gpus.find(({ index }) => index === ordinal);
  const entry = visible.split(',')[ordinal]?.trim();
  if (entry === undefined || entry === '') return undefined;
  if (/^\d+$/.test(entry)) return gpus.find(({ index }) => index === Number(entry));
  // A UUID, or as much of its beginning as is unique.
  return gpus.find(({ uuid }) => uuid?.startsWith(entry));
}
