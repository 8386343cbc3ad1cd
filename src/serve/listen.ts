import { isIPv6 } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { messageOf, UsageError } from '../util/errors.js';
import { GRPC_LIMITS, type GrpcLimits } from './grpc/limits.js';
import type { Routes } from './http/app.js';
import type { InFlight } from './http/in-flight.js';
import { HTTP_LIMITS, type HttpLimits } from './http/limits.js';
import type { Inference } from './inference.js';
import { isLoopback } from './loopback.js';
import type { ServeConfig } from './schema.js';
import type { Token } from './token.js';
import type { Engine } from './types.js';

/** What listens on a port, and how it ends. */
export interface Listener {
  readonly port: number;
  /** Takes no more connections; resolves when all is answered, and they are gone. */
  close(): Promise<void>;
  /** Takes no more connections, and ends those that there are, whatever is in flight. */
  destroy(): void;
}

export interface ListenOptions {
  readonly insecure?: boolean;
  readonly routes?: (engine: Engine) => readonly Routes[];
  readonly limits?: { readonly http?: Partial<HttpLimits>; readonly grpc?: Partial<GrpcLimits> };
}

/** Every address of this machine is found at its loopback, too. */
export function addressOf(host: string, port: number | undefined): string {
  if (host === '0.0.0.0') return `127.0.0.1:${port}`;
  if (host === '::') return `[::1]:${port}`;
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

export async function listenHttp(
  { listen: { host, port }, http }: ServeConfig,
  inference: Inference,
  token: Token | undefined,
  { limits, routes = () => [], insecure = false }: ListenOptions,
): Promise<Listener> {
  const [{ createApp }, { InFlight }, { restRoutes }] = await Promise.all([
    import('./http/app.js'),
    import('./http/in-flight.js'),
    import('./http/routes.js'),
  ]);
  const all = [restRoutes(inference, http.maxBodyBytes), ...routes(inference.engine)];
  const admission = { token, onlyLoopback: !insecure && isLoopback(host) };
  const app = createApp(inference, admission, { ...HTTP_LIMITS, ...limits?.http }, all);
  const inFlight = new InFlight(app);
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    throw cannotListen('listen.port', host, port, error);
  }
  let ending: Promise<void> | undefined;
  const close = (): Promise<void> => {
    ending ??= closeApp(app, inFlight);
    return ending;
  };
  const [address] = app.addresses();
  return {
    port: typeof address === 'object' ? address.port : port,
    close,
    destroy() {
      close().catch(() => {});
      app.server.closeAllConnections();
    },
  };
}

/**
 * Connections that clients keep would hold it up: once all is answered they are closed. Node's `closeIdleConnections` leaves
 * those on which there never was a request.
 */
async function closeApp(app: FastifyInstance, inFlight: InFlight): Promise<void> {
  const closed = app.close();
  await inFlight.none();
  app.server.closeAllConnections();
  await closed;
}

export async function listenGrpc(
  { listen: { host }, http }: ServeConfig,
  port: number,
  inference: Inference,
  token: Token | undefined,
  { limits }: ListenOptions,
): Promise<Listener> {
  const { GrpcServer } = await import('./grpc/server.js');
  const server = new GrpcServer(inference, token, http.maxBodyBytes, { ...GRPC_LIMITS, ...limits?.grpc });
  try {
    const actual = await server.listen(host, port);
    let ending: Promise<void> | undefined;
    return {
      port: actual,
      close() {
        ending ??= server.close();
        return ending;
      },
      destroy: () => server.destroy(),
    };
  } catch (error) {
    server.destroy();
    throw cannotListen('listen.grpcPort', host, port, error);
  }
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program',
  EACCES: 'is not for this user to listen on',
  EADDRNOTAVAIL: 'is no address of this machine',
  ENOTFOUND: 'is the name of no address',
};

function cannotListen(key: string, host: string, port: number, cause: unknown): UsageError {
  const why = WHY[String(Object(cause).code)] ?? `can't be listened on: ${messageOf(cause)}`;
  const where =
    Object(cause).code === 'EADDRINUSE' || Object(cause).code === 'EACCES' ? `${host}:${port}` : host;
  return new UsageError(`${key}: ${where} ${why}`, { key, cause });
}
