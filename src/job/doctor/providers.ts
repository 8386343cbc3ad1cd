import { basename } from 'node:path';
import type { ProviderAnswer } from './child/provider.js';
import { describeFailure, type Outcome } from './isolated.js';
import { howToGet } from './libraries.js';
import type { OnnxRuntime } from './onnxruntime.js';
import type { AdapterFinding, ProviderFinding } from './types.js';

/** What is known besides. */
export interface ProviderContext {
  readonly runtime: OnnxRuntime;
  readonly adapter: AdapterFinding;
  readonly hasNvidiaGpu: boolean;
  readonly limitMs: number;
}

/** Those that ONNX Runtime may have on a platform, in the order in which they are shown. */
export function providersOf(platform: string): string[] {
  const own = platform === 'win32' ? ['dml'] : platform === 'darwin' ? ['coreml'] : [];
  return ['cpu', 'webgpu', 'cuda', 'tensorrt', ...own];
}

export function judgeProvider(
  name: string,
  outcome: Outcome<ProviderAnswer>,
  context: ProviderContext,
): ProviderFinding {
  const software = name === 'webgpu' && context.adapter.software;
  const rest = { name, todo: [], startMs: null, runMs: null, signal: null, software: false };
  if (outcome.kind === 'answered') return { ...rest, ...judgeAnswer(outcome.answer, software) };
  const signal = outcome.kind === 'crashed' ? outcome.signal : null;
  return { ...rest, signal, ...judgeFailure(name, outcome, context) };
}

function judgeAnswer(
  answer: ProviderAnswer,
  software: boolean,
): Pick<ProviderFinding, 'status' | 'detail' | 'todo'> & Partial<ProviderFinding> {
  if (answer.kind === 'unbuilt') {
    const detail = `onnxruntime-node has none for ${process.platform}/${process.arch}`;
    return { status: 'absent', detail, todo: [] };
  }
  if (answer.kind === 'wrong') {
    const detail = `it computes wrong results: ${answer.results.join(', ')} where ${answer.expected.join(', ')} is right`;
    return {
      status: 'broken',
      detail,
      todo: ["Leave it out of model.providers, and update the GPU's driver."],
    };
  }
  const { startMs, runMs } = answer;
  const times = `right results; starts in ${millis(startMs)}, a run takes ${millis(runMs)}`;
  return {
    status: 'ok',
    detail: software ? `${times}; on a software adapter, which is slower than cpu` : times,
    todo: software ? ['Use cpu. For tests alone, set model.options.allowSoftware: true.'] : [],
    startMs: round(startMs),
    runMs: round(runMs),
    software,
  };
}

/** Two or three digits are as many as one measurement is good for. */
function millis(value: number): string {
  return `${value < 1 ? value.toFixed(2) : value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

type Judged = Pick<ProviderFinding, 'status' | 'detail' | 'todo'>;

function judgeFailure(name: string, outcome: Outcome<ProviderAnswer>, context: ProviderContext): Judged {
  const { limitMs } = context;
  const broken = (todo: readonly string[]): Judged => ({
    status: 'broken',
    detail: describeFailure(outcome, limitMs),
    todo,
  });
  if (outcome.kind === 'crashed' || outcome.kind === 'exited' || outcome.kind === 'timed-out') {
    return broken([
      name === 'cpu'
        ? 'Install onnxruntime-node again: npm rebuild onnxruntime-node'
        : `Leave ${name} out of model.providers: a job would go down with it. Then update the GPU's driver.`,
    ]);
  }
  if (name === 'cuda' || name === 'tensorrt') return judgeNvidia(name, outcome, context) ?? broken([]);
  if (name === 'webgpu') return judgeWebgpu(outcome) ?? broken(["Update the GPU's driver."]);
  return broken(['Install onnxruntime-node again: npm rebuild onnxruntime-node']);
}

/** Libraries are loaded by name when the provider starts, and ONNX Runtime's log says which was not there. */
function judgeNvidia(
  name: string,
  { log }: Outcome<unknown>,
  { runtime, hasNvidiaGpu }: ProviderContext,
): Judged | undefined {
  const [, library, why] = /Failed to load library (\S+) with error: (.*)/.exec(log) ?? [];
  if (library === undefined || why === undefined) return undefined;
  const missing = /^(\S+): cannot open shared object file/.exec(why)?.[1] ?? library;
  const own = basename(missing).startsWith('libonnxruntime_providers_');
  if (own && !hasNvidiaGpu) {
    return { status: 'absent', detail: `no NVIDIA GPU, and ${basename(missing)} is not installed`, todo: [] };
  }
  if (own) {
    const detail = `its library is not installed: looked for ${missing}`;
    const install = `npm rebuild onnxruntime-node --onnxruntime-node-install=${runtime.installName ?? 'cuda12'}`;
    return { status: 'absent', detail, todo: [install] };
  }
  const optional = name === 'tensorrt' && /^libnv/.test(missing);
  return {
    status: optional || !hasNvidiaGpu ? 'absent' : 'broken',
    detail: `${missing} was looked for and not found, and ${basename(library)} needs it`,
    todo: [howToGet(missing, runtime.cudaWanted)],
  };
}

function judgeWebgpu(outcome: Outcome<unknown>): Judged | undefined {
  const { log } = outcome;
  if (outcome.kind !== 'failed' || !/adapter/i.test(outcome.message)) return undefined;
  return { status: 'absent', ...whyNoAdapter(log) };
}

/** Why Dawn finds no adapter. */
export function whyNoAdapter(log: string): { detail: string; todo: string[] } {
  if (process.platform !== 'linux')
    return { detail: 'no adapter', todo: ['If this machine has a GPU, install its driver.'] };
  const driver =
    "If this machine has a GPU, install its Vulkan driver: NVIDIA's is part of its driver (in a container, set NVIDIA_DRIVER_CAPABILITIES=all), that of AMD and Intel is apt-get install mesa-vulkan-drivers.";
  if (/Couldn't load Vulkan: libvulkan/.test(log)) {
    return {
      detail: 'no adapter: the Vulkan loader, libvulkan.so.1, is not installed',
      todo: ['apt-get install libvulkan1', driver],
    };
  }
  return { detail: 'no adapter: Vulkan knows no driver of a GPU', todo: [driver] };
}
