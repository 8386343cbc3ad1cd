import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Inference } from '../inference.js';
import { Refusal } from '../refusal.js';
import { indexOf, metadataOf, serverMetadata } from '../wire/metadata.js';
import { quoted } from '../wire/quoted.js';
import { type Routes, refuse } from './app.js';
import { Body, BodyBudget } from './body.js';
import { answerOf } from './infer-answer.js';
import { parseRequest } from './infer-request.js';

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
  const server = serverMetadata();
  app.get('/v2', (_request, reply) => {
    reply.send(server);
  });
  const metadata = ({ params }: FastifyRequest<Named>, reply: FastifyReply): void => {
    reply.send(metadataOf(inference.endpoint(params.model, params.version).endpoint));
  };
  app.get<Named>('/v2/models/:model', metadata);
  app.get<Named>('/v2/models/:model/versions/:version', metadata);
  app.post('/v2/repository/index', (_request, reply) => {
    reply.send(indexOf(inference));
  });
}

function inferRoutes(app: FastifyInstance, inference: Inference, maxBodyBytes: number): void {
  const budget = new BodyBudget(BODIES * maxBodyBytes);
  const infer = async (request: FastifyRequest<Named>, reply: FastifyReply): Promise<FastifyReply> => {
    const { params, arrivedAt, raw } = request;
    const { headers } = raw;
    const jsonLength = jsonLengthOf(headers);
    const body = new Body(raw, budget, maxBodyBytes, jsonLength || 0);
    const gone = goneSignal(reply.raw);
    try {
      const endpoint = inference.endpoint(params.model, params.version);
      request.outcome = { endpoint: params.model };
      if (jsonLength !== undefined && Number.isNaN(jsonLength))
        throw new Refusal(
          'invalid',
          `Inference-Header-Content-Length is ${quoted(headers[JSON_LENGTH])}, expected a number of bytes`,
        );
      const parsed = parseRequest(endpoint, await body.read(), jsonLength, arrivedAt);
      const rows = parsed.request.inputs[0]?.shape[0];
      request.outcome = { endpoint: params.model, rows };
      const result = await inference.engine.infer(parsed.request, gone);
      request.outcome = { endpoint: params.model, rows, times: result.times };
      const answer = answerOf(parsed, result);
      if (answer.jsonLength === undefined) reply.header('content-type', 'application/json');
      else reply.header('content-type', 'application/octet-stream').header(JSON_LENGTH, answer.jsonLength);
      reply.send(answer.body);
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
