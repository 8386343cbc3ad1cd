import type { BackendFactory, FlowProducer, Job, Queue, RedisQueueBackend, Worker } from 'bullmq';
import type { Redis } from 'ioredis';

/** How often a shard may lose its worker before it counts as what kills them. */
const MOST_STALLS = 10;
/** Events that BullMQ keeps of a queue, for dashboards. */
const EVENTS_KEPT = 1000;

export type RunJob = Job<unknown, unknown>;

/**
 * BullMQ over one connection that others own: its own worker opens two for each queue, and there is a queue for each run. All that
 * blocks is left out: whoever waits for work waits for a message.
 */
export class Bull {
  readonly lockMs: number;
  readonly #bull: typeof import('bullmq');
  readonly #redis: Redis;
  readonly #backend: BackendFactory<RedisQueueBackend>;
  readonly #by: string;
  readonly #queues = new Map<string, Queue>();
  readonly #workers = new Map<string, Worker>();
  readonly flows: FlowProducer;

  private constructor(bull: typeof import('bullmq'), redis: Redis, lockMs: number, by: string) {
    this.#bull = bull;
    this.#redis = redis;
    this.lockMs = lockMs;
    this.#by = by;
    const { RedisConnection, RedisQueueBackend, QueueKeys, FlowProducer } = bull;
    const connection = new RedisConnection(redis, { shared: true, blocking: false });
    // Loss and return of the connection are told by its owner.
    connection.on('error', () => {});
    const keys = new QueueKeys();
    this.#backend = (name, options) => {
      const key = (type: string): string => keys.toKey(name, type);
      return new RedisQueueBackend(connection, name, keys.getKeys(name), key, options, undefined, false);
    };
    this.flows = new FlowProducer({ connection: redis }, this.#backend);
  }

  /** @param by who takes jobs, as dashboards show it */
  static async over(redis: Redis, lockMs: number, by: string): Promise<Bull> {
    return new Bull(await import('bullmq'), redis, lockMs, by);
  }

  queue(name: string): Queue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const queue = new this.#bull.Queue(
      name,
      { connection: this.#redis, skipMetasUpdate: true, streams: { events: { maxLen: EVENTS_KEPT } } },
      this.#backend,
    );
    queue.on('error', () => {});
    this.#queues.set(name, queue);
    return queue;
  }

  /** The next job of a queue, which is the caller's for `lockMs` then, under the name `token`. */
  async take(name: string, token: string): Promise<RunJob | undefined> {
    return this.#worker(name).getNextJob(token, { block: false });
  }

  /** Puts jobs whose holder has shown no sign of life back; how many. It takes two calls, some time apart. */
  async recoverStalled(name: string): Promise<number> {
    const ids = await this.#worker(name).getBackend().moveStalledJobsToWait();
    return ids.length;
  }

  /** Fails a job for good: a shard takes its run with it. */
  async fail(job: RunJob, message: string, token: string): Promise<void> {
    await job.moveToFailed(new this.#bull.UnrecoverableError(message), token, false);
  }

  forget(name: string): void {
    this.#queues.delete(name);
    this.#workers.delete(name);
  }

  /** Forgets all queues but these: there is one more for each run, and others end runs too. */
  keepOnly(names: readonly string[]): void {
    for (const name of [...this.#queues.keys(), ...this.#workers.keys()])
      if (!names.includes(name)) this.forget(name);
  }

  #worker(name: string): Worker {
    const known = this.#workers.get(name);
    if (known !== undefined) return known;
    const worker = new this.#bull.Worker(
      name,
      null,
      {
        connection: this.#redis,
        autorun: false,
        name: this.#by,
        lockDuration: this.lockMs,
        maxStalledCount: MOST_STALLS,
        // Others that look at the same queue within this time are told that somebody has.
        stalledInterval: Math.max(1000, this.lockMs / 6),
      },
      this.#backend,
    );
    worker.on('error', () => {});
    this.#workers.set(name, worker);
    return worker;
  }
}

/** Whether a run has ended well: an attempt to end it may have failed before the one that did. */
export function isCompleted({ finishedOn, returnvalue }: Pick<Job, 'finishedOn' | 'returnvalue'>): boolean {
  return finishedOn !== undefined && returnvalue !== null && returnvalue !== undefined;
}

/** A job is not, or no longer, where whoever holds it believes it to be. */
export function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  // BullMQ's own: no such job, no lock, not active, somebody else's lock.
  return code === -1 || code === -2 || code === -3 || code === -6;
}
