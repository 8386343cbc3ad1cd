import type { GpuSample } from './types.js';

/*
 * GPM, NVML's counters of what the multiprocessors really do (Hopper and later): nvml.h, «GPM Structs» and «GPM
 * Functions» (https://github.com/NVIDIA/go-nvml/blob/main/pkg/nvml/nvml.h). The request is laid out by hand: its array
 * of metrics has grown from 98 to 210 to 333 entries between versions of the header under one version number, and the
 * library reads the first `numMetrics` of them, so no struct of a fixed size describes it.
 *
 *   nvmlGpmMetricsGet_t                     nvmlGpmMetric_t
 *     0  uint version (1)                     0  uint metricId
 *     4  uint numMetrics                      4  uint nvmlReturn
 *     8  pointer sample1                      8  double value
 *    16  pointer sample2                     16  char *shortName, *longName, *unit
 *    24  nvmlGpmMetric_t metrics[]           40  (its size)
 */
const VERSION = 1;
const SAMPLE1 = 8;
const SAMPLE2 = 16;
const METRICS = 24;
const METRIC_BYTES = 40;
/** As many as the newest header has, should a library look at all of them. */
const METRIC_MAX = 333;

const MIB = 2 ** 20;

/** Identifiers of nvmlGpmMetricId_t, and what turns their values (percent, MiB/s) into ours. */
const WANTED = [
  { id: 2, metric: 'smActive', scale: 0.01 },
  { id: 3, metric: 'smOccupancy', scale: 0.01 },
  { id: 5, metric: 'tensorActive', scale: 0.01 },
  { id: 10, metric: 'dramActive', scale: 0.01 },
  { id: 20, metric: 'pcieSentBytesPerSecond', scale: MIB },
  { id: 21, metric: 'pcieReceivedBytesPerSecond', scale: MIB },
] as const;

/** Two samples must be more than 100 ms apart, says the header. */
const LEAST_MS = 110;

/** NVML's functions, with pointers as koffi has them. All return 0 for success. */
export interface GpmFunctions {
  queryDeviceSupport(device: bigint, support: Uint32Array): number;
  sampleAlloc(sample: BigUint64Array): number;
  sampleFree(sample: bigint): number;
  sampleGet(device: bigint, sample: bigint): number;
  metricsGet(request: Uint8Array): number;
}

export type GpmSample = Partial<Pick<GpuSample, (typeof WANTED)[number]['metric']>>;

/** The GPM counters of one GPU, as differences between its samples. */
export class Gpm {
  readonly #functions: GpmFunctions;
  readonly #device: bigint;
  /** The older sample and the newer one. */
  #samples: readonly [bigint, bigint];
  #takenAt = Number.NEGATIVE_INFINITY;
  readonly #request = new DataView(new ArrayBuffer(METRICS + METRIC_MAX * METRIC_BYTES));

  private constructor(functions: GpmFunctions, device: bigint, samples: readonly [bigint, bigint]) {
    this.#functions = functions;
    this.#device = device;
    this.#samples = samples;
    const request = this.#request;
    request.setUint32(0, VERSION, true);
    request.setUint32(4, WANTED.length, true);
    WANTED.forEach(({ id }, i) => {
      request.setUint32(METRICS + i * METRIC_BYTES, id, true);
    });
  }

  /** Undefined where the card has no such counters. */
  static open(functions: GpmFunctions, device: bigint): Gpm | undefined {
    // nvmlGpmSupport_t: version, isSupportedDevice.
    const support = new Uint32Array([VERSION, 0]);
    if (functions.queryDeviceSupport(device, support) !== 0 || support[1] !== 1) return undefined;
    const samples = [0, 1].map(() => {
      const out = new BigUint64Array(1);
      return functions.sampleAlloc(out) === 0 ? (out[0] ?? 0n) : 0n;
    });
    const [older = 0n, newer = 0n] = samples;
    if (older !== 0n && newer !== 0n) return new Gpm(functions, device, [older, newer]);
    for (const sample of samples) if (sample !== 0n) functions.sampleFree(sample);
    return undefined;
  }

  /** What happened since the last sample; nothing for the first one, and where it comes too soon. */
  sample(atMs = performance.now()): GpmSample {
    if (atMs - this.#takenAt < LEAST_MS) return {};
    const [older, newer] = this.#samples;
    if (this.#functions.sampleGet(this.#device, newer) !== 0) return {};
    const isFirst = this.#takenAt === Number.NEGATIVE_INFINITY;
    this.#takenAt = atMs;
    this.#samples = [newer, older];
    return isFirst ? {} : this.#difference(older, newer);
  }

  #difference(older: bigint, newer: bigint): GpmSample {
    const request = this.#request;
    request.setBigUint64(SAMPLE1, older, true);
    request.setBigUint64(SAMPLE2, newer, true);
    if (this.#functions.metricsGet(new Uint8Array(request.buffer)) !== 0) return {};
    const sample: { -readonly [K in keyof GpmSample]: number } = {};
    WANTED.forEach(({ metric, scale }, i) => {
      const at = METRICS + i * METRIC_BYTES;
      const value = request.getFloat64(at + 8, true);
      if (request.getUint32(at + 4, true) === 0 && Number.isFinite(value)) sample[metric] = value * scale;
    });
    return sample;
  }

  close(): void {
    for (const sample of this.#samples) this.#functions.sampleFree(sample);
  }
}
