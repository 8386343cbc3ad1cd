import { availableMemory } from '../util/memory.js';
import type { Offer } from './needs.js';
import type { WorkerOptions } from './worker-options.js';

/** The package that has a provider of the TensorFlow runtime. */
const TENSORFLOW: Readonly<Record<string, string>> = {
  '@tensorflow/tfjs-node-gpu': 'tfjs-node-gpu',
  '@tensorflow/tfjs-node': 'tfjs-node',
  '@tensorflow/tfjs-backend-wasm': 'wasm',
};

/** What this process can run. Providers that are not given are tried, each in a process of its own: that takes some seconds. */
export async function offerOf({
  providers,
  memoryBytes = availableMemory(),
  labels = {},
  allowCode = false,
  allowDigests = [],
}: WorkerOptions): Promise<Offer> {
  return {
    providers: providers === undefined ? await proven() : { onnx: providers, tensorflow: providers },
    memoryBytes,
    labels,
    code: { all: allowCode, digests: allowDigests },
  };
}

async function proven(): Promise<Offer['providers']> {
  const { diagnose } = await import('../job/doctor/doctor.js');
  const { providers, packages, adapter } = await diagnose();
  // A software adapter is for tests, and slower than the CPU itself.
  const onnx = providers.filter(({ status, software }) => status === 'ok' && !software).map(({ name }) => name);
  const tensorflow = packages
    .filter(({ status }) => status === 'ok')
    .flatMap(({ name }) => TENSORFLOW[name] ?? []);
  const webgpu = packages.some(
    ({ name, status }) => name === '@tensorflow/tfjs-backend-webgpu' && status === 'ok',
  );
  const hardware = adapter.status === 'ok' && !adapter.software;
  return { onnx, tensorflow: webgpu && hardware ? [...tensorflow, 'webgpu'] : tensorflow };
}
