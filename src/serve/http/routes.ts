import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readVersion } from '../../util/version.js';
import type { Inference } from '../inference.js';
import { Refusal } from '../refusal.js';
import type { Endpoint, EndpointTensor } from '../types.js';
import { datatypeOf } from '../wire/datatype.js';
import { quoted } from '../wire/quoted.js';
import { VERSION } from '../wire/wire-endpoint.js';
import { type Routes, refuse } from './app.js';
import { Body, BodyBudget } from './body.js';
import { answerOf } from './infer-answer.js';
import { parseRequest } from './infer-request.js';

/** What of Triton's extensions there is. */
export const EXTENSIONS = ['binary_tensor_data', 'parameters', 'schedule_policy'] as const;

/** Bodies that may be at work at the same time, each as large as one may be. */
const BODIES = 4;

/** The Open Inference Protocol, version 2, over REST. */
export function restRoutes(inference: Inference, maxBodyBytes: number): Routes {
  return (app) => {
    healthRoutes(app, inference);
    metadataRoutes(app, inference);
    inferRoutes(app, inference, maxBodyBytes);
  };
}

interface Named {
  readonly Params: { readonly model: string; readonly version?: string };
}

const isPublic = { config: { isPublic: true } };

function healthRoutes(app: FastifyInstance, inference: Inference): void {
  app.get('/v2/health/live', isPublic, (_request, reply) => {
    reply.send({ live: true });
  });
  app.get('/v2/health/ready', isPublic, (_request, reply) => {
    reply.code(inference.isReady ? 200 : 503).send({ ready: inference.isReady });
  });
  const ready = ({ params }: FastifyRequest<Named>, reply: FastifyReply): void => {
    const { name } = inference.endpoint(params.model, params.version).endpoint;
    reply.code(inference.isReady ? 200 : 503).send({ name, ready: inference.isReady });
  };
  app.get<Named>('/v2/models/:model/ready', ready);
  app.get<Named>('/v2/models/:model/versions/:version/ready', ready);
}

function metadataRoutes(app: FastifyInstance, inference: Inference): void {
  const server = { name: 'penstock', version: readVersion(), extensions: EXTENSIONS };
  app.get('/v2', (_request, reply) => {
    reply.send(server);
  });
  const metadata = ({ params }: FastifyRequest<Named>, reply: FastifyReply): void => {
    reply.send(metadataOf(inference.endpoint(params.model, params.version).endpoint));
  };
  app.get<Named>('/v2/models/:model', metadata);
  app.get<Named>('/v2/models/:model/versions/:version', metadata);
  app.post('/v2/repository/index', (_request, reply) => {
    const state = inference.isReady ? 'READY' : 'UNAVAILABLE';
    const index = [...inference.endpoints.keys()].map((name) => ({ name, version: VERSION, state, reason: '' }));
    reply.send(index);
  });
}

function metadataOf({ name, platform, inputs, outputs }: Endpoint): object {
  const tensors = (list: readonly EndpointTensor[]): object[] =>
    list.map((tensor) => ({ name: tensor.name, datatype: datatypeOf(tensor), shape: tensor.shape }));
  return { name, versions: [VERSION], platform, inputs: tensors(inputs), outputs: tensors(outputs) };
}

function inferRoutes(app: FastifyInstance, inference: Inference, maxBodyBytes: number): void {
  const budget = new BodyBudget(BODIES * maxBodyBytes);
  const infer = async (request: FastifyRequest<Named>, reply: FastifyReply): Promise<FastifyReply> => {
    const { params, arrivedAt, raw } = request;
    const { headers } = raw;
    const jsonLength = jsonLengthOf(headers);
    const body = new Body(raw, budget, maxBodyBytes, jsonLength || 0);
    const arrived = {
      protocol: 'http' as const,
      endpoint: inference.endpoints.has(params.model) ? params.model : undefined,
      arrivedAt,
      header: (name: string) => headers[name]?.toString(),
    };
    try {
      await inference.serve(
        arrived,
        async () => {
          const endpoint = inference.endpoint(params.model, params.version);
          if (jsonLength !== undefined && Number.isNaN(jsonLength))
            throw new Refusal(
              'invalid',
              `Inference-Header-Content-Length is ${quoted(headers[JSON_LENGTH])}, expected a number of bytes`,
            );
          return parseRequest(endpoint, await body.read(), jsonLength, arrivedAt);
        },
        (parsed, result) => {
          const { body, jsonLength } = answerOf(parsed, result);
          if (jsonLength === undefined) reply.header('content-type', 'application/json');
          else reply.header('content-type', 'application/octet-stream').header(JSON_LENGTH, jsonLength);
          reply.send(body);
        },
        goneSignal(reply.raw),
      );
    } catch (error) {
      refuse(inference, error, reply);
    } finally {
      body.release();
    }
    return reply;
  };
  app.post<Named>('/v2/models/:model/infer', infer);
  app.post<Named>('/v2/models/:model/versions/:version/infer', infer);
}

const JSON_LENGTH = 'inference-header-content-length';

/** Undefined where there is no such header; NaN where it is no number. */
function jsonLengthOf(headers: IncomingMessage['headers']): number | undefined {
  const text = headers[JSON_LENGTH]?.toString();
  if (text === undefined) return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

/** Aborted when the client closes its connection before it is answered. */
function goneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableEnded) controller.abort();
  });
  return controller.signal;
}
