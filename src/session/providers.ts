/** What `model.providers` is where a job leaves it out, by runtime. */
const DEFAULTS: Readonly<Record<string, readonly string[]>> = {
  onnx: ['cpu'],
  // Native code first; WebGPU only where it is hardware; what runs anywhere last.
  tensorflow: ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm'],
  simulated: ['cpu'],
  module: ['cpu'],
};

/** Providers that number their devices, by runtime; any other has one device, or chooses it itself. */
const NUMBERED: Readonly<Record<string, readonly string[]>> = {
  onnx: ['cuda', 'tensorrt', 'dml'],
  simulated: ['simulated'],
};

/** Those of a runtime's providers that can be told which device to run on. */
export function numberedProviders(runtime: string): readonly string[] {
  return NUMBERED[runtime] ?? [];
}

export function defaultProviders(runtime: string): readonly string[] {
  return DEFAULTS[runtime] ?? ['cpu'];
}
