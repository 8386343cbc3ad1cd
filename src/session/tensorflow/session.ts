import type { NumericArray } from '../../util/dtype.js';
import { sizeOf } from '../../util/dtype.js';
import { DeviceError } from '../../util/errors.js';
import type { ModelTensor, Session, SessionDevice, TensorView } from '../types.js';
import type { Engine, Program, Tensor } from './types.js';

/** A model on an engine of TensorFlow.js. */
export class TensorflowSession implements Session {
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  readonly device: SessionDevice;
  readonly warnings: readonly string[];
  readonly #engine: Engine;
  readonly #program: Program;

  constructor(engine: Engine, program: Program, warnings: readonly string[]) {
    this.#engine = engine;
    this.#program = program;
    this.inputs = program.inputs;
    this.outputs = program.outputs;
    const { deviceId, provider, gpu } = engine;
    this.device = { id: deviceId, runtime: 'tensorflow', provider, simulated: false, gpu };
    this.warnings = warnings;
  }

  async run(inputs: readonly TensorView[], outputs: readonly TensorView[]): Promise<void> {
    await this.#predict(inputs, async (results) => {
      for (const view of outputs) {
        const result = results[this.outputs.findIndex(({ name }) => name === view.name)];
        if (result === undefined) throw new RangeError(`the model has no output ${view.name}`);
        checkResult(view, result);
        // Not dataSync: outside of browsers WebGPU can only be read asynchronously.
        write(await result.data(), view);
      }
    });
  }

  outputDims(inputs: readonly TensorView[]): Promise<ReadonlyMap<string, readonly number[]>> {
    return this.#predict(
      inputs,
      async (results) =>
        new Map(this.outputs.map(({ name }, i) => [name, [...(results[i] as Tensor).shape]] as const)),
    );
  }

  async close(): Promise<void> {
    this.#program.dispose();
  }

  /** One batch, handed to `use`; of the tensors that it took none is left when it settles, however it went. */
  async #predict<T>(inputs: readonly TensorView[], use: (results: Tensor[]) => Promise<T>): Promise<T> {
    const { tf, backend } = this.#engine;
    // The backend is one for the whole thread, and another session in it may have set its own.
    if (tf.getBackend() !== backend) await tf.setBackend(backend);
    const tensors = this.inputs.map(({ name }) => {
      const view = inputs.find((candidate) => candidate.name === name);
      if (view === undefined) throw new RangeError(`nothing was given for the model's input ${name}`);
      return tensorOf(this.#engine, view);
    });
    try {
      const results = await this.#program.predict(tensors);
      // A result may be one of the inputs, or another result once more: disposing twice does nothing.
      tensors.push(...results);
      return await use(results);
    } finally {
      tf.dispose(tensors);
    }
  }
}

function checkResult({ name, dims, dtype }: TensorView, { shape, dtype: made }: Tensor): void {
  if (sizeOf(shape) !== sizeOf(dims)) {
    throw new DeviceError(
      `the model's output ${name} is [${shape.join(', ')}] for this batch, expected [${dims.join(', ')}]`,
    );
  }
  // A layers model says float32 of everything, and floats hold what else there is.
  const holds = dtype === 'float32' || made === 'bool' || (made === 'int32' && dtype !== 'bool');
  if (holds) return;
  throw new DeviceError(
    `the model's output ${name} came as ${made}, and the model says that it is ${dtype}`,
    {
      hint: 'Export the model with a signature.',
    },
  );
}

/** Memory is not copied where TensorFlow.js has the type. Of integers it has int32 alone, and libtensorflow int64. */
function tensorOf({ tf, savedModels }: Engine, { dtype, dims, data }: TensorView): Tensor {
  if (data instanceof BigInt64Array && savedModels !== undefined) return savedModels.int64Tensor(data, dims);
  const isNative = dtype === 'float32' || dtype === 'int32' || dtype === 'bool';
  const values = isNative ? (data as Float32Array) : new Int32Array(data as NumericArray);
  return tf.tensor(values, [...dims], isNative ? dtype : 'int32');
}

/** int64 comes from libtensorflow as BigInts, though TensorFlow.js calls it int32. */
function write(values: ArrayLike<number> | BigInt64Array, { name, data }: TensorView): void {
  if (!(values instanceof BigInt64Array) || data instanceof BigInt64Array) {
    data.set(values as never);
    return;
  }
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    data[i] = value;
    if (data[i] === value) continue;
    throw new DeviceError(`the model's output ${name} holds ${values[i]}, which does not fit int32`);
  }
}
