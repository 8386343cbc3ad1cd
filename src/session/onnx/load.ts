import { stat } from 'node:fs/promises';
import type { InferenceSession } from 'onnxruntime-node';
import { DeviceError, messageOf, PenstockError, StorageError, UsageError } from '../../util/errors.js';
import type { Session, SessionSpec } from '../types.js';
import { type Provider, providerNamed, sessionOptions } from './providers.js';
import { OnnxSession, type Runtime } from './session.js';

/**
 * Loads an ONNX model with onnxruntime-node. Providers are tried in the order given; one that does not start is a
 * warning with its reason, or an error where no other follows.
 */
export async function load(spec: SessionSpec): Promise<Session> {
  const { uri } = spec;
  if (uri === undefined) throw new UsageError('model.uri: is missing', { key: 'model.uri' });
  const providers = spec.providers.map(providerNamed);
  await checkModelFile(uri);
  const runtime: Runtime = await import('onnxruntime-node');
  // What it has to say reaches the user through exceptions; its own log would stand beside them.
  runtime.env.logLevel = 'fatal';
  const warnings: string[] = [];
  const refusals: PenstockError[] = [];
  for (const provider of providers) {
    try {
      const own = await provider.check(spec);
      const session = await create(runtime, uri, provider, spec);
      const device = {
        id: provider.deviceId(spec),
        runtime: 'onnx',
        provider: provider.name,
        simulated: false,
      };
      return new OnnxSession(runtime, session, uri, device, [...warnings, ...own]);
    } catch (error) {
      if (!(error instanceof PenstockError)) throw error;
      warnings.push(`provider ${provider.name} did not start: ${error.message}`);
      refusals.push(error);
    }
  }
  throw refused(uri, refusals, warnings);
}

function refused(
  uri: string,
  refusals: readonly PenstockError[],
  warnings: readonly string[],
): PenstockError {
  const [only] = refusals;
  if (only !== undefined && refusals.length === 1) return only;
  return new DeviceError(`${uri}: no provider could be started: ${warnings.join('; ')}`, {
    file: uri,
    key: 'model.providers',
    hint: 'penstock doctor tells what can run here.',
  });
}

async function checkModelFile(uri: string): Promise<void> {
  const stats = await stat(uri).catch((cause) => {
    throw new StorageError(`${uri}: the model can't be opened: ${messageOf(cause)}`, { file: uri, cause });
  });
  if (stats.isFile() && stats.size > 0) return;
  const what = stats.isFile() ? 'is empty' : 'is not a file';
  throw new DeviceError(`${uri}: ${what}; expected an ONNX model`, { file: uri });
}

async function create(
  runtime: Runtime,
  uri: string,
  provider: Provider,
  spec: SessionSpec,
): Promise<InferenceSession> {
  try {
    return await runtime.InferenceSession.create(uri, {
      executionProviders: [provider.config(spec)],
      intraOpNumThreads: spec.intraOpNumThreads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 4,
      ...sessionOptions(spec.options),
    });
  } catch (cause) {
    throw failure(uri, provider, spec, messageOf(cause).trim());
  }
}

/** A model that is none fails on every provider; what the others say is about themselves. */
function failure(uri: string, provider: Provider, spec: SessionSpec, said: string): DeviceError {
  const { name } = provider;
  if (name === 'cpu' || /load model from|protobuf|invalid model/i.test(said)) {
    return new DeviceError(`${uri}: is no model that ONNX Runtime can load: ${said}`, {
      file: uri,
      hint: 'Check model.uri and model.runtime.',
    });
  }
  // The place in its source means nothing to a user.
  const sentence = said.replace(/^\/onnxruntime_src\/\S+ /, '').replace(/^.* was false\. /, '');
  const device = provider.deviceId(spec);
  const shown = device.startsWith(name) ? device : `${name} on ${device}`;
  return new DeviceError(`${shown} does not start: ${sentence}`, {
    key: 'model.providers',
    hint: 'penstock doctor tells what is missing; cpu runs everywhere.',
  });
}
