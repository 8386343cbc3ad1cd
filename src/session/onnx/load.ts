import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { DeviceError, messageOf, PenstockError, StorageError, UsageError } from '../../util/errors.js';
import { type FileKind, kindOfFileAt } from '../../util/file-kind.js';
import { reasonOf } from '../../util/system-error.js';
import { openDriver } from '../pinned/policy.js';
import type { Session, SessionSpec } from '../types.js';
import { externalFiles } from './external-data.js';
import { loadFailure } from './failures.js';
import { type FixedModel, withFixedDims } from './model-proto.js';
import { MalformedError } from './protobuf.js';
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
  await externalFiles(uri);
  const fixed = await fixedModel(uri, spec);
  const runtime: Runtime = await import('onnxruntime-node');
  // What it has to say reaches the user through exceptions; its own log would stand beside them.
  runtime.env.logLevel = 'fatal';
  const warnings: string[] = [];
  const refusals: PenstockError[] = [];
  for (const provider of providers) {
    try {
      const own = await provider.check(spec);
      const session = await create(runtime, uri, fixed, provider, spec);
      const device = {
        id: provider.deviceId(spec),
        runtime: 'onnx',
        provider: provider.name,
        simulated: false,
      };
      return new OnnxSession(runtime, session, uri, device, [...warnings, ...own], () =>
        openDriver(spec, device),
      );
    } catch (error) {
      if (!(error instanceof PenstockError)) throw error;
      warnings.push(`provider ${provider.name} did not start: ${error.message}`);
      refusals.push(error);
    }
  }
  throw (await otherKind(uri)) ?? refused(uri, refusals, warnings);
}

/** What to do with the file of a model that other runtimes know. */
const CONVERSIONS: Readonly<Partial<Record<FileKind['id'], string>>> = {
  zip: 'If PyTorch saved it: load it there, and export it to ONNX by torch.onnx.export.',
  pickle: 'If PyTorch saved it: load it there, and export it to ONNX by torch.onnx.export.',
  safetensors:
    'These are weights alone: load them into their model, and export that to ONNX by torch.onnx.export.',
  hdf5: 'If Keras saved it: load it there, and export it to ONNX by model.export(…, format="onnx").',
  tflite: 'Convert it to ONNX: python -m tf2onnx.convert --tflite MODEL --output MODEL.onnx',
  json: 'Set model.runtime to tensorflow, if it is a model of TensorFlow.js.',
};

/** The error for a file that no provider could load since it is plainly something else. */
async function otherKind(uri: string): Promise<DeviceError | undefined> {
  const kind = await kindOfFileAt(uri);
  if (kind === undefined || kind.id === 'onnx') return undefined;
  return new DeviceError(`${uri}: is ${kind.is}; expected an ONNX model`, {
    file: uri,
    hint: CONVERSIONS[kind.id] ?? kind.hint ?? 'Check model.uri and model.runtime.',
  });
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
    throw new StorageError(`${uri}: the model can't be opened: ${reasonOf(cause)}`, { file: uri, cause });
  });
  if (stats.isFile() && stats.size > 0) return;
  const what = stats.isFile() ? 'is empty' : 'is not a file';
  throw new DeviceError(`${uri}: ${what}; expected an ONNX model`, { file: uri });
}

async function create(
  runtime: Runtime,
  uri: string,
  fixed: Buffer | undefined,
  provider: Provider,
  spec: SessionSpec,
): Promise<InferenceSession> {
  const options = {
    executionProviders: [provider.config(spec)],
    intraOpNumThreads: spec.intraOpNumThreads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    ...sessionOptions(spec.options),
  } as const;
  try {
    if (fixed === undefined) return await runtime.InferenceSession.create(uri, options);
    const extra = { ...options.extra, 'session.model_external_initializers_file_folder_path': dirname(uri) };
    return await runtime.InferenceSession.create(fixed, { ...options, extra });
  } catch (cause) {
    throw loadFailure(uri, provider, spec, messageOf(cause).trim());
  }
}

/**
 * The model with the dimensions fixed that the job fixes; undefined where it fixes none. ONNX Runtime has an option for
 * this, which onnxruntime-node knows of and does not hand on.
 */
async function fixedModel(uri: string, { options }: SessionSpec): Promise<Buffer | undefined> {
  if (options.freeDimensionOverrides === undefined) return undefined;
  const sizes = options.freeDimensionOverrides as Readonly<Record<string, number>>;
  const { bytes, names } = fixDims(await readFile(uri), sizes);
  const unknown = Object.keys(sizes).find((name) => !names.includes(name));
  if (unknown === undefined) return bytes;
  const key = `model.options.freeDimensionOverrides.${unknown}`;
  const has = names.length === 0 ? 'all of its dimensions are fixed' : `it has ${names.join(', ')}`;
  throw new UsageError(`${key}: no input of the model has a dimension of this name; ${has}`, { key });
}

/** Whoever loads what is no model hears so from ONNX Runtime. */
function fixDims(model: Buffer, sizes: Readonly<Record<string, number>>): FixedModel {
  try {
    return withFixedDims(model, sizes);
  } catch (error) {
    if (error instanceof MalformedError) return { bytes: model, names: Object.keys(sizes) };
    throw error;
  }
}
