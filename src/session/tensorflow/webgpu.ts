import { DeviceError } from '../../util/errors.js';
import { type AdapterInfo, isSoftwareAdapter } from '../webgpu-adapter.js';
import { proveBackend } from './backend.js';
import { importPackage } from './packages.js';
import type { Core, OpenEngine } from './types.js';
import { javascriptEngine } from './wasm.js';

/** WebGPU over Dawn, which the package `webgpu` brings: Vulkan, Metal or Direct3D. */
export const openWebgpu: OpenEngine = async ({ options }) => {
  const gpu = await provideWebgpu();
  const { info, isSoftware } = await describeAdapter(gpu);
  const name = info.description || `${info.vendor} ${info.architecture}`.trim();
  if (isSoftware && options.allowSoftware !== true) {
    throw new DeviceError(
      `the only adapter is ${name}, which is software, slower than the CPU itself; model.options.allowSoftware: true uses it all the same`,
    );
  }
  const tf: Core = await importPackage('@tensorflow/tfjs-core', () => import('@tensorflow/tfjs-core'));
  // Only after the globals are there: it registers itself while it is imported, or does not.
  await importPackage('@tensorflow/tfjs-backend-webgpu', () => import('@tensorflow/tfjs-backend-webgpu'));
  await proveBackend(tf, 'webgpu');
  return {
    ...(await javascriptEngine(tf)),
    provider: 'webgpu',
    backend: 'webgpu',
    gpu: !isSoftware,
    deviceId: 'webgpu:0',
    warnings: isSoftware ? [`webgpu runs on ${name}, which is software: no GPU is used`] : [],
  };
};

/** Puts WebGPU where browsers have it, once a thread. */
async function provideWebgpu(): Promise<GPU> {
  const holder = globalThis as { navigator?: { gpu?: GPU } };
  if (holder.navigator?.gpu !== undefined) return holder.navigator.gpu;
  const { create, globals } = await importPackage('webgpu', () => import('webgpu'));
  Object.assign(globalThis, globals);
  const gpu = create([]);
  // Node has a navigator of its own from 21 on.
  if (holder.navigator === undefined) {
    Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true, writable: true });
  }
  Object.defineProperty(holder.navigator, 'gpu', { value: gpu, configurable: true });
  return gpu;
}

async function describeAdapter(gpu: GPU): Promise<{ info: AdapterInfo; isSoftware: boolean }> {
  // As the backend asks for its own.
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    throw new DeviceError('there is no adapter: no driver of Vulkan, Metal or Direct3D that WebGPU can use');
  }
  return { info: adapter.info, isSoftware: isSoftwareAdapter(adapter.info) };
}
