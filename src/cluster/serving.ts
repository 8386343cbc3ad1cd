import type { ServeConfig } from '../serve/schema.js';
import { type ServeOptions, type Server, startServer } from '../serve/server.js';
import { UsageError } from '../util/errors.js';
import type { ShardRunner } from './worker-options.js';

/** Between the ports of one process of a worker and those of the next. */
const PORTS_APART = 10;
/** What requests in flight, and the end of a shard that is interrupted, may take when the server ends. */
const GRACE_MS = 30_000;

/** How endpoints are served in a worker's process. */
export interface ServingOptions extends Pick<ServeOptions, 'token' | 'insecure' | 'log' | 'page'> {
  /** The place of this process among those that listen on this host. */
  readonly process?: { readonly index: number; readonly count: number } | undefined;
  /** How long a shard may take to end when the worker drains, milliseconds: so long the server waits for it, too. */
  readonly drainMs?: number;
}

/**
 * Online endpoints in a worker's process, and what runs its shards beside them on the same devices: `runner` of
 * `startWorker`. Whoever starts it closes it.
 */
export interface Serving extends ShardRunner, AsyncDisposable {
  /** What answers the requests. */
  readonly server: Server;
  /**
   * Takes no requests and no shards any more. Resolves when what was in flight is answered, and the shard that runs has
   * ended, by itself or since its signal was aborted; where that takes too long, it is interrupted.
   */
  close(): Promise<void>;
}

/**
 * Starts the online endpoints of a worker.
 *
 * @example
 * await using serving = await startServing(await loadServeConfig('serve.yaml'));
 * const worker = await startWorker({ queue: 'redis://localhost:6379', runner: serving });
 *
 * @throws as `startServer`
 */
export async function startServing(config: ServeConfig, options: ServingOptions = {}): Promise<Serving> {
  const { process, drainMs = 0, ...rest } = options;
  const own = process === undefined ? config : withOwnPorts(config, process.index);
  const server = await startServer(own, { ...rest, graceMs: drainMs + GRACE_MS });
  const { engine } = server;
  return {
    server,
    refuses: (job) => engine.refusesBeside?.(job),
    async run(job, how) {
      if (engine.runBeside === undefined) throw new UsageError('this server runs no jobs');
      return engine.runBeside(job, how);
    },
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** Processes on one host can't listen on the same ports: each takes those ten above the process before; 0 stays any free one. */
export function withOwnPorts(config: ServeConfig, index: number): ServeConfig {
  const { port, grpcPort } = config.listen;
  const shifted = (one: number): number => {
    const own = one === 0 ? 0 : one + PORTS_APART * index;
    if (own <= 65535) return own;
    throw new UsageError(`listen.port: ${one} leaves no port for process ${index} of this host`, {
      key: 'listen.port',
    });
  };
  return {
    ...config,
    listen: {
      ...config.listen,
      port: shifted(port),
      grpcPort: grpcPort === null ? null : shifted(grpcPort),
    },
  };
}
