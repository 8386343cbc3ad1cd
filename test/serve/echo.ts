import {
  type Endpoint,
  type EndpointTensor,
  type Engine,
  type EngineStats,
  type InferRequest,
  type InferResult,
  parseServeConfig,
  type ServeOptions,
  type Server,
  startServer,
} from 'penstock';
import { onTestFinished } from 'vitest';
import { DTYPES, type DType } from '../../src/util/dtype.js';

/** What the protocol calls the types of elements. */
export const DATATYPES: Readonly<Record<DType, string>> = {
  float32: 'FP32',
  float64: 'FP64',
  float16: 'FP16',
  int8: 'INT8',
  uint8: 'UINT8',
  int16: 'INT16',
  uint16: 'UINT16',
  int32: 'INT32',
  uint32: 'UINT32',
  int64: 'INT64',
  uint64: 'UINT64',
  bool: 'BOOL',
};

const endpoint = (
  name: string,
  tensors: readonly EndpointTensor[],
  outputs: readonly EndpointTensor[] = tensors,
): Endpoint => ({ name, platform: 'echo', inputs: tensors, outputs, maxRows: 100, rowBytes: undefined });

const row = (name: string, dtype: DType, ...dims: number[]): EndpointTensor => ({
  name,
  dtype,
  shape: [-1, ...dims],
});

/** An endpoint with one input of each type, `[-1, 2]`; and some others. Their outputs are called as their inputs. */
const ENDPOINTS: readonly Endpoint[] = [
  ...DTYPES.map((dtype) => endpoint(dtype, [row('x', dtype, 2)])),
  endpoint('text', [{ ...row('x', 'uint8'), isText: true }]),
  endpoint('pair', [row('a', 'float32', 2), row('b', 'int32')]),
  endpoint('odd', [row('a', 'uint8', 3), row('b', 'float64')]),
  endpoint('matrix', [row('x', 'float32', 2, 3)]),
  endpoint('open', [row('x', 'float32', -1)]),
  endpoint('wide', [row('x', 'float32', -1, -1)]),
];

/** Answers with what it was asked, or as it is told. Keeps the requests. */
export class EchoEngine implements Engine {
  readonly endpoints = ENDPOINTS;
  readonly requests: InferRequest[] = [];
  isReady = true;
  drained = false;
  #answer: (request: InferRequest, signal: AbortSignal | undefined) => Promise<InferResult>;

  constructor(
    answer: (request: InferRequest, signal: AbortSignal | undefined) => Promise<InferResult> = echo,
  ) {
    this.#answer = answer;
  }

  infer(request: InferRequest, signal?: AbortSignal): Promise<InferResult> {
    this.requests.push(request);
    return this.#answer(request, signal);
  }

  stats(): EngineStats {
    return { uptime: 0, endpoints: [], devices: [], jobs: [] };
  }

  async drain(): Promise<void> {
    this.isReady = false;
    this.drained = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

export async function echo({ inputs, outputs }: InferRequest): Promise<InferResult> {
  const wanted = outputs ?? inputs.map(({ name }) => name);
  return {
    outputs: wanted.flatMap((name) => inputs.filter((input) => input.name === name)),
    times: { queue: 0, compute: 0, batchRows: 1 },
  };
}

const CONFIG = { listen: { port: 0, grpcPort: 0 }, models: { echo: { model: { uri: 'echo.onnx' } } } };

export interface Serving {
  readonly server: Server;
  readonly engine: EchoEngine;
  readonly url: string;
}

/** A server of echoes, gone when the test is over. */
export async function serveEchoes(
  engine = new EchoEngine(),
  options: ServeOptions = {},
  config: object = {},
): Promise<Serving> {
  const server = await startServer(parseServeConfig({ ...CONFIG, ...config }), { engine, ...options });
  onTestFinished(() => server.close());
  return { server, engine, url: server.url };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: {
    readonly error?: string;
    readonly id?: string;
    readonly model_name?: string;
    readonly outputs?: readonly {
      readonly name: string;
      readonly datatype: string;
      readonly shape: readonly number[];
      readonly data?: readonly unknown[];
      readonly parameters?: { readonly binary_data_size: number };
    }[];
  };
  /** What follows the JSON. */
  readonly binary: Buffer;
}

/** Asks an endpoint over HTTP: a document is sent as JSON, with `binary` behind it. */
export async function infer(
  url: string,
  name: string,
  document: unknown,
  { binary, ...init }: RequestInit & { readonly binary?: Uint8Array } = {},
): Promise<Answer> {
  const json = Buffer.from(typeof document === 'string' ? document : JSON.stringify(document));
  const headers = new Headers(init.headers);
  if (binary !== undefined) headers.set('inference-header-content-length', String(json.length));
  const response = await fetch(`${url}/v2/models/${name}/infer`, {
    method: 'POST',
    body: binary === undefined ? json : Buffer.concat([json, binary]),
    ...init,
    headers,
  });
  return answerOf(response);
}

export async function answerOf(response: Response): Promise<Answer> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const length = Number(response.headers.get('inference-header-content-length') ?? bytes.length);
  return {
    status: response.status,
    headers: response.headers,
    json: JSON.parse(bytes.toString('utf8', 0, length)),
    binary: bytes.subarray(length),
  };
}

/** A request of one input. */
export const one = (datatype: string, shape: readonly unknown[], data: unknown): object => ({
  inputs: [{ name: 'x', datatype, shape, data }],
});

/** A promise, and how it is kept. */
export function promised<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((keep) => {
    resolve = keep;
  });
  return { promise, resolve };
}
