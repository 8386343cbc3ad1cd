import { UsageError } from '../util/errors.js';
import type { Session, SessionSpec } from './types.js';

/** Runtimes by name; each is loaded on first use. A new one is a file (or a folder) and a line here. */
const RUNTIMES: Readonly<Record<string, () => Promise<{ load(spec: SessionSpec): Promise<Session> }>>> = {
  module: () => import('./module.js'),
  onnx: () => import('./onnx/load.js'),
  simulated: () => import('./simulated.js'),
  tensorflow: () => import('./tensorflow/load.js'),
};

/** @throws UsageError for a runtime that is not there; DeviceError where the model or every provider fails */
export async function loadSession(spec: SessionSpec): Promise<Session> {
  const runtime = RUNTIMES[spec.runtime];
  if (runtime === undefined) {
    throw new UsageError(
      `model.runtime: this version runs ${Object.keys(RUNTIMES).join(', ')}, not ${spec.runtime}`,
      { key: 'model.runtime' },
    );
  }
  if (spec.isolation === 'process') return (await import('./process/session.js')).load(spec);
  return (await runtime()).load(spec);
}
