import type { GpuDevice, GpuSource } from '../../measure/gpu/types.js';

/** `ok`: it works. `absent`: it is not here, and nothing needs it. `broken`: it is here and does not work. */
export type Status = 'ok' | 'absent' | 'broken';

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly status: Status;
  /** What was found, or what is wrong: a sentence without its full stop. */
  readonly detail: string;
  /** What to do about it, a step each; empty where there is nothing to do. */
  readonly todo: readonly string[];
}

export interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  /** The C library, on Linux. */
  readonly libc: { readonly name: 'glibc' | 'musl'; readonly version: string | null } | null;
  readonly cpu: {
    readonly model: string;
    readonly cores: number;
    /** Cores' worth of time that the cgroup grants; null where it sets no limit. */
    readonly limit: number | null;
  };
  readonly memory: {
    readonly totalBytes: number;
    /** What the cgroup grants; null where it sets no limit below the machine's. */
    readonly limitBytes: number | null;
    readonly availableBytes: number;
  };
}

export interface GpuFinding extends Finding {
  readonly source: GpuSource | null;
  readonly driver: string | null;
  /** The newest CUDA that the driver runs. */
  readonly cuda: string | null;
  readonly devices: readonly (GpuDevice & { readonly memoryBytes: number | null })[];
}

/** The adapter that WebGPU takes by default. */
export interface AdapterFinding extends Finding {
  readonly vendor: string | null;
  readonly architecture: string | null;
  readonly device: string | null;
  readonly description: string | null;
  /** It is no hardware: the CPU plays its part. */
  readonly software: boolean;
}

/** Whether memory can be registered with NVIDIA's driver (page-locked), as that of batches is on CUDA. */
export interface PinningFinding extends Finding {
  /** How much was, to try it. */
  readonly bytes: number | null;
  /** How long that took. */
  readonly ms: number | null;
}

export interface ProviderFinding extends Finding {
  /** Until the session was there. */
  readonly startMs: number | null;
  /** The fastest of some runs, the first one left out. */
  readonly runMs: number | null;
  /** What ended its process, where it crashed. */
  readonly signal: string | null;
  readonly software: boolean;
}

export interface LibraryFinding extends Finding {
  /** The file that was found, with symbolic links followed. */
  readonly path: string | null;
  /** As the name of the file tells it. */
  readonly version: string | null;
}

export interface PackageFinding extends Finding {
  readonly version: string | null;
  readonly wanted: string | null;
}

export interface Diagnosis {
  readonly penstock: string;
  /** Whether models can run here at all: the cpu provider works. */
  readonly ok: boolean;
  /** What no probe may exceed. */
  readonly probeLimitSeconds: number;
  readonly machine: Machine;
  /** The machine, judged. */
  readonly machineFindings: readonly Finding[];
  readonly gpus: GpuFinding;
  readonly adapter: AdapterFinding;
  readonly pinnedMemory: PinningFinding;
  readonly onnxruntime: {
    readonly version: string | null;
    /**
     * Major versions that it wants, where it has a CUDA provider on this platform: those of the libraries that the provider
     * links, or of those that it would where it is not installed.
     */
    readonly cudaWanted: number | null;
    readonly cudnnWanted: number | null;
  };
  readonly providers: readonly ProviderFinding[];
  /** CUDA's and cuDNN's libraries that the provider needs; empty where there is no CUDA provider. */
  readonly libraries: readonly LibraryFinding[];
  readonly packages: readonly PackageFinding[];
}
