import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { InterruptedError, QueueError } from '../util/errors.js';
import { type QueueAddress, queueAddress, queueName } from './address.js';
import { Bull, type RunJob } from './bull.js';
import { Names, shardJob } from './names.js';
import { FORM, type RunPayload, readResult, type ShardPayload } from './payload.js';
import { type ConnectionEvents, Link } from './redis.js';
import type { QueueOptions } from './worker-options.js';

const DAY = 86_400;
/** For how long what has ended is told of. */
const KEPT = { completed: 7 * DAY, failed: 30 * DAY };
const MOST_KEPT = 1000;
const BACKOFF_MS = 2000;

/** One that takes longer to put a run into the queue is taken for dead. */
const SUBMISSION_MS = 60_000;
const SUBMISSION_LOOK_MS = 100;
/** Of somebody else it is by now where it took too long. */
const DELETE_OWN = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) or 0";

/** What waits and what is at work of a run's shards. */
export interface ShardCounts {
  readonly waiting: number;
  /** Of those that failed or were held by others, and wait for their time. */
  readonly delayed: number;
  readonly due: number;
  readonly active: number;
  readonly completed: number;
  readonly failed: number;
}

/** What is counted of a run. */
export interface RunRecord {
  /** Worker-seconds that it has had, what its shards at work are expected to take included. */
  readonly used: number;
  /** Of shards that have ended. */
  readonly seconds: number;
  readonly ended: number;
  readonly rows: number;
  /** When it was cancelled. */
  readonly cancelled: string | undefined;
}

export interface RunQueueOptions extends QueueOptions, ConnectionEvents {
  /** Who it is that takes shards. */
  readonly by?: string;
  readonly lockMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A job that is the caller's, for as long as it renews its lock. */
export interface Taken {
  readonly job: RunJob;
  readonly token: string;
}

/** The queue as Penstock uses it: runs, their shards, and what is known of both. */
export class RunQueue implements Disposable {
  readonly address: QueueAddress;
  readonly names: Names;
  readonly redis: Redis;
  readonly bull: Bull;
  readonly #link: Link;

  private constructor(address: QueueAddress, names: Names, link: Link, bull: Bull) {
    this.address = address;
    this.names = names;
    this.redis = link.redis;
    this.bull = bull;
    this.#link = link;
  }

  /** Whoever opens it disposes of it. @throws UsageError, QueueError, InterruptedError */
  static async open(options: RunQueueOptions): Promise<RunQueue> {
    const address = queueAddress(options.queue);
    const names = new Names(queueName(options.name));
    const { by = 'penstock', lockMs = 30_000, signal, ...events } = options;
    const link = await Link.open(address, events, signal);
    try {
      return new RunQueue(address, names, link, await Bull.over(link.redis, lockMs, by));
    } catch (error) {
      link[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#link[Symbol.dispose]();
  }

  /**
   * Does something while nobody else puts this run into the queue, or removes it to do so, wherever that is.
   *
   * @throws InterruptedError after `signal`, where it has not begun
   */
  async whileSubmitting<T>(run: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const key = this.names.submission(run);
    const token = randomUUID();
    while ((await this.redis.set(key, token, 'PX', SUBMISSION_MS, 'NX')) === null) {
      await sleep(SUBMISSION_LOOK_MS);
      if (signal?.aborted)
        throw new InterruptedError('interrupted while somebody else submitted the same run');
    }
    try {
      return await work();
    } finally {
      // Where that fails, it ends by itself.
      await this.redis.eval(DELETE_OWN, 1, key, token).catch(() => {});
    }
  }

  /** Adds a run that is not there, with its shards: all of it or nothing. */
  async add(payload: RunPayload, attempts: number, used: number): Promise<void> {
    const { run, shards } = payload;
    const { names, redis, bull } = this;
    const backoff = { type: 'exponential', delay: BACKOFF_MS };
    const indices = Array.from({ length: shards }, (_, index) => index);
    await redis.del(names.record(run));
    await redis.hset(names.record(run), { used, seconds: 0, ended: 0, rows: payload.committed.rows });
    if (shards > 0) await redis.sadd(names.open, ...indices.map((index) => names.openShard(run, index)));
    try {
      await bull.flows.add({
        name: payload.job.name,
        queueName: names.runs,
        data: payload,
        opts: {
          jobId: run,
          attempts,
          backoff,
          // The message says it all, and stacks name files of workers.
          stackTraceLimit: 0,
          removeOnComplete: { age: KEPT.completed, count: MOST_KEPT },
          removeOnFail: { age: KEPT.failed, count: MOST_KEPT },
        },
        children: indices.map((index) => ({
          name: `${payload.job.name} ${index + 1}/${shards}`,
          queueName: names.shards(run),
          data: { v: FORM, run, index, count: shards } satisfies ShardPayload,
          opts: { jobId: shardJob(index), attempts, backoff, stackTraceLimit: 0, failParentOnFailure: true },
        })),
      });
    } catch (error) {
      // Workers would be started for them.
      await this.#noLongerOpen(run, shards).catch(() => {});
      throw error;
    }
  }

  /** Of a run, what BullMQ holds of it; undefined where it is not known. */
  async find(run: string): Promise<RunJob | undefined> {
    return (await this.bull.queue(this.names.runs).getJob(run)) as RunJob | undefined;
  }

  /** Runs that have shards to be done, or at work. */
  async openRuns(): Promise<string[]> {
    return this.redis.zrange(this.bull.queue(this.names.runs).toKey('waiting-children'), 0, '-1');
  }

  async isOpen(run: string): Promise<boolean> {
    const key = this.bull.queue(this.names.runs).toKey('waiting-children');
    return (await this.redis.zscore(key, run)) !== null;
  }

  /** A shard of a run, for whoever asked: it is the caller's until it is moved on. */
  async takeShard(run: string): Promise<Taken | undefined> {
    return this.#take(this.names.shards(run));
  }

  /** A run whose shards are all done, or one of which has failed. */
  async takeEndedRun(): Promise<Taken | undefined> {
    return this.#take(this.names.runs);
  }

  async #take(queue: string): Promise<Taken | undefined> {
    const token = randomUUID();
    const job = await this.bull.take(queue, token);
    return job && { job, token };
  }

  async counts(run: string): Promise<ShardCounts> {
    const queue = this.bull.queue(this.names.shards(run));
    const key = (type: string): string => queue.toKey(type);
    // BullMQ's scores: milliseconds, and 12 bits to tell those of the same one apart.
    const now = (Date.now() + 1) * 0x1000 - 1;
    const replies = await this.redis
      .pipeline()
      .llen(key('wait'))
      .zcard(key('delayed'))
      .zcount(key('delayed'), 0, now)
      .llen(key('active'))
      .zcard(key('completed'))
      .zcard(key('failed'))
      .exec();
    const [waiting = 0, delayed = 0, due = 0, active = 0, completed = 0, failed = 0] = (replies ?? []).map(
      ([, count]) => Number(count ?? 0),
    );
    return { waiting, delayed, due, active, completed, failed };
  }

  async record(run: string): Promise<RunRecord | undefined> {
    const fields = await this.redis.hgetall(this.names.record(run));
    if (Object.keys(fields).length === 0) return undefined;
    const number = (field: string): number => Number(fields[field] ?? 0);
    return {
      used: number('used'),
      seconds: number('seconds'),
      ended: number('ended'),
      rows: number('rows'),
      cancelled: fields.cancelled,
    };
  }

  /** Books worker-seconds on a run: those that a shard will take, or afterwards the difference. */
  async charge(run: string, seconds: number): Promise<void> {
    await this.redis.hincrbyfloat(this.names.record(run), 'used', seconds);
  }

  /** A shard has ended well. Nothing of it is booked twice: only one worker can complete it. */
  async bookShard(run: string, index: number, seconds: number, rows: number): Promise<void> {
    const { names } = this;
    await this.redis
      .multi()
      .srem(names.open, names.openShard(run, index))
      .hincrbyfloat(names.record(run), 'seconds', seconds)
      .hincrby(names.record(run), 'ended', 1)
      .hincrby(names.record(run), 'rows', rows)
      .exec();
  }

  /** Tells all who wait, or work, to look. `what`: for those who listen in. */
  async wake(what: string): Promise<void> {
    await this.redis.publish(this.names.wake, what);
  }

  /** Takes back the shards of a run that are not at work, and tells those who are at work on others. */
  async cancel(job: RunJob, run: string, shards: number): Promise<void> {
    // First the mark: whoever finds nothing to do must find out why.
    await this.redis.hset(this.names.record(run), { cancelled: new Date().toISOString() });
    await job.removeUnprocessedChildren();
    await this.#noLongerOpen(run, shards);
    await this.wake(`cancelled ${run}`);
  }

  async #noLongerOpen(run: string, shards: number): Promise<void> {
    const members = Array.from({ length: shards }, (_, index) => this.names.openShard(run, index));
    if (members.length > 0) await this.redis.srem(this.names.open, ...members);
  }

  /** Takes back what is left of the shards of a run that has ended; what is at work stays until its worker looks. */
  async closeShards(job: RunJob, run: string, shards: number): Promise<void> {
    const { names } = this;
    await job.removeUnprocessedChildren();
    await this.#noLongerOpen(run, shards);
    await this.redis.expire(names.record(run), KEPT.failed + DAY);
    const { active } = await this.counts(run);
    if (active === 0) await this.#obliterate(names.shards(run));
  }

  /** The worker that has completed a shard; undefined where none has. */
  async doneBy(run: string, index: number): Promise<string | undefined> {
    const job = await this.bull.queue(this.names.shards(run)).getJob(shardJob(index));
    const isDone = job !== undefined && (await job.isCompleted());
    return isDone ? readResult(job.returnvalue).worker : undefined;
  }

  /** The last one to leave a run that has ended takes away what is left of its shards. */
  async sweep(run: string): Promise<void> {
    const job = await this.find(run);
    if (job?.finishedOn === undefined) return;
    const { active } = await this.counts(run);
    if (active === 0) await this.#obliterate(this.names.shards(run));
  }

  /** Removes a run that has ended, with all that is left of it, so that it can be submitted again. */
  async remove(job: RunJob, run: string): Promise<void> {
    try {
      await job.remove({ removeChildren: false });
    } catch (cause) {
      throw new QueueError(`run ${run} is about to end: a worker is finishing it`, {
        hint: 'Submit it again in a moment.',
        cause,
      });
    }
    await this.#obliterate(this.names.shards(run));
  }

  async #obliterate(queue: string): Promise<void> {
    await this.bull.queue(queue).obliterate({ force: true });
    this.bull.forget(queue);
  }
}
