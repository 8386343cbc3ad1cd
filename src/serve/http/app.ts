import type { Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { messageOf } from '../../util/errors.js';
import type { Inference, Watch } from '../inference.js';
import { Refusal } from '../refusal.js';
import type { RequestEnd } from '../telemetry/request.js';
import { type Admission, notAdmitted } from './admission.js';
import type { HttpLimits } from './limits.js';
import { errorText, HttpRefusal, retryAfter, statusOf } from './status.js';
import { arrivals, turnAwayFirst } from './turn-away.js';

const MOST_HEADER_BYTES = 16 * 1024;
const MOST_NAME_CHARACTERS = 256;

declare module 'fastify' {
  interface FastifyRequest {
    /** Microseconds of `now()`. */
    arrivedAt: number;
    /** What whoever watches is told at the end. */
    outcome: Omit<RequestEnd, 'status'> | undefined;
  }
  interface FastifyContextConfig {
    /** Answers whoever asks. */
    readonly isPublic?: boolean;
    /** Is no request to tell of, in logs and traces. */
    readonly isUnwatched?: boolean;
  }
}

/** Adds routes to the server. A route that needs no token says so: `{ config: { isPublic: true } }`. */
export type Routes = (app: FastifyInstance) => void;

/** The HTTP server, with the given routes: not listening yet. Every error is `{"error": "a sentence"}`. */
export function createApp(
  inference: Inference,
  admission: Admission,
  limits: HttpLimits,
  routes: readonly Routes[],
): FastifyInstance {
  const app = fastify({
    logger: false,
    http: {
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: Math.max(50, Math.min(1000, limits.headersMs / 4)),
    },
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionTimeout: limits.stalledMs,
    return503OnClosing: false,
    routerOptions: { maxParamLength: MOST_NAME_CHARACTERS },
    clientErrorHandler: refuseMalformed,
    frameworkErrors: (error, _request, reply) => refuse(inference, error, reply),
  });
  app.server.maxConnections = limits.connections;
  turnAwayFirst(app.server, inference, admission);
  app.decorateRequest('arrivedAt', 0);
  app.decorateRequest('outcome');
  app.addHook('onRequest', (request, _reply, done) => {
    request.arrivedAt = arrivals.get(request.raw) ?? inference.arrivals.stamp(request.raw.socket);
    done();
  });
  if (inference.watch !== undefined) watch(app, inference.watch);
  app.addHook('onRequest', (request, reply, done) => {
    // Whoever keeps its connection would not notice that others are elsewhere by now.
    if (inference.isClosing) reply.header('connection', 'close');
    if (request.routeOptions.config.isPublic === true || arrivals.has(request.raw)) done();
    else done(notAdmitted(admission, request.headers));
  });
  // Bodies are read by whoever wants them, within bounds.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setErrorHandler((error, _request, reply) => refuse(inference, error, reply));
  app.setNotFoundHandler((request, reply) => refuse(inference, notFound(request), reply));
  for (const add of routes) add(app);
  return app;
}

function watch(app: FastifyInstance, begin: Watch): void {
  app.addHook('onRequest', (request, reply, done) => {
    const { method, headers, ip, routeOptions, arrivedAt } = request;
    if (routeOptions.config.isUnwatched === true) {
      done();
      return;
    }
    const route = routeOptions.url ?? '';
    const end = begin({ protocol: 'http', method, route, headers, arrivedAt, address: ip });
    // Fastify's hook for this does not come where the client has gone away.
    reply.raw.once('close', () => end({ ...request.outcome, status: reply.statusCode }));
    done();
  });
}

function notFound({ method }: FastifyRequest): Refusal {
  return new Refusal('unknown', `there is nothing to ${method} here; see the Open Inference Protocol, /v2/…`);
}

/** Answers a request that is not served. */
export function refuse(inference: Inference, error: unknown, reply: FastifyReply): void {
  const refusal = refusalOf(inference, error);
  const { request } = reply;
  request.outcome = { ...request.outcome, refusal };
  const status = statusOf(refusal);
  const seconds = retryAfter(refusal);
  if (seconds !== undefined) reply.header('retry-after', seconds);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  reply.code(status).header('content-type', 'application/json').send(errorText(refusal));
}

/** Fastify's own errors are of requests that it does not understand; they have a status. */
function refusalOf(inference: Inference, error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const status = Number(Object(error).statusCode);
  return status >= 400 && status < 500
    ? new HttpRefusal(status, messageOf(error))
    : inference.refusalOf(error);
}

/** What is no HTTP, or came too late. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason, sentence] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [408, 'Request Timeout', 'the request took too long to arrive']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? [431, 'Request Header Fields Too Large', `headers have more than ${MOST_HEADER_BYTES} bytes`]
        : [400, 'Bad Request', 'this is not HTTP/1.1 as it should be'];
  const body = JSON.stringify({ error: sentence });
  const head = `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  socket.end(head + body);
}
