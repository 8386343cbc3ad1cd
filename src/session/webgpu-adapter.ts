import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';

/** What WebGPU says of the adapter that it would use. */
export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device?: string;
  readonly description: string;
  readonly isFallbackAdapter?: boolean;
}

const PROBE_MS = 20_000;

const SCRIPT = `
const { create } = require(process.argv[1]);
create([]).requestAdapter().then((adapter) => {
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter?.info ?? {};
  console.log(JSON.stringify(adapter && { vendor, architecture, device, description, isFallbackAdapter }));
  process.exit(0);
});`;

let found: Promise<AdapterInfo | undefined> | undefined;

/**
 * The adapter that WebGPU would use here; undefined where there is none, or the optional package webgpu, which tells, is
 * not installed. Asked in a process of its own: a broken driver takes only that one with it, and ONNX Runtime brings a
 * Dawn of its own that would not like a second one beside it.
 */
export function webgpuAdapter(): Promise<AdapterInfo | undefined> {
  found ??= ask();
  return found;
}

async function ask(): Promise<AdapterInfo | undefined> {
  const path = resolvePackage();
  if (path === undefined) return undefined;
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_OPTIONS: '' };
    execFile(process.execPath, ['-e', SCRIPT, path], { timeout: PROBE_MS, env }, (error, stdout) => {
      resolve(error ? undefined : ((parse(stdout) ?? undefined) as AdapterInfo | undefined));
    });
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.trim().split('\n').at(-1) ?? '');
  } catch {
    return undefined;
  }
}

function resolvePackage(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve('webgpu');
  } catch {
    return undefined;
  }
}

/** SwiftShader calls itself Google's, llvmpipe, lavapipe and softpipe are Mesa's, WARP is Microsoft's. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b|^google$/im;

/** Whether the CPU plays the adapter's part. */
export function isSoftwareAdapter(info: AdapterInfo): boolean {
  const { vendor, architecture, device = '', description, isFallbackAdapter } = info;
  return isFallbackAdapter === true || SOFTWARE.test([architecture, device, description, vendor].join('\n'));
}
