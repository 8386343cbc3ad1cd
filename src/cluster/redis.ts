import { isIP } from 'node:net';
import type { Redis, RedisOptions } from 'ioredis';
import { InterruptedError, messageOf, QueueError } from '../util/errors.js';
import type { QueueAddress } from './address.js';

/** How long a queue that does not answer is waited for at the start. */
const FIRST_CONNECTION_MS = 10_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5000;
/** A connection that nothing comes back on for so long is taken for dead: a cable that was pulled sends no word. */
const SILENT_MS = 15_000;

/** What the holder of a connection is told of it. */
export interface ConnectionEvents {
  /** Once for each time that it is lost. It connects again by itself; commands wait until then. */
  readonly onLost?: (error: Error) => void;
  readonly onBack?: (seconds: number) => void;
}

/** A connection to Redis that comes back. Whoever opens it closes it. */
export class Link implements Disposable {
  readonly redis: Redis;
  #lastError: Error | undefined;
  #closing = false;

  private constructor(redis: Redis) {
    this.redis = redis;
    redis.on('error', (error: Error) => {
      this.#lastError = error;
    });
  }

  /**
   * Connects. Once it has, it connects again for ever; until then, it tries for some seconds.
   *
   * @throws QueueError where Redis can't be reached, or refuses us; InterruptedError after `signal`
   */
  static async open(
    address: QueueAddress,
    events: ConnectionEvents = {},
    signal?: AbortSignal,
  ): Promise<Link> {
    const { Redis: Client } = await import('ioredis');
    let connected = false;
    const client = new Client({
      ...optionsOf(address),
      retryStrategy: (times) => {
        // Null ends the client: a password that is wrong stays so.
        if (!connected && isRefusal(link.#lastError)) return null;
        return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(times - 1, 10));
      },
    });
    const link = new Link(client);
    await link.#firstReady(address, signal);
    connected = true;
    link.#watch(events);
    return link;
  }

  [Symbol.dispose](): void {
    this.#closing = true;
    this.redis.disconnect();
  }

  async #firstReady(address: QueueAddress, signal: AbortSignal | undefined): Promise<void> {
    const { redis } = this;
    const tooLate = new AbortController();
    const timer = setTimeout(() => tooLate.abort(), FIRST_CONNECTION_MS);
    const stop = AbortSignal.any([tooLate.signal, ...(signal === undefined ? [] : [signal])]);
    try {
      await new Promise<void>((resolve, reject) => {
        const giveUp = (): void => reject(unreachable(address, this.#lastError));
        redis.once('ready', resolve);
        redis.once('end', giveUp);
        // Between two attempts, a client that is told to end says nothing.
        stop.addEventListener('abort', giveUp, { once: true });
        if (stop.aborted) giveUp();
        // Where that fails, the events above tell.
        else redis.connect().catch(() => {});
      });
    } catch (error) {
      this[Symbol.dispose]();
      if (signal?.aborted) throw new InterruptedError('interrupted before the queue had answered');
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #watch({ onLost, onBack }: ConnectionEvents): void {
    let lostAt: number | undefined;
    this.redis.on('close', () => {
      if (lostAt !== undefined || this.#closing) return;
      lostAt = performance.now();
      onLost?.(this.#lastError ?? new Error('the connection was closed'));
    });
    this.redis.on('ready', () => {
      if (lostAt === undefined) return;
      const seconds = (performance.now() - lostAt) / 1000;
      lostAt = undefined;
      this.#lastError = undefined;
      onBack?.(seconds);
    });
  }
}

function optionsOf({ host, port, database, tls, username, password }: QueueAddress) {
  return {
    host,
    port,
    db: database,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    // Which authorities are trusted is Node's own matter: NODE_EXTRA_CA_CERTS.
    // A name is told to the server, which may have several; an address is not (RFC 6066).
    ...(tls && { tls: isIP(host) === 0 ? { servername: host } : {} }),
    lazyConnect: true,
    // Commands wait for the connection to come back, for as long as that takes.
    maxRetriesPerRequest: null,
    connectTimeout: FIRST_CONNECTION_MS,
    socketTimeout: SILENT_MS,
  } satisfies RedisOptions;
}

function isRefusal(error: Error | undefined): boolean {
  const code = error !== undefined && 'code' in error ? String(error.code) : '';
  const isTls = /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code);
  return isTls || /WRONGPASS|NOAUTH|NOPERM|invalid password|invalid username/i.test(error?.message ?? '');
}

/** Where a name has several addresses, Node puts what came of each into one error without a message. */
function reasonOf(cause: Error | undefined): string {
  if (cause === undefined) return 'no answer';
  const code = 'code' in cause ? String(cause.code) : '';
  return messageOf(cause) || code || cause.name;
}

/** Redis's own words hold no password: it does not repeat what it was sent. */
function unreachable({ shown, password }: QueueAddress, cause: Error | undefined): QueueError {
  const why = reasonOf(cause);
  if (/WRONGPASS|NOAUTH|invalid password|invalid username/i.test(why)) {
    const what =
      password === undefined ? 'it asks for a password' : 'it does not take this user and password';
    return new QueueError(`${shown}: ${what}`, {
      hint: 'Set PENSTOCK_QUEUE_USERNAME and PENSTOCK_QUEUE_PASSWORD, or write them into the URL.',
      cause,
    });
  }
  const hint = isRefusal(cause)
    ? 'Redis and the URL must agree on TLS (rediss:). An authority of your own is named by NODE_EXTRA_CA_CERTS.'
    : 'Start Redis there, or name another place: --queue redis://host:6379.';
  return new QueueError(`${shown}: the queue can't be reached: ${why}`, { hint, cause });
}
