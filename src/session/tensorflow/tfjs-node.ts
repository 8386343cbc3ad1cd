import { createRequire } from 'node:module';
import { proveBackend } from './backend.js';
import { importPackage } from './packages.js';
import type { Core, Engine, OpenEngine, SavedModels } from './types.js';

/** What tfjs-node exports beside the core. Its types can't be imported where it is not installed. */
type TfjsNode = Core & Pick<Engine, 'loadGraphModel' | 'loadLayersModel'> & { readonly node: SavedModels };

/** libtensorflow itself, on the CPU or on CUDA: an optional peer, since installing it downloads half a gigabyte. */
export const openTfjsNode: OpenEngine = () => open('tfjs-node');
export const openTfjsNodeGpu: OpenEngine = () => open('tfjs-node-gpu');

async function open(provider: 'tfjs-node' | 'tfjs-node-gpu'): Promise<Engine> {
  restoreUtil();
  const name = `@tensorflow/${provider}`;
  // A CommonJS module that re-exports others: its names are complete only on the default export.
  const { default: tf } = await importPackage<{ default: TfjsNode }>(name, () => import(name));
  await proveBackend(tf, 'tensorflow');
  // Importing the -gpu package proves nothing: without CUDA's libraries it computes on the CPU, and says so only here.
  const gpu = (tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
  const wantsGpu = provider === 'tfjs-node-gpu';
  return {
    provider,
    backend: 'tensorflow',
    tf,
    gpu,
    deviceId: gpu ? 'cuda:0' : 'cpu',
    warnings:
      wantsGpu && !gpu ? ['tfjs-node-gpu runs on the CPU: libtensorflow found no GPU that it can use'] : [],
    loadGraphModel: (handler) => tf.loadGraphModel(handler),
    loadLayersModel: (handler) => tf.loadLayersModel(handler),
    savedModels: tf.node,
  };
}

/** tfjs-node 4.22 calls functions of util that Node 23 has removed. */
function restoreUtil(): void {
  const util = createRequire(import.meta.url)('node:util');
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}
