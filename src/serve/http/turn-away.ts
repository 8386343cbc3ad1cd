import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Inference } from '../inference.js';
import { VERSION } from '../wire/wire-endpoint.js';
import { type Admission, notAdmitted } from './admission.js';
import { errorText, retryAfter, statusOf } from './status.js';

/** What infer requests ask for, where their names need no decoding. */
const INFER = /^\/v2\/models\/([\w.~-]+)(\/versions\/([\w.~-]+))?\/infer$/;

/** When requests came that were looked at here, and are admitted: neither needs to be found out again. */
export const arrivals = new WeakMap<IncomingMessage, number>();

/**
 * Answers requests that come too late, or find the queue full, before anything else looks at them. That is what a server that
 * gets more than it can do spends its time with: the less it takes, the more of the others are in time.
 */
export function turnAwayFirst(server: Server, inference: Inference, admission: Admission): void {
  const handlers = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    if (turnedAway(inference, admission, request, response)) return;
    for (const handler of handlers) handler.call(server, request, response);
  });
}

/** Whether it was answered. */
function turnedAway(
  inference: Inference,
  admission: Admission,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const { method, url = '', headers } = request;
  if (method !== 'POST' || inference.isClosing) return false;
  const [matches, name = '', ofVersion, version = VERSION] = INFER.exec(url) ?? [];
  if (matches === undefined || version !== VERSION || notAdmitted(admission, headers) !== undefined)
    return false;
  const arrivedAt = inference.arrivals.stamp(request.socket);
  arrivals.set(request, arrivedAt);
  const refusal = inference.engine.turnAway?.(name, arrivedAt);
  if (refusal === undefined) return false;
  const route = `/v2/models/:model${ofVersion === undefined ? '' : '/versions/:version'}/infer`;
  const address = request.socket.remoteAddress;
  const end = inference.watch?.({ protocol: 'http', method, route, headers, arrivedAt, address });
  const body = errorText(refusal);
  const seconds = retryAfter(refusal);
  response.writeHead(statusOf(refusal), {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(seconds !== undefined && { 'retry-after': `${seconds}` }),
  });
  response.end(body);
  end?.({ endpoint: name, refusal, status: response.statusCode });
  return true;
}
