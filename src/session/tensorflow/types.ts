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

/** The part of tfjs-node's `tf.node` that runs SavedModels; its types can't be imported where it is not installed. */
export interface SavedModels {
  getMetaGraphsFromSavedModel(path: string): Promise<readonly MetaGraph[]>;
  loadSavedModel(path: string, tags: readonly string[], signature: string): Promise<SavedModel>;
}

export interface MetaGraph {
  readonly tags: readonly string[];
  readonly signatureDefs: Readonly<Record<string, SignatureDef>>;
}

export interface SignatureDef {
  readonly inputs: Readonly<Record<string, SavedTensorInfo>>;
  readonly outputs: Readonly<Record<string, SavedTensorInfo>>;
}

export interface SavedTensorInfo {
  readonly dtype: string;
  readonly tfDtype: string;
  readonly name: string;
  /** Objects of Protocol Buffers; undefined for an unknown rank. */
  readonly shape?: readonly (number | { getSize(): number } | { readonly array: readonly [number] })[];
}

export interface SavedModel {
  predict(inputs: Readonly<Record<string, Tensor>>): Tensor | Tensor[] | Record<string, Tensor>;
  dispose(): void;
}
