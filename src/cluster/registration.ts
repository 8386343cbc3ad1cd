import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { readVersion } from '../util/version.js';
import type { Offer } from './needs.js';
import { FORM, glance, type Registration } from './payload.js';
import type { RunQueue } from './run-queue.js';
import type { WorkerOptions } from './worker-options.js';

const HEARTBEAT_MS = 5000;
/** Without a sign of life for so long, a worker is no longer listed. */
const VOID_MS = 3 * HEARTBEAT_MS;
const PAST_MS = 3_600_000;

/** Tells workers apart, and people where to look. */
export function newWorkerId(): string {
  return `${hostname()}-${process.pid}-${randomBytes(2).toString('hex')}`;
}

/** What a worker tells of itself: written at once where it changes, and every few seconds as its sign of life. */
export class Registered implements AsyncDisposable {
  readonly #queue: RunQueue;
  readonly #timer: NodeJS.Timeout;
  #said: Registration;
  #writing: Promise<void> | undefined;
  #isStale = false;

  private constructor(queue: RunQueue, said: Registration) {
    this.#queue = queue;
    this.#said = said;
    this.#timer = setInterval(() => void this.#write(), HEARTBEAT_MS);
    this.#timer.unref();
  }

  static async as(
    id: string,
    queue: RunQueue,
    offer: Offer,
    process_: WorkerOptions['process'],
  ): Promise<Registered> {
    const registered = new Registered(queue, {
      v: FORM,
      id,
      host: hostname(),
      pid: process.pid,
      version: readVersion(),
      since: new Date().toISOString(),
      offer: copied(offer),
      ...(process_ !== undefined && { process: { ...process_ } }),
      draining: false,
      done: { shards: 0, rows: 0 },
      at: null,
    });
    await registered.#write();
    return registered;
  }

  get said(): Registration {
    return this.#said;
  }

  say({
    offer,
    ...news
  }: Partial<Pick<Registration, 'draining' | 'done' | 'at'>> & { readonly offer?: Offer }): void {
    this.#said = { ...this.#said, ...news, ...(offer !== undefined && { offer: copied(offer) }) };
    void this.#write();
  }

  /** Takes the worker off the list; where Redis is away, it goes off by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const { redis, names } = this.#queue;
    if (redis.status !== 'ready') return;
    await this.#writing;
    await redis
      .multi()
      .del(names.worker(this.#said.id))
      .zrem(names.workers, this.#said.id)
      .exec()
      .catch(() => {});
  }

  /** One at a time: while Redis is away there would be more and more of them waiting. */
  #write(): Promise<void> {
    this.#isStale = true;
    this.#writing ??= this.#writeWhileStale().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeWhileStale(): Promise<void> {
    const { redis, names } = this.#queue;
    while (this.#isStale) {
      this.#isStale = false;
      const now = Date.now();
      await redis
        .multi()
        .set(names.worker(this.#said.id), JSON.stringify(this.#said), 'PX', VOID_MS)
        .zadd(names.workers, now, this.#said.id)
        .zremrangebyscore(names.workers, 0, now - PAST_MS)
        .exec()
        // The next sign of life tries again.
        .catch(() => {});
    }
  }
}

/** As JSON has it. */
function copied({ providers, memoryBytes, labels, code }: Offer): Registration['offer'] {
  const lists = Object.entries(providers ?? {}).map(([runtime, names]) => [runtime, [...names]]);
  return {
    providers: providers === null ? null : Object.fromEntries(lists),
    memoryBytes,
    labels: { ...labels },
    code: { all: code.all, digests: [...code.digests] },
  };
}

/** Workers that are alive, in the order of their names. */
export async function registeredWorkers({ redis, names }: RunQueue): Promise<Registration[]> {
  const ids = await redis.zrange(names.workers, 0, '-1');
  if (ids.length === 0) return [];
  const texts = await redis.mget(ids.map((id) => names.worker(id)));
  return texts
    .flatMap((text) => (text === null ? [] : (glance.registration(parsed(text)) ?? [])))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
