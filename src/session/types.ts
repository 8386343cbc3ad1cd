import type { DType, TypedArray } from '../util/dtype.js';

/** A model's input or output as the model declares it. The first dimension is the batch. */
export interface ModelTensor {
  /** As the model calls it. */
  readonly name: string;
  /** Type of its elements. */
  readonly dtype: DType;
  /** Numbers where fixed, names where not; undefined where the model does not say. */
  readonly dims: readonly (number | string)[] | undefined;
  /** Elements are texts, whose bytes are what `dtype`, uint8, tells. */
  readonly isText?: true;
  /** An output that can't be written, and what it is: `a tensor of string`. Its `dtype` tells nothing. */
  readonly unsupported?: string;
}

/** The device under a session. */
export interface SessionDevice {
  /** `cpu`, `cuda:0`, `simulated:0`, … */
  readonly id: string;
  /** `onnx`, `tensorflow`, `simulated` or `module`. */
  readonly runtime: string;
  /** The execution provider that really runs the model. */
  readonly provider: string;
  /** Whether it is a device of given speed, whose times are made up. */
  readonly simulated: boolean;
  /** Whether a GPU does the work, where the runtime can tell. */
  readonly gpu?: boolean;
}

/** Rows of one tensor, with the batch dimension in front. The same object for the same memory and rows. */
export interface TensorView {
  /** As the model calls it. */
  readonly name: string;
  /** Type of its elements. */
  readonly dtype: DType;
  /** The number of rows in front. */
  readonly dims: readonly number[];
  /** All elements, row after row; a view of memory that threads may share. */
  readonly data: TypedArray;
  /** Bytes of a text at most, where elements are texts: see `RowTensor`. */
  readonly text?: number;
}

/** Whether memory of batches is registered with the driver of the GPU: where it can be (`auto`), it must be, or it is not. */
export type Pinning = 'auto' | boolean;

/** Private memory that a session copies shared memory to and from, where its runtime does not take that. */
export interface StagingMemory {
  /** All of it. */
  readonly bytes: number;
  /** Of these: registered with the driver of the GPU. */
  readonly pinnedBytes: number;
  /** Why not all of them are, where they were to be. */
  readonly error: string | undefined;
}

/** A loaded model on a device, inside one thread. Whoever loads it closes it. */
export interface Session {
  /** In the order in which `run` takes them. */
  readonly inputs: readonly ModelTensor[];
  /** In the order in which `run` takes them. */
  readonly outputs: readonly ModelTensor[];
  /** Where it computes. */
  readonly device: SessionDevice;
  /** What a user should know: a provider that did not start, and why. More may be added at the end while it runs. */
  readonly warnings: readonly string[];
  /** Undefined where it runs on the views themselves, which is known after the first run. */
  readonly staging?: StagingMemory | undefined;
  /** Runs one batch; writes every output into the view given for it. Views may lie in shared memory. */
  run(inputs: readonly TensorView[], outputs: readonly TensorView[]): Promise<void>;
  /** Runs one batch and returns the dimensions of the outputs: for outputs that the model leaves open. */
  outputDims(inputs: readonly TensorView[]): Promise<ReadonlyMap<string, readonly number[]>>;
  /** Gives back its memory, on the device too. No batch may be under way. */
  close(): Promise<void>;
}

/** What to load. Clonable. */
export interface SessionSpec {
  /** `model.runtime` of the job. */
  readonly runtime: string;
  /** Undefined for the simulated device. */
  readonly uri: string | undefined;
  /** `model.providers` of the job, to be tried in this order. */
  readonly providers: readonly string[];
  /** Which device, where a provider numbers its devices. */
  readonly deviceId: number;
  /** Handed to the runtime. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Threads that one run may use on the CPU. */
  readonly intraOpNumThreads: number;
  /** For the simulated device, which has no model to tell its inputs. */
  readonly inputs: readonly ModelTensor[];
  /** Where the session lives: in the thread that loads it, the default, or in a process of its own. */
  readonly isolation?: 'thread' | 'process';
  /** Whether memory of its own that goes to a GPU is pinned. By default not. */
  readonly pinned?: Pinning;
  /** In a process of its own: how long a run may take before the process is killed. By default for ever. */
  readonly runTimeoutMs?: number;
}
