import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { DeviceError, UsageError } from '../../util/errors.js';
import type { SessionSpec } from '../types.js';
import { isSoftwareAdapter, webgpuAdapter } from '../webgpu-adapter.js';

type ExecutionProvider = InferenceSession.ExecutionProviderConfig;

/** How an execution provider of ONNX Runtime is started. */
export interface Provider {
  readonly name: string;
  /** The device that it runs on, as the report names it. */
  deviceId(spec: SessionSpec): string;
  config(spec: SessionSpec): ExecutionProvider;
  /** Throws where it can't run here, in better words than the runtime's own; returns what a user should know. */
  check(spec: SessionSpec): Promise<readonly string[]>;
}

const nothing = async (): Promise<readonly string[]> => [];

const cpu: Provider = { name: 'cpu', deviceId: () => 'cpu', config: () => ({ name: 'cpu' }), check: nothing };

/** One that numbers its devices. */
function numbered(name: string, device: string, check: Provider['check']): Provider {
  return {
    name,
    deviceId: ({ deviceId }) => `${device}:${deviceId}`,
    config: ({ deviceId }) => ({ name, deviceId }) as ExecutionProvider,
    check,
  };
}

const webgpu: Provider = {
  name: 'webgpu',
  deviceId: () => 'webgpu:0',
  config: ({ options }) => ({ ...(options.webgpu as object), name: 'webgpu' }),
  async check({ options }) {
    const adapter = await webgpuAdapter();
    if (adapter === undefined) return [];
    if (!isSoftwareAdapter(adapter)) return [];
    const shown = adapter.description || adapter.device;
    if (options.allowSoftware === true)
      return [`webgpu runs in software (${shown}): far slower than the cpu itself`];
    throw new DeviceError(`the only WebGPU adapter is software (${shown}), far slower than the cpu itself`, {
      key: 'model.providers',
      hint: 'Take webgpu out of model.providers, or set model.options.allowSoftware: true to use it all the same.',
    });
  },
};

/** Every provider that can be asked for. A new one is a line here. */
const PROVIDERS: readonly Provider[] = [
  cpu,
  webgpu,
  numbered('cuda', 'cuda', async () => checkLibrary('cuda')),
  numbered('tensorrt', 'cuda', async () => checkLibrary('tensorrt')),
  numbered('dml', 'dml', nothing),
  { ...cpu, name: 'coreml', deviceId: () => 'coreml', config: () => ({ name: 'coreml' }) },
];

/** @throws UsageError for a name that is none, with those that are */
export function providerNamed(name: string): Provider {
  const provider = PROVIDERS.find((candidate) => candidate.name === name);
  if (provider !== undefined) return provider;
  throw new UsageError(
    `model.providers: ${JSON.stringify(name)} is no provider of ONNX Runtime; there are ${PROVIDERS.map((p) => p.name).join(', ')}`,
    { key: 'model.providers' },
  );
}

/** Keys of `model.options` that are ours or of one provider; all others go to ONNX Runtime's session. */
export function sessionOptions(options: SessionSpec['options']): InferenceSession.SessionOptions {
  const ours = new Set(['deviceId', 'allowSoftware', 'freeDimensionOverrides', 'webgpu']);
  const { extra, ...theirs } = Object.fromEntries(Object.entries(options).filter(([key]) => !ours.has(key)));
  return {
    ...(theirs.enableProfiling === true && { profileFilePrefix: 'onnxruntime_profile_' }),
    ...theirs,
    ...(extra !== undefined && { extra: asTexts(extra) as Record<string, unknown> }),
  };
}

/** Entries of ONNX Runtime's configuration are texts, and true and false are 1 and 0 there. */
function asTexts(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asTexts(inner)]));
}

/** The runtime says only «Failed to load shared library», and the reason on stderr. */
function checkLibrary(provider: 'cuda' | 'tensorrt'): readonly string[] {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  const file = join(
    dirname(entry),
    'bin',
    'napi-v6',
    process.platform,
    process.arch,
    process.platform === 'win32'
      ? `onnxruntime_providers_${provider}.dll`
      : `libonnxruntime_providers_${provider}.so`,
  );
  if (existsSync(file)) return [];
  throw new DeviceError(`ONNX Runtime's libraries for ${provider} are not installed (looked for ${file})`, {
    key: 'model.providers',
    hint: 'Get them with: npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12',
  });
}
