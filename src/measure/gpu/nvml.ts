import { Gpm, type GpmFunctions } from './gpm.js';
import type { GpuDevice, GpuProbe, GpuSample } from './types.js';

/*
 * NVML, the library of NVIDIA's driver, through koffi: nvml.h, of which the functions below are declared as they stand
 * there (https://github.com/NVIDIA/go-nvml/blob/main/pkg/nvml/nvml.h).
 */

/** Where the loader of the system finds it. */
const LIBRARY = process.platform === 'win32' ? 'nvml.dll' : 'libnvidia-ml.so.1';

const UUID_BYTES = 80;
const NAME_BYTES = 96;
const VERSION_BYTES = 80;

const Clock = { sm: 1, memory: 2 } as const;
const Pcie = { sent: 0, received: 1 } as const;
const TEMPERATURE_GPU = 0;

/**
 * The driver measures PCIe traffic over 20 ms for each question, and the question waits for it. So it is asked about
 * once a second only, where GPM does not tell it for nothing.
 */
const PCIE_EVERY = 10;

type Koffi = typeof import('koffi');
type Library = ReturnType<typeof openFunctions>;

/** Undefined where there is no koffi, no such library or no GPU: never an error. */
export async function openNvml(library = LIBRARY): Promise<GpuProbe | undefined> {
  let koffi: Koffi;
  try {
    koffi = await import('koffi');
  } catch {
    return undefined; // an optional package
  }
  try {
    const functions = openFunctions(koffi, library);
    if (functions.init() !== 0) return undefined;
    const probe = new NvmlProbe(functions);
    if (probe.devices().length > 0) return probe;
    probe.close();
  } catch {
    // No such library, or one that is not NVML.
  }
  return undefined;
}

function openFunctions(koffi: Koffi, library: string) {
  const nvml = koffi.load(library);
  const get = (name: string, ...parameters: string[]): ((...values: unknown[]) => number) =>
    nvml.func(`int ${name}(${parameters.join(', ')})`);
  return {
    init: get('nvmlInit_v2'),
    shutdown: get('nvmlShutdown'),
    driverVersion: get('nvmlSystemGetDriverVersion', 'char *version', 'unsigned int length'),
    cudaVersion: get('nvmlSystemGetCudaDriverVersion_v2', 'int *version'),
    count: get('nvmlDeviceGetCount_v2', 'unsigned int *count'),
    handle: get('nvmlDeviceGetHandleByIndex_v2', 'unsigned int index', 'void *device'),
    name: get('nvmlDeviceGetName', 'void *device', 'char *name', 'unsigned int length'),
    uuid: get('nvmlDeviceGetUUID', 'void *device', 'char *uuid', 'unsigned int length'),
    // nvmlUtilization_t: unsigned int gpu, memory (percent).
    utilization: get('nvmlDeviceGetUtilizationRates', 'void *device', 'unsigned int *utilization'),
    // nvmlMemory_t: unsigned long long total, free, used.
    memory: get('nvmlDeviceGetMemoryInfo', 'void *device', 'uint64_t *memory'),
    power: get('nvmlDeviceGetPowerUsage', 'void *device', 'unsigned int *milliwatts'),
    clock: get('nvmlDeviceGetClockInfo', 'void *device', 'int type', 'unsigned int *megahertz'),
    pcie: get('nvmlDeviceGetPcieThroughput', 'void *device', 'int counter', 'unsigned int *kilobytes'),
    temperature: get('nvmlDeviceGetTemperature', 'void *device', 'int sensor', 'unsigned int *celsius'),
    gpm: openGpm(get),
  };
}

/** Drivers before 520 have none of these. */
function openGpm(
  get: (name: string, ...parameters: string[]) => (...values: unknown[]) => number,
): GpmFunctions | undefined {
  try {
    // nvmlGpmSample_t is a struct that holds one pointer: handed over as the pointer itself is.
    return {
      queryDeviceSupport: get('nvmlGpmQueryDeviceSupport', 'void *device', 'unsigned int *support'),
      sampleAlloc: get('nvmlGpmSampleAlloc', 'void *sample'),
      sampleFree: get('nvmlGpmSampleFree', 'void *sample'),
      sampleGet: get('nvmlGpmSampleGet', 'void *device', 'void *sample'),
      metricsGet: get('nvmlGpmMetricsGet', 'void *request'),
    };
  } catch {
    return undefined;
  }
}

/** One GPU: its handle, and its counters where it has them. */
interface Opened extends GpuDevice {
  readonly handle: bigint;
  readonly gpm: Gpm | undefined;
  asked: number;
}

class NvmlProbe implements GpuProbe {
  readonly source = 'nvml';
  readonly driver: string | null;
  readonly cuda: string | null;
  readonly #library: Library;
  readonly #devices: readonly Opened[];
  /** Where functions write their numbers. */
  readonly #out = new Uint32Array(2);
  readonly #longs = new BigUint64Array(3);

  constructor(library: Library) {
    this.#library = library;
    this.driver = text(VERSION_BYTES, (out) => library.driverVersion(out, out.length));
    this.cuda = cudaVersion(library);
    this.#devices = this.#open();
  }

  #open(): Opened[] {
    const { count, handle, name, uuid, gpm } = this.#library;
    const [counted] = this.#words(count);
    return Array.from({ length: counted ?? 0 }, (_, index) => index).flatMap((index) => {
      const out = new BigUint64Array(1);
      // One that this process may not use is counted all the same.
      if (handle(index, out) !== 0) return [];
      const device = out[0] ?? 0n;
      return {
        index,
        handle: device,
        name: text(NAME_BYTES, (bytes) => name(device, bytes, bytes.length)) ?? 'NVIDIA GPU',
        uuid: text(UUID_BYTES, (bytes) => uuid(device, bytes, bytes.length)),
        gpm: gpm && Gpm.open(gpm, device),
        asked: 0,
      };
    });
  }

  devices(): readonly GpuDevice[] {
    return this.#devices.map(({ index, name, uuid }) => ({ index, name, uuid }));
  }

  memoryBytes(index: number): number | null {
    const device = this.#devices.find((candidate) => candidate.index === index);
    return (device && this.#memory(device.handle)?.total) ?? null;
  }

  sample(index: number): GpuSample | null {
    const device = this.#devices.find((candidate) => candidate.index === index);
    if (device === undefined) return null;
    const { handle, gpm } = device;
    const { utilization, power, clock, temperature } = this.#library;
    const [gpu, memoryBusy] = this.#words((words) => utilization(handle, words));
    const [milliwatts] = this.#words((words) => power(handle, words));
    const [celsius] = this.#words((words) => temperature(handle, TEMPERATURE_GPU, words));
    const [smClockMhz] = this.#words((words) => clock(handle, Clock.sm, words));
    const [memoryClockMhz] = this.#words((words) => clock(handle, Clock.memory, words));
    const asksPcie = gpm === undefined && device.asked++ % PCIE_EVERY === 0;
    return {
      gpu: divided(gpu, 100),
      memoryBusy: divided(memoryBusy, 100),
      memoryUsedBytes: this.#memory(handle)?.used ?? null,
      watts: divided(milliwatts, 1000),
      celsius: celsius ?? null,
      smClockMhz: smClockMhz ?? null,
      memoryClockMhz: memoryClockMhz ?? null,
      pcieSentBytesPerSecond: asksPcie ? this.#pcie(handle, Pcie.sent) : null,
      pcieReceivedBytesPerSecond: asksPcie ? this.#pcie(handle, Pcie.received) : null,
      smActive: null,
      smOccupancy: null,
      tensorActive: null,
      dramActive: null,
      ...gpm?.sample(),
    };
  }

  close(): void {
    for (const { gpm } of this.#devices) gpm?.close();
    this.#library.shutdown();
  }

  /** Numbers that a function writes; none where it fails. */
  #words(call: (words: Uint32Array) => number): readonly number[] {
    return call(this.#out) === 0 ? [...this.#out] : [];
  }

  #memory(handle: bigint): { readonly total: number; readonly used: number } | undefined {
    if (this.#library.memory(handle, this.#longs) !== 0) return undefined;
    const [total = 0n, , used = 0n] = this.#longs;
    return { total: Number(total), used: Number(used) };
  }

  /** Told in kB/s. */
  #pcie(handle: bigint, counter: number): number | null {
    const [kilobytes] = this.#words((words) => this.#library.pcie(handle, counter, words));
    return kilobytes === undefined ? null : kilobytes * 1000;
  }
}

/** Division rounds right where multiplication by the inverse does not: 0.41. */
function divided(value: number | undefined, by: number): number | null {
  return value === undefined ? null : value / by;
}

/** A text that a function writes. */
function text(bytes: number, call: (out: Uint8Array) => number): string | null {
  const out = Buffer.alloc(bytes);
  if (call(out) !== 0) return null;
  const end = out.indexOf(0);
  return out.toString('utf8', 0, end < 0 ? bytes : end);
}

/** 12040 is 12.4. */
function cudaVersion({ cudaVersion: call }: Library): string | null {
  const out = new Int32Array(1);
  if (call(out) !== 0) return null;
  const [version = 0] = out;
  return `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
}
