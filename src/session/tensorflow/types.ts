import type { GraphModel } from '@tensorflow/tfjs-converter';
import type * as core from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { ModelTensor, SessionSpec } from '../types.js';

export type Core = typeof core;
export type Tensor = core.Tensor;
export type IOHandler = core.io.IOHandler;

/** One backend of TensorFlow.js that has proved itself by running an op, with the loaders of its own copy of the library. */
export interface Engine {
  /** As `model.providers` names it. */
  readonly provider: string;
  /** As TensorFlow.js names it: `wasm`, `webgpu`, `tensorflow`. */
  readonly backend: string;
  readonly tf: Core;
  /** Whether a GPU does the work. */
  readonly gpu: boolean;
  /** `cpu`, `webgpu:0`, `cuda:0` */
  readonly deviceId: string;
  /** What a user should know of it, though it runs. */
  readonly warnings: readonly string[];
  loadGraphModel(handler: IOHandler): Promise<GraphModel>;
  loadLayersModel(handler: IOHandler): Promise<LayersModel>;
  /** Undefined where the engine has no SavedModels. */
  readonly savedModels: SavedModels | undefined;
}

/** Opens an engine. Throws what keeps it from running: the message becomes the reason in a warning. */
export type OpenEngine = (spec: SessionSpec) => Promise<Engine>;

/** A model on an engine. Whoever loads it disposes of it. */
export interface Program {
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  /**
   * Takes tensors in the order of `inputs`, returns those of `outputs`, which are the caller's to dispose of. Leaves no
   * other tensor behind.
   */
  predict(inputs: readonly Tensor[]): Tensor[] | Promise<Tensor[]>;
  dispose(): void;
}

/** What runs SavedModels: libtensorflow, under tfjs-node. */
export interface SavedModels {
  load(folder: string, tags: readonly string[], signature: string): Promise<SavedModel>;
  /** TensorFlow.js has no int64 of its own. The tensor uses the memory of `data`. */
  int64Tensor(data: BigInt64Array, dims: readonly number[]): Tensor;
  /** tfjs-node can't read the bytes of a uint8 tensor that it made. Gives the same as int32, in its place. */
  widenUint8(tensor: Tensor): Tensor;
}

export interface SavedModel {
  /** Tensors by the names that the signature gives them. */
  predict(inputs: Readonly<Record<string, Tensor>>): Readonly<Record<string, Tensor>>;
  dispose(): void;
}
