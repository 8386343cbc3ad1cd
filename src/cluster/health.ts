import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, UsageError } from '../util/errors.js';
import type { HealthAddress } from './health-address.js';
import { HealthMetrics } from './health-metrics.js';
import type { HealthState } from './health-state.js';

/** Probes and scrapes are small, and few. */
const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 60_000,
  maxHeaderSize: 8_192,
};
const MOST_CONNECTIONS = 64;

/** Answers at `/healthz`, `/readyz` and `/metrics` until it is disposed of. */
export interface HealthServer extends AsyncDisposable {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
}

/**
 * Tells of a worker's health over HTTP, for the probes of Kubernetes and for Prometheus. `/healthz` answers as long as the
 * process does: a worker that can't reach its queue goes on with its shard, and is not to be killed for it. `/readyz` is 200
 * while shards are taken, else 503.
 *
 * @throws UsageError where it can't listen
 */
export async function serveHealth({ host, port }: HealthAddress, state: HealthState): Promise<HealthServer> {
  const server = createServer(LIMITS, answering(state));
  server.maxConnections = MOST_CONNECTIONS;
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw new UsageError(`--health: can't listen on ${host} port ${port}: ${messageOf(cause)}`, { cause });
  }
  // It never keeps a process alive that has nothing else to do.
  server.unref();
  return { url: urlOf(server), [Symbol.asyncDispose]: () => close(server) };
}

function answering(state: HealthState): RequestListener {
  const metrics = new HealthMetrics(state);
  return (request, response) => {
    const answer = (status: number, type: string, text: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : text);
    };
    const json = (status: number, document: object): void =>
      answer(status, 'application/json', `${JSON.stringify(document)}\n`);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      json(405, { error: `there is nothing to ${request.method} here` });
      return;
    }
    const [path] = (request.url ?? '').split('?');
    if (path === '/healthz') json(200, { live: true });
    else if (path === '/readyz') {
      const because = state.whyNotReady();
      json(because === undefined ? 200 : 503, { ready: because === undefined, because });
    } else if (path === '/metrics') {
      metrics.scrape().then(
        (text) => answer(200, metrics.contentType, text),
        (error) => json(500, { error: messageOf(error) }),
      );
    } else json(404, { error: 'there are /healthz, /readyz and /metrics' });
  };
}

function urlOf(server: Server): string {
  // Over TCP it has one, never a path.
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
