/** A GPU as its driver names it. */
export interface GpuDevice {
  /** Its number among the GPUs of the machine, in the driver's order (by PCI bus). */
  readonly index: number;
  readonly name: string;
  /** `GPU-…`, as in CUDA_VISIBLE_DEVICES; null where it is not told. */
  readonly uuid: string | null;
}

/**
 * What a GPU says of itself, every field on its own: null where this card, driver or moment does not tell. Shares are
 * 0 to 1.
 */
export interface GpuSample {
  /** Share of the driver's last period (1/6 s to 1 s) in which at least one kernel ran, however small. */
  readonly gpu: number | null;
  /** Share of that period in which the GPU's memory was read or written. */
  readonly memoryBusy: number | null;
  /** Memory of the GPU that is taken, by all processes. */
  readonly memoryUsedBytes: number | null;
  /** Power that the whole GPU draws. */
  readonly watts: number | null;
  /** How hot it is. */
  readonly celsius: number | null;
  /** Clock of the streaming multiprocessors: lower under load than at its start where it is hot, or its power capped. */
  readonly smClockMhz: number | null;
  /** Clock of its memory. */
  readonly memoryClockMhz: number | null;
  /** Over PCIe, from the GPU to the host. */
  readonly pcieSentBytesPerSecond: number | null;
  /** Over PCIe, from the host to the GPU. */
  readonly pcieReceivedBytesPerSecond: number | null;
  /** Share of the streaming multiprocessors that were at work, since the sample before (Hopper and later). */
  readonly smActive: number | null;
  /** Warps in flight as a share of those that would fit (Hopper and later). */
  readonly smOccupancy: number | null;
  /** Share of the time in which tensor cores were at work (Hopper and later). */
  readonly tensorActive: number | null;
  /** Bandwidth of the GPU's memory in use, as a share of what it can do (Hopper and later). */
  readonly dramActive: number | null;
}

/** Names of what is sampled, in the order in which series keep them. */
export const GPU_METRICS = [
  'gpu',
  'memoryBusy',
  'memoryUsedBytes',
  'watts',
  'celsius',
  'smClockMhz',
  'memoryClockMhz',
  'pcieSentBytesPerSecond',
  'pcieReceivedBytesPerSecond',
  'smActive',
  'smOccupancy',
  'tensorActive',
  'dramActive',
] as const satisfies readonly (keyof GpuSample)[];

/** The name of what a GPU can tell: see `GpuUtilization`. */
export type GpuMetric = (typeof GPU_METRICS)[number];

/** Whom the figures come from: NVIDIA's library, or its program where that is not to be had. */
export type GpuSource = 'nvml' | 'nvidia-smi';

/** Whoever can be asked about the GPUs of this machine. Whoever opens it closes it. */
export interface GpuProbe {
  readonly source: GpuSource;
  /** Version of the driver; null where it is not told. */
  readonly driver: string | null;
  /** The newest CUDA that the driver runs, for instance `12.4`; null where it is not told. */
  readonly cuda: string | null;
  devices(): readonly GpuDevice[];
  /** Bytes of the memory of a GPU; null where it is not told. */
  memoryBytes(device: number): number | null;
  /** What a GPU says now; null where it says nothing (any more). Never throws. */
  sample(device: number): GpuSample | null;
  close(): void;
}

/** How a metric was distributed over a run. */
export interface Spread {
  /** The mean of all samples. */
  readonly mean: number;
  /** The median. */
  readonly p50: number;
  /** What 95 of 100 samples were at most. */
  readonly p95: number;
}

/** What a GPU said of itself between the first batch and the last; what it does not tell is null. */
export type GpuUtilization = {
  /** Who was asked. */
  readonly source: GpuSource;
  /** The GPU's name. */
  readonly name: string;
  /** How often it was asked: about ten times a second. */
  readonly samples: number;
  /** Memory that the GPU has. */
  readonly memoryTotalBytes: number | null;
} & { readonly [Metric in keyof GpuSample]: Spread | null };
