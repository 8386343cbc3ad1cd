import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { arrayOf, isDType } from '../../util/dtype.js';
import { DeviceError, messageOf } from '../../util/errors.js';
import type { ModelTensor, Session, SessionDevice, TensorView } from '../types.js';
import { textsOf } from './text.js';

export type Runtime = typeof import('onnxruntime-node');

function tensorsOf(
  metadata: readonly InferenceSession.ValueMetadata[],
  uri: string,
  takesTexts: boolean,
): ModelTensor[] {
  return metadata.map((value) => {
    if (takesTexts && value.isTensor && value.type === 'string')
      return { name: value.name, dtype: 'uint8', dims: dimsOf(value.shape), isText: true };
    if (!value.isTensor || !isDType(value.type)) {
      const what = value.isTensor ? `a tensor of ${value.type}` : 'no tensor';
      throw new DeviceError(`${uri}: ${JSON.stringify(value.name)} is ${what}, which is not supported`, {
        file: uri,
      });
    }
    return { name: value.name, dtype: value.type, dims: dimsOf(value.shape) };
  });
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
  readonly #tensors = new WeakMap<TensorView, Tensor>();
  /** Views and the private memory that stands in for them, where the runtime refuses shared memory. */
  readonly #staging = new WeakMap<TensorView, TensorView>();
  /** Whether tensors over shared memory are taken; found by the first of them. onnxruntime-node on Node 20 refuses them. */
  #takesShared: boolean | undefined;

  constructor(
    runtime: Runtime,
    session: InferenceSession,
    uri: string,
    device: SessionDevice,
    warnings: readonly string[],
  ) {
    this.#runtime = runtime;
    this.#session = session;
    this.device = device;
    this.warnings = warnings;
    this.inputs = tensorsOf(session.inputMetadata, uri, true);
    this.outputs = tensorsOf(session.outputMetadata, uri, false);
  }

  async run(inputs: readonly TensorView[], outputs: readonly TensorView[]): Promise<void> {
    const shared = [...inputs, ...outputs].some(({ data }) => data.buffer instanceof SharedArrayBuffer);
    if (shared && this.#takesShared === undefined) await this.#probe(inputs, outputs);
    else if (!shared || this.#takesShared) await this.#session.run(this.#feeds(inputs), this.#feeds(outputs));
    else await this.#runStaged(inputs, outputs);
  }

  async outputDims(inputs: readonly TensorView[]): Promise<ReadonlyMap<string, readonly number[]>> {
    const results = await this.#session.run(this.#feeds(inputs));
    const dims = Object.entries(results).map(([name, tensor]) => [name, tensor.dims] as const);
    for (const tensor of Object.values(results)) tensor.dispose();
    return new Map(dims);
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  /** The first run over shared memory: as it is, and where the runtime refuses that, with private memory from then on. */
  async #probe(inputs: readonly TensorView[], outputs: readonly TensorView[]): Promise<void> {
    try {
      await this.#session.run(this.#feeds(inputs), this.#feeds(outputs));
      this.#takesShared = true;
    } catch (error) {
      if (!/invalid argument/i.test(messageOf(error))) throw error;
      await this.#runStaged(inputs, outputs);
      this.#takesShared = false;
    }
  }

  async #runStaged(inputs: readonly TensorView[], outputs: readonly TensorView[]): Promise<void> {
    for (const input of inputs) this.#staged(input).data.set(input.data as never);
    const staged = outputs.map((output) => this.#staged(output));
    await this.#session.run(this.#feeds(inputs.map((input) => this.#staged(input))), this.#feeds(staged));
    outputs.forEach((output, i) => {
      output.data.set(staged[i]?.data as never);
    });
  }

  #staged(view: TensorView): TensorView {
    let staged = this.#staging.get(view);
    if (staged === undefined) {
      staged = { ...view, data: new (arrayOf(view.dtype))(view.data.length) };
      this.#staging.set(view, staged);
    }
    return staged;
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
      this.#tensors.set(view, tensor);
    }
    return tensor;
  }
}
