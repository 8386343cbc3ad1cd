import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis, RedisOptions } from 'ioredis';
import type { Names } from './names.js';

/** Listens on the channel of a queue, over a connection of its own, as Redis wants it. */
export class Wake implements Disposable {
  readonly #subscriber: Redis;
  readonly #listeners = new Set<(what: string) => void>();
  /** How many messages there were: one that comes between a look and the wait after it is not lost. */
  #count = 0;

  private constructor(subscriber: Redis) {
    this.#subscriber = subscriber;
    subscriber.on('error', () => {});
    subscriber.on('message', (_, what: string) => this.#tell(what));
    // What was said meanwhile was not heard.
    subscriber.on('ready', () => this.#tell('back'));
  }

  static async on(redis: Redis, names: Names): Promise<Wake> {
    const subscriber = redis.duplicate<RedisOptions>({
      lazyConnect: false,
      retryStrategy: (times: number) => Math.min(5000, 100 * 2 ** Math.min(times - 1, 10)),
    });
    const wake = new Wake(subscriber);
    try {
      await subscriber.subscribe(names.wake);
      return wake;
    } catch (error) {
      wake[Symbol.dispose]();
      throw error;
    }
  }

  get count(): number {
    return this.#count;
  }

  /** Calls back at each message, until the function that is returned is called. */
  listen(listener: (what: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves at the first message after the one of that count, after `ms`, or at `signal`. */
  async after(count: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#count !== count || signal.aborted) return;
    const over = new AbortController();
    const stop = this.listen(() => over.abort());
    try {
      await sleep(ms, undefined, { signal: AbortSignal.any([signal, over.signal]) });
    } catch {
      // Woken.
    } finally {
      stop();
    }
  }

  /** As a message does, for whoever listens here. */
  poke(): void {
    this.#tell('');
  }

  [Symbol.dispose](): void {
    this.#subscriber.disconnect();
  }

  #tell(what: string): void {
    this.#count++;
    for (const listener of [...this.#listeners]) listener(what);
  }
}
