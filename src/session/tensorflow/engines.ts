import { DeviceError, messageOf } from '../../util/errors.js';
import type { SessionSpec } from '../types.js';
import type { Engine, OpenEngine } from './types.js';

/** Engines by the names that `model.providers` gives them; the libraries of each are loaded when it is tried. */
const ENGINES: Readonly<Record<string, () => Promise<OpenEngine>>> = {
  'tfjs-node-gpu': async () => (await import('./tfjs-node.js')).openTfjsNodeGpu,
  'tfjs-node': async () => (await import('./tfjs-node.js')).openTfjsNode,
  webgpu: async () => (await import('./webgpu.js')).openWebgpu,
  wasm: async () => (await import('./wasm.js')).openWasm,
};

/** Those that run SavedModels, which only libtensorflow does. */
const WITH_SAVED_MODELS: readonly string[] = ['tfjs-node-gpu', 'tfjs-node'];

export interface Opened {
  readonly engine: Engine;
  /** Why those before it do not run, and what is to be known of it. */
  readonly warnings: readonly string[];
}

/**
 * The first engine of `spec.providers` that proves itself.
 *
 * @throws DeviceError with the reason of each, where none does
 */
export async function openEngine(spec: SessionSpec, kind: string): Promise<Opened> {
  const reasons: string[] = [];
  for (const provider of spec.providers) {
    const found = Object.hasOwn(ENGINES, provider) ? ENGINES[provider] : undefined;
    if (found === undefined) {
      reasons.push(`${provider}: is no engine of TensorFlow`);
    } else if (kind === 'saved-model' && !WITH_SAVED_MODELS.includes(provider)) {
      reasons.push(`${provider}: runs no SavedModels`);
    } else {
      try {
        const engine = await (await found())(spec);
        return { engine, warnings: [...reasons.map(asWarning), ...engine.warnings] };
      } catch (error) {
        reasons.push(`${provider}: ${messageOf(error)}`);
      }
    }
  }
  throw nothingRuns(spec, kind, reasons);
}

const asWarning = (reason: string): string => `provider ${reason}`;

function nothingRuns({ uri }: SessionSpec, kind: string, reasons: readonly string[]): DeviceError {
  const details = { key: 'model.providers', ...(uri !== undefined && { file: uri }) };
  if (kind === 'saved-model') {
    return new DeviceError(
      `${uri}: is a SavedModel, which only ${WITH_SAVED_MODELS.join(' and ')} can run: ${reasons.join('; ')}`,
      {
        ...details,
        hint: 'Run npm install @tensorflow/tfjs-node@4.22.0, or convert the model with tensorflowjs_converter.',
      },
    );
  }
  return new DeviceError(`${uri}: no provider could be started: ${reasons.join('; ')}`, {
    ...details,
    hint: `The tensorflow runtime has ${Object.keys(ENGINES).join(', ')}; wasm runs on any machine.`,
  });
}
