/** What `model.providers` is where a job leaves it out, by runtime. */
const DEFAULTS: Readonly<Record<string, readonly string[]>> = {
  onnx: ['cpu'],
  // Native code first; WebGPU only where it is hardware; what runs anywhere last.
  tensorflow: ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm'],
  simulated: ['cpu'],
  module: ['cpu'],
};

export function defaultProviders(runtime: string): readonly string[] {
  return DEFAULTS[runtime] ?? ['cpu'];
}
