import { InterruptedError, toRecord, UsageError } from '../util/errors.js';
import { settledWithin } from '../util/grace.js';
import { readVersion } from '../util/version.js';
import type { EngineEvent } from './events.js';
import type { GrpcLimits } from './grpc/limits.js';
import type { Routes } from './http/app.js';
import type { HttpLimits } from './http/limits.js';
import { Inference } from './inference.js';
import { addressOf, type Listener, listenGrpc, listenHttp } from './listen.js';
import type { ServeLog } from './log/log.js';
import { isLoopback } from './loopback.js';
import type { Observer } from './observer.js';
import type { ServeConfig } from './schema.js';
import type { OpenServerPage, ServerPage } from './server-page.js';
import { Token } from './token.js';
import type { Engine } from './types.js';

/** How long what is in flight may take when the server ends. */
const GRACE_MS = 30_000;

/** How `startServer` starts and ends. */
export interface ServeOptions {
  /** Aborted, the server drains and ends, as `close` does. */
  readonly signal?: AbortSignal;
  /**
   * What runs the requests, where it is not made of the configuration. It is drained when the server ends; whoever hands it
   * in closes it.
   */
  readonly engine?: Engine;
  /** What clients must send as bearer token. By default what the environment has as PENSTOCK_TOKEN; without, none. */
  readonly token?: string;
  /**
   * Whether, although there is no token, it may listen on other addresses than loopback, and answer requests there that call
   * this machine by another name. Default: false.
   */
  readonly insecure?: boolean;
  /** Milliseconds that what is in flight may take when the server ends. Default: 30,000. */
  readonly graceMs?: number;
  /** Whether it writes to stderr what it has to say, as the configuration's `log` wants it. Default: false. */
  readonly log?: boolean;
  /** A page about the server, at `/`: `livePage`. By default none. */
  readonly page?: OpenServerPage;
  /** More for HTTP to answer. */
  readonly routes?: (engine: Engine) => readonly Routes[];
  /** Bounds on clients that are slow, or many. */
  readonly limits?: { readonly http?: Partial<HttpLimits>; readonly grpc?: Partial<GrpcLimits> };
}

/** A server at work. */
export interface Server {
  /** Where HTTP is, `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Where gRPC is, `127.0.0.1:8001`; undefined where there is none. */
  readonly grpcUrl: string | undefined;
  /** What runs the requests: asks without a network in between. */
  readonly engine: Engine;
  /** Resolves when it has ended, however it came to that. */
  readonly closed: Promise<void>;
  /**
   * Ends it: nothing is ready any more, new requests are refused, what is in flight is answered, within the grace period;
   * then connections are closed. Resolves when all is gone.
   */
  close(): Promise<void>;
}

/**
 * Serves models to online requests, by the Open Inference Protocol (version 2) over HTTP and gRPC.
 *
 * @example
 * const server = await startServer(await loadServeConfig('serve.yaml'));
 * console.log(server.url);
 * await server.close();
 *
 * @throws UsageError where it would be open to other machines without a token, or can't listen; DeviceError where a model
 *   does not load
 */
export async function startServer(config: ServeConfig, options: ServeOptions = {}): Promise<Server> {
  const { signal, insecure = false } = options;
  const token = tokenOf(options.token ?? process.env.PENSTOCK_TOKEN);
  const { host } = config.listen;
  if (token === undefined && !insecure && !isLoopback(host)) {
    throw new UsageError(`listen.host: ${host} can be reached from other machines, and there is no token`, {
      key: 'listen.host',
      hint: 'Set PENSTOCK_TOKEN in the environment, or say --insecure where all of that network may use it.',
    });
  }
  const { ServeLog } = await import('./log/log.js');
  const log = new ServeLog({ name: config.name, ...(options.log ? config.log : { level: 'silent' }) });
  let own: Engine | undefined;
  try {
    own = options.engine === undefined ? await engineOf(config, log) : undefined;
    const engine = options.engine ?? (own as Engine);
    if (signal?.aborted) throw new InterruptedError('interrupted before it had started');
    return await RunningServer.start(config, engine, own, token, log, options);
  } catch (error) {
    await own?.[Symbol.asyncDispose]();
    log[Symbol.dispose]();
    throw error;
  }
}

/** A variable that is set to nothing is not set. */
function tokenOf(token: string | undefined): Token | undefined {
  return token === undefined || token === '' ? undefined : new Token(token);
}

async function engineOf(config: ServeConfig, log: ServeLog): Promise<Engine> {
  const { createEngine } = await import('./engine.js');
  return createEngine(config, { onEvent: (event) => tell(log, event) });
}

function tell(log: ServeLog, event: EngineEvent): void {
  switch (event.kind) {
    case 'warning':
      log.warn(`${event.of}: ${event.message}`);
      break;
    case 'failed':
      log.lost('model', event.model, toRecord(event.error));
      break;
    case 'job':
      if (event.outcome instanceof Error) log.lost('job', event.job, toRecord(event.outcome));
      break;
    case 'ready':
      break;
  }
}

class RunningServer implements Server {
  readonly url: string;
  readonly grpcUrl: string | undefined;
  readonly engine: Engine;
  readonly closed: Promise<void>;
  readonly #inference: Inference;
  readonly #observer: Observer;
  readonly #page: ServerPage | undefined;
  readonly #listeners: readonly Listener[];
  readonly #own: Engine | undefined;
  readonly #graceMs: number;
  readonly #log: ServeLog;
  #onClosed!: (ending: Promise<void>) => void;
  #ending: Promise<void> | undefined;

  static async start(
    config: ServeConfig,
    engine: Engine,
    own: Engine | undefined,
    token: Token | undefined,
    log: ServeLog,
    options: ServeOptions,
  ): Promise<RunningServer> {
    const [{ Observer }, { Prometheus }, { outsideRoutes }] = await Promise.all([
      import('./observer.js'),
      import('./metrics/prometheus.js'),
      import('./http/outside.js'),
    ]);
    const { name } = config;
    const observer = new Observer(engine, log, readVersion());
    const inference = new Inference(engine, {
      watch: (request) => observer.begin(request),
      onFault: (error) => log.fault(error),
    });
    const page = options.page?.({ engine, name, isDraining: () => inference.isClosing });
    const listeners: Listener[] = [];
    try {
      const outside = outsideRoutes(new Prometheus(engine, { name, version: readVersion() }), page);
      const routes: ServeOptions['routes'] = (engine) => [outside, ...(options.routes?.(engine) ?? [])];
      listeners.push(await listenHttp(config, inference, token, { ...options, routes }));
      if (config.listen.grpcPort !== null) {
        listeners.push(await listenGrpc(config, config.listen.grpcPort, inference, token, options));
      }
    } catch (error) {
      for (const listener of listeners) listener.destroy();
      observer[Symbol.dispose]();
      page?.[Symbol.dispose]();
      throw error;
    }
    const server = new RunningServer(config, inference, observer, page, listeners, own, log, options.graceMs);
    const endpoints = [...inference.endpoints.keys()];
    log.started({ http: server.url, ...(server.grpcUrl && { grpc: server.grpcUrl }), endpoints });
    const { signal } = options;
    const onAbort = (): void => void server.close();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    void server.closed.finally(() => signal?.removeEventListener('abort', onAbort));
    return server;
  }

  private constructor(
    { listen: { host } }: ServeConfig,
    inference: Inference,
    observer: Observer,
    page: ServerPage | undefined,
    listeners: readonly Listener[],
    own: Engine | undefined,
    log: ServeLog,
    graceMs = GRACE_MS,
  ) {
    const [http, grpc] = listeners;
    this.url = `http://${addressOf(host, http?.port)}`;
    this.grpcUrl = grpc && addressOf(host, grpc.port);
    this.engine = inference.engine;
    this.#inference = inference;
    this.#observer = observer;
    this.#page = page;
    this.#listeners = listeners;
    this.#own = own;
    this.#log = log;
    this.#graceMs = graceMs;
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
  }

  close(): Promise<void> {
    if (this.#ending === undefined) {
      this.#ending = this.#end();
      this.#onClosed(this.#ending);
    }
    return this.#ending;
  }

  async #end(): Promise<void> {
    const { uptime } = this.engine.stats();
    const startedAt = performance.now();
    this.#inference.close();
    this.#log.draining();
    const answered = this.engine.drain().then(() => {
      // Whoever looks on is told, and lets go of its connection.
      this.#page?.[Symbol.dispose]();
      return Promise.all(this.#listeners.map((one) => one.close()));
    });
    await settledWithin(answered, this.#graceMs);
    this.#page?.[Symbol.dispose]();
    for (const listener of this.#listeners) listener.destroy();
    // Once connections are gone, so is whoever waited for an answer.
    await Promise.all(this.#listeners.map((one) => one.close()));
    await this.#own?.[Symbol.asyncDispose]();
    this.#observer[Symbol.dispose]();
    this.#log.stopped(uptime + (performance.now() - startedAt) * 1000);
  }
}
