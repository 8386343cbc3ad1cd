import { createRequire } from 'node:module';
import type { KernelBackend } from '@tensorflow/tfjs-core';
import { proveBackend } from './backend.js';
import { importPackage } from './packages.js';
import type { Core, Engine, OpenEngine, SavedModel, SavedModels, Tensor } from './types.js';

/** What tfjs-node exports beside the core. Its types can't be imported where it is not installed. */
type TfjsNode = Omit<Core, 'backend'> &
  Pick<Engine, 'loadGraphModel' | 'loadLayersModel'> & {
    readonly node: { loadSavedModel(path: string, tags: string[], signature: string): Promise<SavedModel> };
    backend(): KernelBackend & Backend;
  };

/** The part of its backend that is of use here. */
interface Backend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_ATTR_TYPE: number; readonly TF_UINT8: number; readonly TF_INT32: number };
  executeSingleOutput(name: string, attributes: readonly object[], inputs: readonly Tensor[]): Tensor;
}

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
  const gpu = tf.backend().isUsingGpuDevice;
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
    savedModels: savedModelsOf(tf),
  };
}

function savedModelsOf(tf: TfjsNode): SavedModels {
  return {
    async load(folder, tags, signature) {
      // It sorts the tags where they stand.
      const model = await tf.node.loadSavedModel(folder, [...tags], signature);
      return {
        predict: (inputs) => withoutWarnings(() => model.predict(inputs)),
        dispose: () => model.dispose(),
      };
    },
    widenUint8(tensor) {
      const backend = tf.backend();
      const { TF_ATTR_TYPE: type, TF_UINT8, TF_INT32 } = backend.binding;
      // Its own Cast would believe the tensor, which says that it is int32.
      const attributes = [
        { name: 'SrcT', type, value: TF_UINT8 },
        { name: 'DstT', type, value: TF_INT32 },
      ];
      const widened = backend.executeSingleOutput('Cast', attributes, [tensor]);
      tensor.dispose();
      return widened;
    },
  };
}

/** It says of every int64 tensor of every batch that it is stored as a BigInt64Array. */
function withoutWarnings<T>(action: () => T): T {
  const { warn } = console;
  console.warn = () => {};
  try {
    return action();
  } finally {
    console.warn = warn;
  }
}

/** tfjs-node 4.22 calls functions of util that Node 23 has removed. */
function restoreUtil(): void {
  const util = createRequire(import.meta.url)('node:util');
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}
