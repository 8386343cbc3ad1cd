import { createRequire } from 'node:module';
import type { KernelBackend } from '@tensorflow/tfjs-core';
import { proveBackend } from './backend.js';
import { importPackage } from './packages.js';
import type { Core, Engine, OpenEngine, SavedModel, SavedModels, Tensor } from './types.js';

/** What tfjs-node exports beside the core. Its types can't be imported where it is not installed. */
type TfjsNode = Omit<Core, 'backend'> &
  Pick<Engine, 'loadGraphModel' | 'loadLayersModel'> & {
    readonly node: {
      loadSavedModel(path: string, tags: string[], signature: string): Promise<LoadedSavedModel>;
    };
    backend(): KernelBackend & Backend;
  };

/** The part of its backend that is of use here. */
interface Backend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: Readonly<Record<'TF_ATTR_TYPE' | 'TF_UINT8' | 'TF_INT32' | 'TF_INT64', number>> & {
    /** Returns an id. An int64 comes as two numbers, the lower half first; their memory is used as it is. */
    createTensor(shape: readonly number[], dtype: number, values: Int32Array): number;
  };
  createOutputTensor(made: { id: number; shape: readonly number[]; dtype: number }): Tensor;
  executeSingleOutput(name: string, attributes: readonly object[], inputs: readonly Tensor[]): Tensor;
}

interface LoadedSavedModel extends SavedModel {
  readonly signature: { readonly inputs: Readonly<Record<string, { tfDtype: string }>> };
}

/** libtensorflow itself, on the CPU or on CUDA: an optional peer, since installing it downloads half a gigabyte. */
export const openTfjsNode: OpenEngine = () => open('tfjs-node');
export const openTfjsNodeGpu: OpenEngine = () => open('tfjs-node-gpu');

async function open(provider: 'tfjs-node' | 'tfjs-node-gpu'): Promise<Engine> {
  restoreUtil();
  const tf = await importTfjsNode(`@tensorflow/${provider}`);
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

async function importTfjsNode(name: string): Promise<TfjsNode> {
  using _hushed = hush();
  // A CommonJS module that re-exports others: its names are complete only on the default export.
  return (await importPackage<{ default: TfjsNode }>(name, () => import(name))).default;
}

function savedModelsOf(tf: TfjsNode): SavedModels {
  return {
    async load(folder, tags, signature) {
      // It sorts the tags where they stand.
      const model = await tf.node.loadSavedModel(folder, [...tags], signature);
      for (const input of Object.values(model.signature.inputs)) {
        // For these it would make int64 of int32 by itself, and of −5 4,294,967,291: they come as int64 already.
        if (input.tfDtype === 'DT_INT64') input.tfDtype = 'as it is';
      }
      return {
        predict(inputs) {
          using _hushed = hush();
          return model.predict(inputs);
        },
        dispose: () => model.dispose(),
      };
    },
    int64Tensor(data, dims) {
      using _hushed = hush();
      const { binding } = tf.backend();
      const dtype = binding.TF_INT64;
      const halves = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
      const id = binding.createTensor(dims, dtype, halves);
      return tf.backend().createOutputTensor({ id, shape: dims, dtype });
    },
    widenUint8(tensor) {
      const { TF_ATTR_TYPE: type, TF_UINT8, TF_INT32 } = tf.backend().binding;
      // Its own Cast would believe the tensor, which says that it is int32.
      const attributes = [
        { name: 'SrcT', type, value: TF_UINT8 },
        { name: 'DstT', type, value: TF_INT32 },
      ];
      const widened = tf.backend().executeSingleOutput('Cast', attributes, [tensor]);
      tensor.dispose();
      return widened;
    },
  };
}

/**
 * What it warns of at every int64 tensor of every batch; and at each of its kernels, where the other package came as far
 * as to register its own before it failed.
 */
const NOISE =
  /^INT64 output tensor will be stored|^The kernel '\w+' for backend 'tensorflow' is already registered/;

/** Leaves that unsaid until it is disposed of. */
function hush(): Disposable {
  const { warn } = console;
  console.warn = (...said) => {
    if (!NOISE.test(String(said[0]))) warn(...said);
  };
  return {
    [Symbol.dispose]() {
      console.warn = warn;
    },
  };
}

/** tfjs-node 4.22 calls functions of util that Node 23 has removed. */
function restoreUtil(): void {
  const util = createRequire(import.meta.url)('node:util');
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}
