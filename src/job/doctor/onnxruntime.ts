import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { neededLibraries } from './elf.js';

/** What the installed onnxruntime-node is and wants, as far as its own files tell. */
export interface OnnxRuntime {
  readonly version: string | null;
  /** CUDA's major version; null where it has no CUDA provider for this platform. */
  readonly cudaWanted: number | null;
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
  12: [
    'libcudart.so.12',
    'libcublas.so.12',
    'libcublasLt.so.12',
    'libcufft.so.11',
    'libcurand.so.10',
    'libcudnn.so.9',
  ],
};

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
      cudnnWanted: null,
      hasCudaProvider: false,
      binaries: '',
      libraries: [],
    };
  }
  const binaries = join(folder, 'bin/napi-v6', platform);
  const provider = join(binaries, 'libonnxruntime_providers_cuda.so');
  const told = cudaOf(require, platform);
  const linked = neededLibraries(provider)?.filter((name) => NVIDIA_LIBRARY.test(name));
  const libraries = told === null ? [] : (linked ?? LIBRARIES[told] ?? []);
  const cudnn = libraries.map((name) => /^libcudnn\.so\.(\d+)$/.exec(name)?.[1]).find(Boolean);
  return {
    version,
    cudaWanted: told,
    cudnnWanted: cudnn === undefined ? null : Number(cudnn),
    hasCudaProvider: existsSync(provider),
    binaries,
    libraries,
  };
}

/** What its install script would fetch for this platform: `cuda12`. */
function cudaOf(require: NodeJS.Require, platform: string): number | null {
  try {
    const { requirements } = require('onnxruntime-node/script/install-metadata.js') as {
      requirements: Record<string, string[]>;
    };
    const named = requirements[platform]?.map((name) => /^cuda(\d+)$/.exec(name)?.[1]).find(Boolean);
    return named === undefined ? null : Number(named);
  } catch {
    return null;
  }
}
