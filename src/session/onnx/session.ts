import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { describeTensor, isDType } from '../../util/dtype.js';
import { DeviceError, messageOf } from '../../util/errors.js';
import { type OpenDriver, Staging } from '../pinned/staging.js';
import type { ModelTensor, Session, SessionDevice, StagingMemory, TensorView } from '../types.js';
import { textsOf } from './text.js';

export type Runtime = typeof import('onnxruntime-node');

function inputOf(value: InferenceSession.ValueMetadata, uri: string): ModelTensor {
  const { name } = value;
  if (!value.isTensor || !(value.type === 'string' || isDType(value.type))) {
    throw new DeviceError(
      `${uri}: the input ${name} is ${kindOf(value)}; only tensors of numbers, bool and string can be given to a model`,
      { file: uri },
    );
  }
  const dims = dimsOf(value.shape);
  return value.type === 'string'
    ? { name, dtype: 'uint8', dims, isText: true }
    : { name, dtype: value.type, dims };
}

function outputOf(value: InferenceSession.ValueMetadata): ModelTensor {
  const { name } = value;
  if (value.isTensor && isDType(value.type)) return { name, dtype: value.type, dims: dimsOf(value.shape) };
  const dims = value.isTensor ? dimsOf(value.shape) : undefined;
  return { name, dtype: 'uint8', dims, unsupported: kindOf(value) };
}

function kindOf(value: InferenceSession.ValueMetadata): string {
  return value.isTensor ? `a tensor of ${value.type}` : 'no tensor';
}

/** Shape inference reports «not known» as no dimensions at all, and so it does a scalar. */
function dimsOf(shape: readonly (number | string)[]): ModelTensor['dims'] {
  return shape.length === 0 ? undefined : shape;
}

/** A loaded model, whatever provider runs it. */
export class OnnxSession implements Session {
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  readonly device: SessionDevice;
  readonly warnings: readonly string[];
  readonly #runtime: Runtime;
  readonly #session: InferenceSession;
  readonly #uri: string;
  readonly #tensors = new WeakMap<TensorView, Tensor>();
  /** Opens the driver that pins memory which stands in for shared memory; undefined where none is to be pinned. */
  readonly #openDriver: OpenDriver | undefined;
  /** What stands in for shared memory, where the runtime refuses that. */
  #staging: Staging | undefined;
  /** Whether tensors over shared memory are taken; found by the first of them. onnxruntime-node on Node 20 refuses them. */
  #takesShared: boolean | undefined;

  constructor(
    runtime: Runtime,
    session: InferenceSession,
    uri: string,
    device: SessionDevice,
    warnings: readonly string[],
    openDriver?: OpenDriver,
  ) {
    this.#openDriver = openDriver;
    this.#runtime = runtime;
    this.#session = session;
    this.#uri = uri;
    this.device = device;
    this.warnings = warnings;
    this.inputs = session.inputMetadata.map((value) => inputOf(value, uri));
    this.outputs = session.outputMetadata.map(outputOf);
  }

  async run(inputs: readonly TensorView[], outputs: readonly TensorView[]): Promise<void> {
    const shared = [...inputs, ...outputs].some(({ data }) => data.buffer instanceof SharedArrayBuffer);
    if (shared && this.#takesShared === undefined) await this.#probe(inputs, outputs);
    else if (!shared || this.#takesShared) await this.#runOn(inputs, outputs);
    else await this.#runStaged(inputs, outputs);
  }

  async outputDims(inputs: readonly TensorView[]): Promise<ReadonlyMap<string, readonly number[]>> {
    const names = this.outputs.filter(({ unsupported }) => unsupported === undefined).map(({ name }) => name);
    const results = await this.#session.run(this.#feeds(inputs), names);
    const dims = Object.entries(results).map(([name, tensor]) => [name, tensor.dims] as const);
    for (const tensor of Object.values(results)) tensor.dispose();
    return new Map(dims);
  }

  get staging(): StagingMemory | undefined {
    return this.#staging?.memory;
  }

  async close(): Promise<void> {
    this.#staging?.close();
    await this.#session.release();
  }

  /** The first run over shared memory: as it is, and where the runtime refuses that, with private memory from then on. */
  async #probe(inputs: readonly TensorView[], outputs: readonly TensorView[]): Promise<void> {
    try {
      await this.#runOn(inputs, outputs);
      this.#takesShared = true;
    } catch (error) {
      if (!/invalid argument/i.test(messageOf(error))) throw error;
      await this.#runStaged(inputs, outputs);
      this.#takesShared = false;
    }
  }

  async #runStaged(inputs: readonly TensorView[], outputs: readonly TensorView[]): Promise<void> {
    this.#staging ??= await Staging.open(this.#openDriver);
    const staging = this.#staging;
    const stagedInputs = inputs.map((input) => staging.of(input));
    const stagedOutputs = outputs.map((output) => staging.of(output));
    inputs.forEach((input, i) => {
      stagedInputs[i]?.data.set(input.data as never);
    });
    await this.#runOn(stagedInputs, stagedOutputs);
    outputs.forEach((output, i) => {
      output.data.set(stagedOutputs[i]?.data as never);
    });
  }

  /** Runs on the views' own memory, but for outputs whose shape the model declares wrongly: those are copied. */
  async #runOn(inputs: readonly TensorView[], outputs: readonly TensorView[]): Promise<void> {
    const copied = outputs.filter((output) => !this.#isDeclared(output));
    const fetches: Record<string, Tensor | null> = this.#feeds(outputs);
    for (const { name } of copied) fetches[name] = null;
    const results = await this.#session
      .run(this.#feeds(inputs), fetches)
      .catch((error) => this.#explain(error, inputs, outputs));
    for (const view of copied) {
      const tensor = results[view.name] as Tensor;
      this.#checkDims(view, tensor.dims);
      bytesIn(view.data).set(bytesIn(tensor.data as Uint8Array));
    }
  }

  /** ONNX Runtime takes no memory for an output that is shaped otherwise than declared, though it computes such. */
  #isDeclared({ name, dims }: TensorView): boolean {
    const declared = this.outputs.find((output) => output.name === name)?.dims;
    if (declared === undefined) return true;
    return (
      declared.length === dims.length &&
      declared.every((dim, i) => typeof dim === 'string' || dim === dims[i])
    );
  }

  /** An output of another shape than its view: it fails inside some node, with words about that one. */
  async #explain(
    error: unknown,
    inputs: readonly TensorView[],
    outputs: readonly TensorView[],
  ): Promise<never> {
    if (/output/i.test(messageOf(error))) {
      const found = await this.outputDims(inputs).catch(() => new Map<string, readonly number[]>());
      for (const view of outputs) this.#checkDims(view, found.get(view.name) ?? view.dims);
    }
    throw error;
  }

  #checkDims({ name, dtype, dims }: TensorView, found: readonly number[]): void {
    if (String(found) === String(dims)) return;
    throw new DeviceError(
      `${this.#uri}: the output ${name} is ${describeTensor(dtype, found)} where ${describeTensor(dtype, dims)} was expected: its first dimension must be the batch, and the others the same for every batch`,
      { file: this.#uri },
    );
  }

  #feeds(views: readonly TensorView[]): Record<string, Tensor> {
    return Object.fromEntries(views.map((view) => [view.name, this.#tensor(view)]));
  }

  #tensor(view: TensorView): Tensor {
    // Texts are objects of the engine's, made anew for each batch.
    if (view.text !== undefined)
      return new this.#runtime.Tensor('string', textsOf(view), view.dims.slice(0, -1));
    let tensor = this.#tensors.get(view);
    if (tensor === undefined) {
      tensor = new this.#runtime.Tensor(view.dtype as 'float32', view.data as Float32Array, [...view.dims]);
      // Where there is a Float16Array, from Node 24 on, the tensor makes its data one, and the native side, which does
      // not know that kind, takes it for empty (microsoft/onnxruntime pull request 32323). The bits it takes everywhere.
      if (view.dtype === 'float16') Object.defineProperty(tensor, 'data', { value: view.data });
      this.#tensors.set(view, tensor);
    }
    return tensor;
  }
}

/** What is copied are bytes: float16 comes as its bits from one Node, as numbers from another. */
function bytesIn({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
