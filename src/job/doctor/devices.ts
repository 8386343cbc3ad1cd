import type { AdapterAnswer } from './child/adapter.js';
import type { GpusAnswer } from './child/gpus.js';
import type { PinningAnswer } from './child/pinning.js';
import { describeFailure, type Outcome } from './isolated.js';
import type { OnnxRuntime } from './onnxruntime.js';
import { whyNoAdapter } from './providers.js';
import type { AdapterFinding, GpuFinding, PinningFinding } from './types.js';

/** The first driver that runs a major version of CUDA: https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/. */
const FIRST_DRIVER: Readonly<Record<number, string>> = { 12: '525', 13: '580' };

/** NVIDIA's GPUs, as their driver tells them. */
export function judgeGpus(
  outcome: Outcome<GpusAnswer | null>,
  { version, cudaWanted }: Pick<OnnxRuntime, 'version' | 'cudaWanted'>,
  limitMs: number,
): GpuFinding {
  const nothing = { name: 'NVIDIA', todo: [], source: null, driver: null, cuda: null, devices: [] };
  if (outcome.kind !== 'answered') {
    const todo = ["Update NVIDIA's driver; until then the report of a run has no utilization."];
    return {
      ...nothing,
      status: 'broken',
      detail: `the driver was asked: ${describeFailure(outcome, limitMs)}`,
      todo,
    };
  }
  const { answer } = outcome;
  if (answer === null) {
    return { ...nothing, status: 'absent', detail: 'no GPU: neither NVML nor nvidia-smi knows one' };
  }
  const { driver, cuda, devices, source } = answer;
  const named = devices.map(
    ({ name, memoryBytes }) => `${name}${memoryBytes === null ? '' : ` (${gigabytes(memoryBytes)})`}`,
  );
  const runs = cuda === null ? '' : `, runs CUDA up to ${cuda}`;
  const detail = `${named.join(', ')}; driver ${driver ?? 'of unknown version'}${runs}`;
  const todo = source === 'nvml' ? [] : ['npm install koffi, so that NVML is asked, which tells more.'];
  if (cuda !== null && cudaWanted !== null && Number.parseInt(cuda, 10) < cudaWanted) {
    const driverWanted = FIRST_DRIVER[cudaWanted];
    todo.push(
      `For the cuda provider of ONNX Runtime ${version ?? ''}, which wants CUDA ${cudaWanted}, update NVIDIA's driver${driverWanted === undefined ? '' : ` to ${driverWanted} or later`}.`,
    );
  }
  return { ...nothing, ...answer, status: 'ok', detail, todo };
}

/** Pinned memory, which batches for CUDA lie in. */
export function judgePinning(
  outcome: Outcome<PinningAnswer>,
  hasNvidiaGpu: boolean,
  limitMs: number,
): PinningFinding {
  const name = 'pinned';
  if (outcome.kind === 'answered') {
    const { bytes, ms } = outcome.answer;
    const detail = `NVIDIA's driver has registered ${bytes / 2 ** 20} MiB in ${ms.toFixed(1)} ms: batches go to the GPU right from the ring`;
    return { name, status: 'ok', detail, todo: [], bytes, ms: Math.round(ms * 1000) / 1000 };
  }
  const nothing = { name, bytes: null, ms: null };
  if (!hasNvidiaGpu) return { ...nothing, status: 'absent', detail: 'no NVIDIA GPU would need it', todo: [] };
  const detail = `memory can't be registered with NVIDIA's driver, so that copies to the GPU take longer: ${describeFailure(outcome, limitMs)}`;
  const isKoffi = outcome.kind === 'failed' && outcome.message.includes('koffi');
  const todo = isKoffi
    ? ['npm install koffi']
    : ["Update NVIDIA's driver. Until then all works: ring.pinned: auto, the default, does without."];
  return { ...nothing, status: 'broken', detail, todo };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** What WebGPU is built on. */
const API: Readonly<Record<string, string>> = { linux: 'Vulkan', darwin: 'Metal', win32: 'Direct3D' };

export function judgeAdapter(outcome: Outcome<AdapterAnswer | null>, limitMs: number): AdapterFinding {
  const nothing = {
    name: 'WebGPU',
    todo: [],
    vendor: null,
    architecture: null,
    device: null,
    description: null,
    software: false,
  };
  if (outcome.kind === 'failed' && /Cannot find package 'webgpu'/.test(outcome.message)) {
    const detail = 'the adapter is not known: the package webgpu, which tells it, is not installed';
    return { ...nothing, status: 'absent', detail };
  }
  if (outcome.kind !== 'answered') {
    const todo = ["Update the GPU's driver."];
    return {
      ...nothing,
      status: 'broken',
      detail: `an adapter was asked for: ${describeFailure(outcome, limitMs)}`,
      todo,
    };
  }
  const { answer, log } = outcome;
  if (answer === null) return { ...nothing, status: 'absent', ...whyNoAdapter(log) };
  const { vendor, architecture, device, description, software } = answer;
  const also = [vendor, architecture, description].filter((part) => part !== '' && part !== device);
  const what = software
    ? ', a software adapter: the CPU plays its part, 30 to 100 times slower than cpu'
    : '';
  const detail = `${device || description || 'an adapter without a name'} (${also.join(', ')}), over ${API[process.platform] ?? 'OpenGL'}${what}`;
  return { ...nothing, ...answer, status: 'ok', detail };
}
