import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { neededLibraries } from './elf.js';

/** What the installed onnxruntime-node is and wants, as far as its own files tell. */
export interface OnnxRuntime {
  readonly version: string | null;
  /** CUDA's major version, as the installed provider links it; null where it has none for this platform. */
  readonly cudaWanted: number | null;
  /** What its install script calls the provider: `cuda12`. */
  readonly installName: string | null;
  readonly cudnnWanted: number | null;
  /** Whether the libraries of its CUDA provider, which are not part of the package, are installed. */
  readonly hasCudaProvider: boolean;
  /** Where they belong. */
  readonly binaries: string;
  /** Libraries of CUDA and cuDNN that the provider needs. */
  readonly libraries: readonly string[];
}

/**
 * By CUDA's major version, what its provider links, for as long as it is not installed and can't be asked itself: NVIDIA
 * counts some of its libraries apart (https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html).
 */
const LIBRARIES: Readonly<Record<number, readonly string[]>> = {
  12: ['libcudart.so.12', 'libcublas.so.12', 'libcublasLt.so.12', 'libcurand.so.10'],
  13: ['libcudart.so.13', 'libcublas.so.13', 'libcublasLt.so.13', 'libcurand.so.10'],
};

/**
 * What it loads only for a model that needs it, from 1.28 on, and links before: convolutions want cuDNN
 * (microsoft/onnxruntime pull requests 29252 and 29808).
 */
const ON_USE: Readonly<Record<number, readonly string[]>> = {
  12: ['libcufft.so.11', 'libcudnn.so.9'],
  13: ['libcufft.so.12', 'libcudnn.so.9'],
};

/**
 * From this minor version on its packages are built for CUDA 13, and those for CUDA 12 are others, by name and feed
 * (https://github.com/microsoft/onnxruntime/releases/tag/v1.27.0); the install script still calls what it fetches cuda12.
 */
const FIRST_FOR_CUDA_13 = 27;

const NVIDIA_LIBRARY = /^lib(?:cu|nv)[A-Za-z_]+\.so/;

export function inspectOnnxRuntime(): OnnxRuntime {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform}/${process.arch}`;
  let folder: string;
  let version: string | null = null;
  try {
    folder = dirname(require.resolve('onnxruntime-node/package.json'));
    version = (require('onnxruntime-node/package.json') as { version: string }).version;
  } catch {
    return {
      version,
      cudaWanted: null,
      installName: null,
      cudnnWanted: null,
      hasCudaProvider: false,
      binaries: '',
      libraries: [],
    };
  }
  const binaries = join(folder, 'bin/napi-v6', platform);
  const provider = join(binaries, 'libonnxruntime_providers_cuda.so');
  const installName = installNameOf(require, platform);
  const linked = neededLibraries(provider)?.filter((name) => NVIDIA_LIBRARY.test(name));
  const cudaWanted = installName === null ? null : wantedBy(linked, version, installName);
  const named = cudaWanted === null ? [] : [...(linked ?? LIBRARIES[cudaWanted] ?? [])];
  const libraries = [...new Set([...named, ...(ON_USE[cudaWanted ?? 0] ?? [])])];
  const cudnn = libraries.map((name) => /^libcudnn\.so\.(\d+)$/.exec(name)?.[1]).find(Boolean);
  return {
    version,
    cudaWanted,
    installName,
    cudnnWanted: cudnn === undefined ? null : Number(cudnn),
    hasCudaProvider: existsSync(provider),
    binaries,
    libraries,
  };
}

/** The library itself knows best; else what packages of its version are built for. */
export function wantedBy(
  linked: readonly string[] | undefined,
  version: string | null,
  installName: string,
): number | null {
  const own = linked?.map((name) => /^libcudart\.so\.(\d+)/.exec(name)?.[1]).find(Boolean);
  if (own !== undefined) return Number(own);
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  if (Number(major) > 1 || Number(minor) >= FIRST_FOR_CUDA_13) return 13;
  const told = /^cuda(\d+)$/.exec(installName)?.[1];
  return told === undefined ? null : Number(told);
}

/** What its install script fetches for this platform: `cuda12`. */
function installNameOf(require: NodeJS.Require, platform: string): string | null {
  try {
    const { requirements } = require('onnxruntime-node/script/install-metadata.js') as {
      requirements: Record<string, string[]>;
    };
    return requirements[platform]?.find((name) => /^cuda\d+$/.test(name)) ?? null;
  } catch {
    return null;
  }
}
