// The same models over the same files in PyTorch, where it is on the host: see pytorch/main.py.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GpuSampler } from '../../dist/measure/gpu/sampler.js';
import { lastWords, runProgram } from './process.mjs';

const PROGRAM = fileURLToPath(new URL('pytorch/main.py', import.meta.url));
const IMPORT = `
import json, torch, numpy, pyarrow
print(json.dumps({"torch": torch.__version__, "cuda": torch.cuda.is_available()}))`;
const IMPORT_SECONDS = 120;

/** With the host's own libraries: in a bundle run.sh has added those that ONNX Runtime wants, which PyTorch may not. */
function hostEnvironment() {
  const { PENSTOCK_HOST_LIBRARY_PATH: path, ...env } = process.env;
  return path === undefined ? env : { ...env, LD_LIBRARY_PATH: path };
}

/**
 * What there is of it.
 *
 * @param {string} python a program
 * @returns {Promise<{ torch: string, cuda: boolean } | { missing: string }>}
 */
export async function findTorch(python, log) {
  try {
    const options = { log, limitSeconds: IMPORT_SECONDS, env: hostEnvironment() };
    const ended = await runProgram(python, ['-c', IMPORT], options);
    if (ended.code === 0) return JSON.parse(ended.stdout);
    return { missing: `${python}: ${lastWords(ended.stderr)}` };
  } catch (error) {
    return { missing: `${python}: ${error instanceof Error ? error.message : error}` };
  }
}

/** The device of PyTorch's that a provider of ONNX Runtime is like; undefined where there is none. */
export function torchDevice(provider, { cuda }) {
  if (provider === 'cpu') return 'cpu';
  return cuda && (provider === 'cuda' || provider === 'tensorrt') ? 'cuda:0' : undefined;
}

/** Seconds of what is measured; each loader and each pipeline once for every number of workers. */
const SECONDS = {
  full: { settle: 2, loader: 5, device: 5, pipeline: 15 },
  quick: { settle: 1, loader: 2, device: 2, pipeline: 3 },
};

/**
 * @param {import('./cases.mjs').HeavyCase} heavy
 * @param {{ python: string, device: string, batchSize: number, quick: boolean, work: string, log: string,
 *   limitSeconds: number }} options
 */
export async function measureTorch(heavy, { python, device, batchSize, quick, work, log, limitSeconds }) {
  const file = (end) => join(work, `${heavy.name}-pytorch-${device.replace(':', '-')}${end}`);
  const seconds = quick ? SECONDS.quick : SECONDS.full;
  const torchCase = {
    ...heavy.torch(work),
    model: heavy.name,
    device,
    batch: batchSize,
    checkRows: heavy.referenceRows,
    hotBatches: heavy.name === 'encoder' ? 8 : 1,
    settleSeconds: seconds.settle,
    loaderSeconds: seconds.loader,
    deviceSeconds: seconds.device,
    pipelineSeconds: seconds.pipeline,
    output: file('.arrow'),
  };
  writeFileSync(file('.json'), JSON.stringify(torchCase));
  const sampler = new GpuSampler([device]);
  try {
    const args = [PROGRAM, file('.json'), file('-result.json')];
    const ended = await runProgram(python, args, { log, limitSeconds, env: hostEnvironment() });
    if (ended.code !== 0) throw new Error(`${python}: ${lastWords(ended.stderr)}`);
    const { outputs, ...result } = JSON.parse(readFileSync(file('-result.json'), 'utf8'));
    const [utilization] = await sampler.finish([fastest(result.pipelines).window]);
    return { outputs, result: { ...result, utilization } };
  } finally {
    await sampler[Symbol.asyncDispose]();
  }
}

/**
 * @template {{ rowsPerSecond: number }} T
 * @param {readonly T[]} results one for each number of workers
 * @returns {T}
 */
export function fastest(results) {
  return results.reduce((best, one) => (one.rowsPerSecond > best.rowsPerSecond ? one : best));
}
