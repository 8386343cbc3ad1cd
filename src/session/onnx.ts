import { stat } from 'node:fs/promises';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { arrayOf, isDType } from '../util/dtype.js';
import { DeviceError, messageOf, StorageError, UsageError } from '../util/errors.js';
import type { ModelTensor, Session, SessionDevice, SessionSpec, TensorView } from './types.js';

type Runtime = typeof import('onnxruntime-node');

/** Providers that this version starts; the others of DESIGN §4 come with the devices they need. */
const SUPPORTED = ['cpu'];

/**
 * Loads an ONNX model with onnxruntime-node. Providers are tried in the order given; one that does not start is a
 * warning, or an error where no other follows.
 */
export async function load(spec: SessionSpec): Promise<Session> {
  const { uri } = spec;
  if (uri === undefined) throw new UsageError('model.uri: is missing', { key: 'model.uri' });
  await checkModelFile(uri);
  const runtime: Runtime = await import('onnxruntime-node');
  const warnings: string[] = [];
  for (const provider of spec.providers) {
    if (!SUPPORTED.includes(provider)) {
      warnings.push(`provider ${provider}: is not built into this version`);
      continue;
    }
    const session = await create(runtime, uri, spec);
    return new OnnxSession(
      runtime,
      session,
      { id: provider, runtime: 'onnx', provider, simulated: false },
      warnings,
    );
  }
  throw new DeviceError(`${uri}: no provider could be started: ${warnings.join('; ')}`, {
    key: 'model.providers',
    hint: `This version has ${SUPPORTED.join(', ')}.`,
  });
}

async function checkModelFile(uri: string): Promise<void> {
  const stats = await stat(uri).catch((cause) => {
    throw new StorageError(`${uri}: the model can't be opened: ${messageOf(cause)}`, { file: uri, cause });
  });
  if (stats.isFile() && stats.size > 0) return;
  const what = stats.isFile() ? 'is empty' : 'is not a file';
  throw new DeviceError(`${uri}: ${what}; expected an ONNX model`, { file: uri });
}

async function create(runtime: Runtime, uri: string, spec: SessionSpec): Promise<InferenceSession> {
  try {
    return await runtime.InferenceSession.create(uri, {
      executionProviders: ['cpu'],
      intraOpNumThreads: spec.intraOpNumThreads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      // Errors reach the user through exceptions; the library's own log would stand beside them.
      logSeverityLevel: 4,
      ...spec.options,
    });
  } catch (cause) {
    throw new DeviceError(`${uri}: is no model that ONNX Runtime can load: ${messageOf(cause)}`, {
      file: uri,
      hint: 'Check model.uri and model.runtime.',
    });
  }
}

function tensorsOf(metadata: readonly InferenceSession.ValueMetadata[], uri: string): ModelTensor[] {
  return metadata.map((value) => {
    if (!value.isTensor || !isDType(value.type)) {
      const what = value.isTensor ? `a tensor of ${value.type}` : 'no tensor';
      throw new DeviceError(`${uri}: ${JSON.stringify(value.name)} is ${what}, which is not supported`, {
        file: uri,
      });
    }
    // Shape inference reports «not known» as no dimensions at all, and so it does a scalar.
    const dims = value.shape.length === 0 ? undefined : value.shape;
    return { name: value.name, dtype: value.type, dims };
  });
}

class OnnxSession implements Session {
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
    device: SessionDevice,
    warnings: readonly string[],
  ) {
    this.#runtime = runtime;
    this.#session = session;
    this.device = device;
    this.warnings = warnings;
    this.inputs = tensorsOf(session.inputMetadata, device.provider);
    this.outputs = tensorsOf(session.outputMetadata, device.provider);
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
    let tensor = this.#tensors.get(view);
    if (tensor === undefined) {
      tensor = new this.#runtime.Tensor(view.dtype as 'float32', view.data as Float32Array, [...view.dims]);
      this.#tensors.set(view, tensor);
    }
    return tensor;
  }
}
