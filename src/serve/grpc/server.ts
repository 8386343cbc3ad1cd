import { createServer, type Server as NetServer } from 'node:net';
import { type handleUnaryCall, Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import type { Inference } from '../inference.js';
import type { RequestEnd } from '../telemetry/request.js';
import type { Token } from '../token.js';
import type { Endpoint } from '../types.js';
import { indexOf, metadataOf, serverMetadata } from '../wire/metadata.js';
import { gate } from './gate.js';
import { messageOfResult } from './infer-answer.js';
import { type InferMessage, parseMessage } from './infer-request.js';
import type { GrpcLimits } from './limits.js';
import { PROTOCOL } from './protocol.js';
import { statusOf } from './status.js';

const INFERENCE = 'inference.GRPCInferenceService';
const HEALTH = 'grpc.health.v1.Health';

/** Calls of one connection at the same time. */
const MOST_STREAMS = 1024;

type Handler = handleUnaryCall<never, object>;

/** The Open Inference Protocol, version 2, over gRPC. Whoever starts it closes it. */
export class GrpcServer {
  readonly #server: Server;
  readonly #listener: NetServer;

  constructor(inference: Inference, token: Token | undefined, maxMessageBytes: number, limits: GrpcLimits) {
    this.#server = new Server({
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': MOST_STREAMS,
      'grpc.max_connection_idle_ms': limits.idleMs,
      interceptors: [gate(token, limits.requestMs)],
    });
    const services = fromJSON(PROTOCOL as never, { keepCase: true, longs: String });
    // The library's types know nothing of what a descriptor describes.
    this.#server.addService(services[INFERENCE] as never, inferenceService(inference) as never);
    this.#server.addService(services[HEALTH] as never, healthService(inference) as never);
    // Connections come through a door of ours: the library's own does not count them.
    const door = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#listener = createServer({ noDelay: true }, (socket) => door.injectConnection(socket));
    this.#listener.maxConnections = limits.connections;
  }

  /** Returns the port. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#listener.once('error', reject);
      this.#listener.listen({ host, port }, () => {
        const address = this.#listener.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  /** Takes no more connections; resolves when all calls are answered. */
  async close(): Promise<void> {
    this.#listener.close();
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
  }

  /** Ends all connections, whatever is in flight. */
  destroy(): void {
    this.#listener.close();
    this.#server.forceShutdown();
  }
}

interface NamedMessage {
  readonly name?: string;
  readonly version?: string;
}

function inferenceService(inference: Inference): Record<string, Handler> {
  const unary = <T>(work: (message: T) => object): Handler => {
    return ({ request }, callback) => {
      try {
        callback(null, work(request));
      } catch (error) {
        callback(statusOf(inference.refusalOf(error), status, new Metadata()));
      }
    };
  };
  const endpoint = ({ name = '', version }: NamedMessage): Endpoint =>
    inference.endpoint(name, version).endpoint;
  return {
    ServerLive: unary(() => ({ live: true })),
    ServerReady: unary(() => ({ ready: inference.isReady })),
    ModelReady: unary((message: NamedMessage) => {
      endpoint(message);
      return { ready: inference.isReady };
    }),
    ServerMetadata: unary(serverMetadata),
    ModelMetadata: unary((message: NamedMessage) => metadataOf(endpoint(message))),
    RepositoryIndex: unary(() => ({ models: indexOf(inference) })),
    ModelInfer: infer(inference),
  };
}

function infer(inference: Inference): Handler {
  return async (call, callback) => {
    const arrivedAt = inference.arrivals.stamp();
    const message: InferMessage = call.request;
    const { model_name: name = '', model_version: version, id } = message;
    const end = inference.watch?.({
      protocol: 'grpc',
      method: 'ModelInfer',
      route: INFERENCE,
      headers: call.metadata.getMap() as Record<string, string>,
      arrivedAt,
      address: call.getPeer(),
    });
    let outcome: Omit<RequestEnd, 'status'> = {};
    const gone = new AbortController();
    // It is told of calls that were answered, too, when their stream closes.
    let isAnswered = false;
    call.on('cancelled', () => {
      if (!isAnswered) gone.abort();
    });
    try {
      const endpoint = inference.endpoint(name, version);
      outcome = { endpoint: name };
      const parsed = parseMessage(endpoint, message, arrivedAt);
      const rows = parsed.inputs[0]?.shape[0];
      outcome = { endpoint: name, rows };
      const timeoutMicros = soonest(parsed.timeoutMicros, call.getDeadline());
      const request = { ...parsed, ...(timeoutMicros !== undefined && { timeoutMicros }) };
      const result = await inference.engine.infer(request, gone.signal);
      isAnswered = true;
      callback(null, messageOfResult(name, id, result));
      end?.({ endpoint: name, rows, times: result.times, status: status.OK });
    } catch (error) {
      const refusal = inference.refusalOf(error);
      const refused = statusOf(refusal, status, new Metadata());
      isAnswered = true;
      callback(refused);
      end?.({ ...outcome, refusal, status: refused.code });
    }
  };
}

/** Microseconds from now on within which the client wants its answer: as it says, and as its call does. */
function soonest(timeoutMicros: number | undefined, deadline: Date | number): number | undefined {
  const left = (Number(deadline) - Date.now()) * 1000;
  if (!Number.isFinite(left)) return timeoutMicros;
  return Math.max(1, Math.min(left, timeoutMicros ?? left));
}

function healthService(inference: Inference): Record<string, Handler> {
  return {
    Check: (_call, callback) => {
      callback(null, { status: inference.isReady ? 'SERVING' : 'NOT_SERVING' });
    },
  };
}
