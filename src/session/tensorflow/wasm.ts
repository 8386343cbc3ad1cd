import { createRequire } from 'node:module';
import path from 'node:path';
import { proveBackend } from './backend.js';
import { importPackage } from './packages.js';
import type { Core, Engine, OpenEngine } from './types.js';

/**
 * WebAssembly with SIMD, on any CPU. One thread: TensorFlow.js turns its threads off outside of browsers, so several
 * instances are what uses several cores.
 */
export const openWasm: OpenEngine = async ({ options }) => {
  const tf: Core = await importPackage('@tensorflow/tfjs-core', () => import('@tensorflow/tfjs-core'));
  const { setWasmPaths } = await importPackage(
    '@tensorflow/tfjs-backend-wasm',
    () => import('@tensorflow/tfjs-backend-wasm'),
  );
  // Once it has started, its files are loaded and may not be named again.
  if (!('wasm' in tf.engine().registry)) setWasmPaths(wasmFolder(options.wasmPath));
  await leavingProcessAlone(() => proveBackend(tf, 'wasm'));
  return { ...(await javascriptEngine(tf)), provider: 'wasm', backend: 'wasm', gpu: false, deviceId: 'cpu' };
};

/** The package's own files, unless the job says where else they are. Emscripten wants a separator at the end. */
function wasmFolder(given: unknown): string {
  const own = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  return (typeof given === 'string' ? path.resolve(given) : path.dirname(own)) + path.sep;
}

/**
 * Emscripten, which compiled the backend, listens for errors that nobody caught, only to throw them again, from its own
 * place. What becomes of those is not for a library to say.
 */
async function leavingProcessAlone(start: () => Promise<void>): Promise<void> {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => new Set<unknown>(process.rawListeners(event)));
  try {
    await start();
  } finally {
    events.forEach((event, i) => {
      for (const listener of process.rawListeners(event)) {
        if (!before[i]?.has(listener)) process.removeListener(event, listener as () => void);
      }
    });
  }
}

/** What engines without native code have in common. */
export async function javascriptEngine(
  tf: Core,
): Promise<Pick<Engine, 'tf' | 'warnings' | 'loadGraphModel' | 'loadLayersModel' | 'savedModels'>> {
  return {
    tf,
    warnings: [],
    savedModels: undefined,
    async loadGraphModel(handler) {
      const converter = await importPackage(
        '@tensorflow/tfjs-converter',
        () => import('@tensorflow/tfjs-converter'),
      );
      return converter.loadGraphModel(handler);
    },
    async loadLayersModel(handler) {
      const layers = await importPackage('@tensorflow/tfjs-layers', () => import('@tensorflow/tfjs-layers'));
      return layers.loadLayersModel(handler);
    },
  };
}
