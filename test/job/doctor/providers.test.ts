import { describe, expect, test } from 'vitest';
import type { ProviderAnswer } from '../../../src/job/doctor/child/provider.js';
import { judgeGpus, judgePinning } from '../../../src/job/doctor/devices.js';
import type { Outcome } from '../../../src/job/doctor/isolated.js';
import { judgeLibrary } from '../../../src/job/doctor/libraries.js';
import { wantedBy } from '../../../src/job/doctor/onnxruntime.js';
import { judgeProvider, whyNoAdapter } from '../../../src/job/doctor/providers.js';
import type { AdapterFinding } from '../../../src/job/doctor/types.js';

const ADAPTER: AdapterFinding = {
  name: 'WebGPU',
  status: 'absent',
  detail: '',
  todo: [],
  vendor: null,
  architecture: null,
  device: null,
  description: null,
  software: false,
};
const RUNTIME = {
  version: '1.30.0',
  cudaWanted: 12,
  installName: 'cuda12',
  cudnnWanted: 9,
  hasCudaProvider: true,
  binaries: '/ort',
  libraries: [],
};
const context = (hasNvidiaGpu: boolean) => ({
  runtime: RUNTIME,
  adapter: ADAPTER,
  hasNvidiaGpu,
  limitMs: 30_000,
});

/** As ONNX Runtime logs it and throws. */
function loadFailure(library: string, error: string): Outcome<ProviderAnswer> {
  return {
    kind: 'failed',
    message: 'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library',
    log: `[E:onnxruntime] Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library /ort/${library} with error: ${error}\n`,
  };
}

describe('cuda', () => {
  const missing = (file: string) => `${file}: cannot open shared object file: No such file or directory`;

  test('whose cuDNN is missing on a GPU host is broken; the file that was looked for is named', () => {
    const outcome = loadFailure('libonnxruntime_providers_cuda.so', missing('libcudnn.so.9'));
    const finding = judgeProvider('cuda', outcome, context(true));
    expect(finding).toMatchObject({
      status: 'broken',
      detail: 'libcudnn.so.9 was looked for and not found, and libonnxruntime_providers_cuda.so needs it',
    });
    expect(finding.todo[0]).toContain('apt-get install libcudnn9-cuda-12');
    expect(judgeProvider('cuda', outcome, context(false)).status).toBe('absent');
  });

  test('whose CUDA is missing is told how to get that', () => {
    const outcome = loadFailure('libonnxruntime_providers_cuda.so', missing('libcublasLt.so.12'));
    expect(judgeProvider('cuda', outcome, context(true)).todo[0]).toContain(
      'Install the libraries of CUDA 12',
    );
    const driver = loadFailure('libonnxruntime_providers_cuda.so', missing('libcuda.so.1'));
    expect(judgeProvider('cuda', driver, context(true)).todo[0]).toContain("Install NVIDIA's driver");
  });

  test('which is not installed is absent', () => {
    const path = '/ort/libonnxruntime_providers_shared.so';
    const outcome = loadFailure('libonnxruntime_providers_shared.so', missing(path));
    expect(judgeProvider('cuda', outcome, context(true))).toMatchObject({
      status: 'absent',
      detail: `its library is not installed: looked for ${path}`,
      todo: ['npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12'],
    });
    expect(judgeProvider('cuda', outcome, context(false)).todo).toEqual([]);
  });

  test('which fails in another way says what CUDA says', () => {
    const message = 'CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=0';
    expect(judgeProvider('cuda', { kind: 'failed', message, log: '' }, context(true))).toMatchObject({
      status: 'broken',
      detail: message,
    });
  });
});

test('TensorRT without its own libraries is absent, which is how most hosts are', () => {
  const error = 'libnvinfer.so.10: cannot open shared object file: No such file or directory';
  const finding = judgeProvider(
    'tensorrt',
    loadFailure('libonnxruntime_providers_tensorrt.so', error),
    context(true),
  );
  expect(finding).toMatchObject({ status: 'absent' });
  expect(finding.todo[0]).toContain('Install TensorRT 10 for CUDA 12');
});

test('wrong results are broken, whatever the speed', () => {
  const answer = { kind: 'wrong', results: [0, 1], expected: [0, 2] } as const;
  const finding = judgeProvider('webgpu', { kind: 'answered', answer, log: '' }, context(false));
  expect(finding).toMatchObject({
    status: 'broken',
    detail: 'it computes wrong results: 0, 1 where 0, 2 is right',
  });
});

test.skipIf(process.platform !== 'linux')('the Vulkan loader and a driver are two things', () => {
  const log = "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file";
  expect(whyNoAdapter(log).todo[0]).toBe('apt-get install libvulkan1');
  expect(whyNoAdapter('Warning: vkCreateInstance: Found no drivers!').todo[0]).toContain('Vulkan driver');
});

test('a library is found with its version, missing, or there without one that it needs', () => {
  const judge = (path: string | null, error: string | null) =>
    judgeLibrary('libcudnn.so.9', { kind: 'answered', answer: { path, error }, log: '' }, RUNTIME, 1000);
  expect(judge('/usr/lib/libcudnn.so.9.5.1', null)).toMatchObject({ status: 'ok', version: '9.5.1' });
  const none = 'cannot open shared object file: No such file or directory';
  expect(judge(null, `libcudnn.so.9: ${none}`).status).toBe('absent');
  const other = judge(null, `libcublas.so.12: ${none}`);
  expect(other.status).toBe('broken');
  expect(other.todo[0]).toContain('libraries of CUDA 12');
});

describe('the CUDA that ONNX Runtime wants', () => {
  test('is what its library links, whatever the install script calls it', () => {
    expect(wantedBy(['libcublasLt.so.13', 'libcudart.so.13', 'libcuda.so.1'], '1.30.0', 'cuda12')).toBe(13);
    expect(wantedBy(['libcudart.so.12'], '1.30.0', 'cuda12')).toBe(12);
  });

  test('is told by its version where the library is not installed: 13 from 1.27 on', () => {
    expect(wantedBy(undefined, '1.26.0', 'cuda12')).toBe(12);
    expect(wantedBy(undefined, '1.27.0', 'cuda12')).toBe(13);
    expect(wantedBy(undefined, '2.0.0', 'cuda12')).toBe(13);
    expect(wantedBy(undefined, null, 'cuda12')).toBe(12);
  });
});

describe('the driver', () => {
  const gpus = (cuda: string): ReturnType<typeof judgeGpus> => {
    const device = { index: 0, name: 'L4', uuid: null, memoryBytes: null };
    const answer = { source: 'nvml' as const, driver: '550.90', cuda, devices: [device] };
    return judgeGpus({ kind: 'answered', answer, log: '' }, { version: '1.30.0', cudaWanted: 13 }, 30_000);
  };

  test('that is older than the CUDA that is wanted is to be updated', () => {
    expect(gpus('12.4')).toMatchObject({
      status: 'ok',
      todo: [
        "For the cuda provider of ONNX Runtime 1.30.0, which wants CUDA 13, update NVIDIA's driver to 580 or later.",
      ],
    });
    expect(gpus('13.0').todo).toEqual([]);
  });

  test('pins memory, or does not, which matters on a GPU host only', () => {
    const answer = { bytes: 2 ** 24, ms: 4.56789 };
    expect(judgePinning({ kind: 'answered', answer, log: '' }, true, 30_000)).toMatchObject({
      status: 'ok',
      detail: "NVIDIA's driver has registered 16 MiB in 4.6 ms: batches go to the GPU right from the ring",
      ms: 4.568,
    });
    const failed = { kind: 'failed', message: 'cuMemHostRegister failed with X (2)', log: '' } as const;
    expect(judgePinning(failed, false, 30_000)).toMatchObject({ status: 'absent', todo: [] });
    expect(judgePinning(failed, true, 30_000)).toMatchObject({
      status: 'broken',
      detail: expect.stringContaining('cuMemHostRegister failed with X (2)'),
    });
    const without = {
      ...failed,
      message: 'memory is pinned through the package koffi, which is not installed',
    };
    expect(judgePinning(without, true, 30_000).todo).toEqual(['npm install koffi']);
  });
});
