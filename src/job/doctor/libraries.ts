import { basename } from 'node:path';
import type { LibraryAnswer } from './child/library.js';
import { describeFailure, type Outcome } from './isolated.js';
import type { OnnxRuntime } from './onnxruntime.js';
import type { LibraryFinding } from './types.js';

/** Libraries of CUDA and cuDNN, as the loader finds them. */
export function judgeLibraries(
  outcome: Outcome<readonly LibraryAnswer[]>,
  runtime: OnnxRuntime,
  limitMs: number,
): LibraryFinding[] {
  return runtime.libraries.map((name, i) => {
    const nothing: LibraryAnswer = { path: null, error: 'it was not asked for' };
    const one = outcome.kind === 'answered' ? { ...outcome, answer: outcome.answer[i] ?? nothing } : outcome;
    return judgeLibrary(name, one, runtime, limitMs);
  });
}

export function judgeLibrary(
  name: string,
  outcome: Outcome<LibraryAnswer>,
  { cudaWanted }: OnnxRuntime,
  limitMs: number,
): LibraryFinding {
  if (outcome.kind !== 'answered') {
    const detail = describeFailure(outcome, limitMs);
    return { name, status: 'broken', detail, todo: [], path: null, version: null };
  }
  const { path, error } = outcome.answer;
  if (error === null) {
    const version = path === null ? null : versionIn(path);
    return { name, status: 'ok', detail: path ?? 'it loads', todo: [], path, version };
  }
  const missing = /^(\S+): cannot open shared object file: No such file/.exec(error)?.[1];
  if (missing === name) {
    const detail = 'not found along LD_LIBRARY_PATH nor in the cache of ldconfig';
    return { name, status: 'absent', detail, todo: [howToGet(name, cudaWanted)], path: null, version: null };
  }
  // It is there, and something that it needs itself is not.
  const todo = missing === undefined ? [] : [howToGet(missing, cudaWanted)];
  return { name, status: 'broken', detail: error, todo, path: null, version: null };
}

/** `libcudnn.so.9.5.1` is 9.5.1. */
function versionIn(path: string): string | null {
  return /\.so\.([\d.]+)$/.exec(basename(path))?.[1] ?? null;
}

/** What brings a library of NVIDIA's. */
export function howToGet(library: string, cuda: number | null): string {
  const major = cuda ?? 13;
  if (library.startsWith('libcuda.')) {
    return "Install NVIDIA's driver; in a container, start it with the GPUs (docker run --gpus all).";
  }
  if (library.startsWith('libnvinfer') || library.startsWith('libnvonnxparser')) {
    return `Install TensorRT ${/\.so\.(\d+)/.exec(library)?.[1] ?? ''} for CUDA ${major}: https://developer.nvidia.com/tensorrt`;
  }
  if (library.startsWith('libcudnn')) {
    const version = /\.so\.(\d+)/.exec(library)?.[1] ?? '9';
    return `Install cuDNN ${version} for CUDA ${major}: apt-get install libcudnn${version}-cuda-${major} from NVIDIA's repository, or an image nvidia/cuda:${major}.*-cudnn-runtime.`;
  }
  return `Install the libraries of CUDA ${major}: https://developer.nvidia.com/cuda-downloads, or an image nvidia/cuda:${major}.*-cudnn-runtime. Where they are installed already, name their folder in LD_LIBRARY_PATH.`;
}
