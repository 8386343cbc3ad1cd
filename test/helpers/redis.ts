import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { workspace } from './workspace.js';

/** Where redis-server is; without it, tests of the queue skip: `context.skip(!REDIS, NO_REDIS)`. */
export const REDIS = process.env.PENSTOCK_TEST_REDIS;
export const NO_REDIS = 'no redis-server (PENSTOCK_TEST_REDIS)';

const file = (name: string): string => fileURLToPath(new URL(`./tls/${name}`, import.meta.url));

/** Who has signed the certificate of `tls: true`, which is for localhost and 127.0.0.1. For NODE_EXTRA_CA_CERTS. */
export const REDIS_CA = file('ca.pem');

/** Somebody else may take a port between the moment in which it is found free and that in which Redis takes it. */
const ATTEMPTS = 5;

export interface RedisOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: any free one. */
  readonly port?: number;
  /** Of the user `default`, or of `username` where that is given. Default: none. */
  readonly password?: string;
  /** A user besides `default`, who may do everything, while `default` may do nothing. */
  readonly username?: string;
  /** TLS only. Default: false. */
  readonly tls?: boolean;
}

/** A real Redis of its own, with its data on disk, over loopback; gone when the test is over. */
export async function redisServer(options: RedisOptions = {}): Promise<RedisServer> {
  const directory = workspace()();
  for (let attempt = 1; ; attempt++) {
    const server = new RedisServer(directory, options.port ?? (await freePort(options.host)), options);
    try {
      await server.start();
      return server;
    } catch (error) {
      if (options.port !== undefined || attempt === ATTEMPTS) throw error;
    }
  }
}

export class RedisServer {
  readonly host: string;
  readonly port: number;
  /** With its user and password, as `--queue` takes it. */
  readonly url: string;
  /** Without user and password. */
  readonly bareUrl: string;
  readonly #directory: string;
  readonly #options: RedisOptions;
  #process: ChildProcess | undefined;

  constructor(directory: string, port: number, options: RedisOptions) {
    this.host = options.host ?? '127.0.0.1';
    this.port = port;
    const { username = '', password, tls = false } = options;
    const scheme = tls ? 'rediss' : 'redis';
    const user = password === undefined ? '' : `${username}:${encodeURIComponent(password)}@`;
    this.url = `${scheme}://${user}${this.host}:${port}`;
    this.bareUrl = `${scheme}://${this.host}:${port}`;
    this.#directory = directory;
    this.#options = options;
  }

  /** Starts it again, with the data that it had; resolves once it takes connections. */
  async start(): Promise<void> {
    if (this.#process !== undefined) throw new Error('Redis is running already');
    if (REDIS === undefined || REDIS === '') throw new Error(NO_REDIS);
    const child = spawn(REDIS, this.#arguments(), { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    onTestFinished(() => void child.kill('SIGKILL'));
    let log = '';
    await new Promise<void>((resolve, reject) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (log.includes('Ready to accept connections')) resolve();
      });
      child.once('error', reject);
      child.once('exit', (code) => {
        if (this.#process === child) this.#process = undefined;
        reject(new Error(`redis-server has ended with code ${code}:\n${log}`));
      });
    });
  }

  /** Ends it as a service manager does (everything is on disk then), or on the spot; resolves when it is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** It keeps its connections and answers nothing, as behind a network that drops everything. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** All that it knows is gone. */
  async flush(): Promise<void> {
    await this.client().flushall();
  }

  /** A connection for the length of the test, to look at what is there. */
  client(): Redis {
    const tls = this.#options.tls ? { tls: { ca: readFileSync(REDIS_CA, 'utf8') } } : {};
    const client = new Redis(this.url, { ...tls, maxRetriesPerRequest: null });
    // It connects again by itself.
    client.on('error', () => {});
    onTestFinished(() => client.disconnect());
    return client;
  }

  #arguments(): string[] {
    const { tls = false, username, password } = this.#options;
    const port = String(this.port);
    const files = ['--tls-cert-file', file('server.pem'), '--tls-key-file', file('server.key')];
    const encrypted = [...files, '--tls-ca-cert-file', REDIS_CA, '--tls-auth-clients', 'no'];
    return [
      ...['--bind', this.host, '--dir', this.#directory, '--protected-mode', 'no'],
      ...(tls ? ['--port', '0', '--tls-port', port, ...encrypted] : ['--port', port]),
      ...['--save', '', '--appendonly', 'yes'],
      ...(password === undefined || username !== undefined ? [] : ['--requirepass', password]),
      ...(username === undefined ? [] : ['--user', username, 'on', `>${password}`, '~*', '&*', '+@all']),
      ...(username === undefined ? [] : ['--user', 'default', 'off']),
    ];
  }
}

/** A port of an address that nobody listens on, at this moment. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error(`no free port at ${host}`);
  return address.port;
}
