import { availableMemory } from '../util/memory.js';
import { codePolicy } from './code-policy.js';
import type { Offer } from './needs.js';
import type { WorkerOptions } from './worker-options.js';

/** The package that has a provider of the TensorFlow runtime. */
const TENSORFLOW: Readonly<Record<string, string>> = {
  '@tensorflow/tfjs-node-gpu': 'tfjs-node-gpu',
  '@tensorflow/tfjs-node': 'tfjs-node',
  '@tensorflow/tfjs-backend-wasm': 'wasm',
};

/** What this process can run, but for providers that are not given: those must be tried. */
export function offerOf({
  providers,
  memoryBytes = availableMemory(),
  labels = {},
  allowCode,
  allowDigests,
}: WorkerOptions): Offer {
  const policy = codePolicy({ allowCode, allowDigests });
  return {
    providers: providers === undefined ? null : { onnx: [...providers], tensorflow: [...providers] },
    memoryBytes,
    labels,
    code: { all: policy.allowCode, digests: [...policy.allowDigests] },
  };
}

/** Tries what runtimes can compute with here, each thing in a process of its own: that takes some seconds. */
export async function proveProviders(): Promise<NonNullable<Offer['providers']>> {
  const { diagnose } = await import('../job/doctor/doctor.js');
  const { providers, packages, adapter } = await diagnose();
  // A software adapter is for tests, and slower than the CPU itself.
  const onnx = providers
    .filter(({ status, software }) => status === 'ok' && !software)
    .map(({ name }) => name);
  const tensorflow = packages
    .filter(({ status }) => status === 'ok')
    .flatMap(({ name }) => TENSORFLOW[name] ?? []);
  const webgpu = packages.some(
    ({ name, status }) => name === '@tensorflow/tfjs-backend-webgpu' && status === 'ok',
  );
  const hardware = adapter.status === 'ok' && !adapter.software;
  return { onnx, tensorflow: webgpu && hardware ? [...tensorflow, 'webgpu'] : tensorflow };
}
