import { DeviceError, messageOf } from '../../util/errors.js';

/*
 * CUDA's driver API through koffi: cuda.h, of which the functions below are declared as they stand there
 * (https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__MEM.html).
 */

/** Where the loader of the system finds it. */
const LIBRARY = process.platform === 'win32' ? 'nvcuda.dll' : 'libcuda.so.1';

/** CU_MEMHOSTREGISTER_PORTABLE: pinned for every context of the process, that of ONNX Runtime among them. */
const PORTABLE = 0x01;

/** CUresult of what is worth more words than its name. */
const OUT_OF_MEMORY = 2;
const NO_DEVICE = 100;

type Koffi = typeof import('koffi');
type Library = ReturnType<typeof openFunctions>;

function openFunctions(koffi: Koffi, library: string) {
  const cuda = koffi.load(library);
  const get = (name: string, ...parameters: string[]): ((...values: unknown[]) => number) =>
    cuda.func(`int ${name}(${parameters.join(', ')})`);
  return {
    init: get('cuInit', 'unsigned int flags'),
    device: get('cuDeviceGet', 'int *device', 'int ordinal'),
    retain: get('cuDevicePrimaryCtxRetain', 'void *context', 'int device'),
    release: get('cuDevicePrimaryCtxRelease_v2', 'int device'),
    push: get('cuCtxPushCurrent_v2', 'void *context'),
    pop: get('cuCtxPopCurrent_v2', 'void *context'),
    register: get('cuMemHostRegister_v2', 'void *memory', 'size_t bytes', 'unsigned int flags'),
    unregister: get('cuMemHostUnregister', 'void *memory'),
    errorName: get('cuGetErrorName', 'int error', '_Out_ const char **name'),
  };
}

/**
 * Registers memory with NVIDIA's driver, which then copies between it and a GPU without going through memory of its own.
 * For one thread. Whoever opens it closes it, and unregisters what is registered before it may be freed.
 */
export class CudaDriver {
  readonly #library: Library;
  readonly #device: number;
  readonly #context: bigint;

  private constructor(library: Library, device: number, context: bigint) {
    this.#library = library;
    this.#device = device;
    this.#context = context;
  }

  /**
   * @param ordinal of the GPU, as CUDA numbers those that this process may use
   * @throws DeviceError where there is no koffi, no driver or no such GPU
   */
  static async open(ordinal: number, library = LIBRARY): Promise<CudaDriver> {
    let koffi: Koffi;
    try {
      koffi = await import('koffi');
    } catch (cause) {
      throw new DeviceError('memory is pinned through the package koffi, which is not installed', {
        hint: 'npm install koffi',
        cause,
      });
    }
    let functions: Library;
    try {
      functions = openFunctions(koffi, library);
    } catch (cause) {
      throw new DeviceError(`NVIDIA's driver, ${library}, can't be loaded: ${messageOf(cause)}`, {
        hint: "Install NVIDIA's driver; in a container, start it with the GPUs (docker run --gpus all).",
        cause,
      });
    }
    check(functions, 'cuInit', functions.init(0));
    const device = new Int32Array(1);
    check(functions, 'cuDeviceGet', functions.device(device, ordinal));
    // The primary context is the one that CUDA's runtime, and so ONNX Runtime, works in.
    const context = new BigUint64Array(1);
    const [number = 0] = device;
    check(functions, 'cuDevicePrimaryCtxRetain', functions.retain(context, number));
    return new CudaDriver(functions, number, context[0] ?? 0n);
  }

  /** @throws DeviceError with what the driver says where it does not pin all of it */
  register(memory: Uint8Array): void {
    this.#inContext('cuMemHostRegister', ({ register }) => register(memory, memory.length, PORTABLE));
  }

  /** @param memory exactly what was registered */
  unregister(memory: Uint8Array): void {
    this.#inContext('cuMemHostUnregister', ({ unregister }) => unregister(memory));
  }

  close(): void {
    this.#library.release(this.#device);
  }

  /** The thread's own context, where it has one, is as before afterwards. */
  #inContext(name: string, call: (library: Library) => number): void {
    const library = this.#library;
    check(library, 'cuCtxPushCurrent', library.push(this.#context));
    let code: number;
    try {
      code = call(library);
    } finally {
      library.pop(new BigUint64Array(1));
    }
    check(library, name, code);
  }
}

function check(library: Library, name: string, code: number): void {
  if (code === 0) return;
  const out: [string | null] = [null];
  const known = library.errorName(code, out) === 0 ? out[0] : null;
  throw new DeviceError(`${name} failed with ${known ?? 'an unknown error'} (${code})`, {
    ...(code === OUT_OF_MEMORY && {
      hint: 'Give ring.maxBytes or ring.slots a smaller number, or the machine, or its container, more memory.',
    }),
    ...(code === NO_DEVICE && {
      hint: 'Start the container with the GPUs (docker run --gpus all), and look at CUDA_VISIBLE_DEVICES.',
    }),
  });
}
