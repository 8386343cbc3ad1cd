import { hostname } from 'node:os';
import type { Shard } from '../dataset/shard.js';
import { parseJob } from '../job/load.js';
import { runJob } from '../job/run-job.js';
import type { Progress } from '../measure/progress.js';
import type { Report } from '../measure/report.js';
import {
  DataError,
  InterruptedError,
  InUseError,
  messageOf,
  PenstockError,
  StuckError,
  UsageError,
} from '../util/errors.js';
import { isGone, type RunJob } from './bull.js';
import { expectedSeconds } from './choose.js';
import { codeOf, mayRun } from './code-policy.js';
import { Holding } from './holding.js';
import type { Offer } from './needs.js';
import { type RunPayload, readRun, readShard } from './payload.js';
import type { RunQueue, Taken } from './run-queue.js';
import { held, progressOf, resultOf } from './shard-report.js';
import type { ShardId, ShardRunner, WorkerEvent, WorkerOptions } from './worker-options.js';

/** How soon a shard that another process still holds is tried again. */
const IN_USE_MS = 5000;

/** Why a shard is left before it is done. */
export type Stop = 'drain' | 'cancelled' | 'failed' | 'forgotten';

/** What becomes of a shard that a worker has taken. */
export type Outcome =
  | { readonly kind: 'done'; readonly rows: number }
  | { readonly kind: 'failed' }
  | { readonly kind: 'returned' }
  | { readonly kind: 'dropped' }
  /** A thread hangs, and only the end of the process ends it. */
  | { readonly kind: 'stuck'; readonly error: StuckError };

/** Tells what became of the shard from what became of telling the queue. */
class ComputeError extends Error {}

/** A shard in the hands of a worker. */
export class ShardWork {
  readonly #queue: RunQueue;
  readonly #worker: string;
  readonly #job: RunJob;
  readonly #token: string;
  readonly #payload: unknown;
  readonly #run: string;
  readonly #offer: Offer;
  readonly #runner: ShardRunner | undefined;
  readonly #onEvent: (event: WorkerEvent) => void;
  readonly #stopper = new AbortController();
  /** Resolves once no thread is at work on it, and none will be. */
  readonly computed: Promise<void>;
  #endOfComputing: () => void = () => {};
  #progress: Progress | undefined;
  #stop: Stop | undefined;

  constructor(
    queue: RunQueue,
    worker: string,
    taken: Taken,
    /** The run as it stands in the queue, and its name. */
    of: { readonly run: string; readonly payload: unknown },
    offer: Offer,
    { runner, onEvent = () => {} }: Pick<WorkerOptions, 'runner' | 'onEvent'>,
  ) {
    this.#queue = queue;
    this.#worker = worker;
    this.#job = taken.job;
    this.#token = taken.token;
    this.#run = of.run;
    this.#payload = of.payload;
    this.#offer = offer;
    this.#runner = runner;
    this.#onEvent = onEvent;
    this.computed = new Promise((resolve) => {
      this.#endOfComputing = resolve;
    });
  }

  /** Ends the work on it as soon as its threads have stopped: what is committed stays. */
  stop(why: Stop): void {
    this.#stop ??= why;
    this.#stopper.abort();
  }

  /** Runs the shard, and hands it on to where it belongs then. Rejects only where the queue refuses, or for a fault of ours. */
  async complete(onStart: (shard: ShardId) => void): Promise<Outcome> {
    try {
      return await this.#complete(onStart);
    } finally {
      this.#endOfComputing();
    }
  }

  async #complete(onStart: (shard: ShardId) => void): Promise<Outcome> {
    const startedAt = Date.now();
    let payload: RunPayload;
    let shard: ShardId;
    try {
      payload = readRun(this.#payload);
      const { index, count } = readShard(this.#job.data);
      shard = { run: this.#run, job: payload.job.name, index, count };
    } catch (error) {
      const shard = { run: this.#run, job: this.#job.name, index: 0, count: 1 };
      return this.#fail(shard, error);
    }
    if (this.#job.deferredFailure !== undefined) {
      return this.#fail(
        shard,
        new DataError(`it took its worker with it, again and again (${this.#job.deferredFailure})`),
      );
    }
    onStart(shard);
    this.#onEvent({ kind: 'shard-started', shard, attempt: this.#job.attemptsMade + 1 });
    const queue = this.#queue;
    const record = await queue.record(shard.run);
    const expected = record === undefined ? 0 : expectedSeconds(record);
    await queue.charge(shard.run, expected);
    const holding = new Holding(this.#job, this.#token, queue.bull.lockMs, () => this.#beat());
    try {
      const report = await this.#compute(payload, shard).finally(() => {
        holding.stop();
        this.#endOfComputing();
      });
      return await this.#finish(shard, report, startedAt, holding);
    } catch (error) {
      // What the queue has to say to that is not the shard's fault.
      if (!(error instanceof ComputeError)) throw error;
      return await this.#undone(shard, error.cause);
    } finally {
      holding.stop();
      // A worker that is killed here leaves its run charged with what was expected, which is not far off.
      if (this.#stop !== 'forgotten')
        await queue.charge(shard.run, (Date.now() - startedAt) / 1000 - expected);
    }
  }

  /** Where it goes that was not done. */
  async #undone(shard: ShardId, error: unknown): Promise<Outcome> {
    if (error instanceof InterruptedError) return this.#leave(shard, this.#stop ?? 'drain');
    if (error instanceof InUseError) return this.#delay(shard, error);
    const outcome = await this.#fail(shard, error);
    return error instanceof StuckError ? { kind: 'stuck', error } : outcome;
  }

  async #compute(payload: RunPayload, shard: Shard): Promise<Report> {
    try {
      return await this.#runIt(payload, shard);
    } catch (cause) {
      throw new ComputeError('the shard was not done', { cause });
    }
  }

  async #runIt(payload: RunPayload, shard: Shard): Promise<Report> {
    const job = parseJob(payload.job);
    // Who takes a shard fits the run; that its code is what was submitted is found out by who runs it.
    const { all, digests } = this.#offer.code;
    const policy = { allowCode: all, allowDigests: new Set(digests) };
    const verdict = mayRun(policy, codeOf(job, payload.digests));
    if (!verdict.may) throw new UsageError(`this worker can't run it: ${verdict.because}`);
    return (this.#runner ?? { run: runJob }).run(job, {
      shard,
      expect: payload.digests,
      alone: verdict.alone,
      signal: this.#stopper.signal,
      onProgress: (progress) => {
        this.#progress = progress;
      },
    });
  }

  /** Tells how it stands, and looks whether it is still wanted. */
  async #beat(): Promise<void> {
    const queue = this.#queue;
    const { cancelled } = (await queue.record(this.#run)) ?? {};
    if (cancelled !== undefined) return this.stop('cancelled');
    if ((await queue.find(this.#run)) === undefined) return this.stop('forgotten');
    if (!(await queue.isOpen(this.#run))) return this.stop('failed');
    if (this.#progress !== undefined) await this.#job.updateProgress(progressOf(this.#progress));
  }

  async #finish(shard: ShardId, report: Report, startedAt: number, holding: Holding): Promise<Outcome> {
    const result = resultOf(report, this.#worker, startedAt);
    const { written, resumed } = report.rows;
    const rows = written + resumed;
    try {
      await this.#job.moveToCompleted(result, this.#token, false);
    } catch (error) {
      if (!isGone(error)) throw error;
      // The answer to what was asked before the connection broke may have been lost on its way.
      const by = await this.#queue.doneBy(shard.run, shard.index);
      if (by !== this.#worker) return await this.#refused(shard, holding, by);
    }
    await this.#queue.bookShard(shard.run, shard.index, result.seconds, rows);
    await this.#queue.wake(`shard ${shard.run}`);
    this.#onEvent({ kind: 'shard-ended', shard, rows, seconds: result.seconds });
    return { kind: 'done', rows };
  }

  /** The rows are where they belong; that the queue does not take it from us has a reason of its own. */
  async #refused(shard: ShardId, holding: Holding, by: string | undefined): Promise<Outcome> {
    if ((await this.#queue.find(shard.run)) === undefined) {
      this.#stop = 'forgotten';
      return this.#leave(shard, 'forgotten');
    }
    if (by === undefined) {
      this.#onEvent({
        kind: 'warning',
        message: `shard ${text(shard)} is done, but it was given to another worker meanwhile${holding.isLost ? ', since the queue was away for too long' : ''}: that one will find its parts and have nothing to do`,
      });
    }
    this.#onEvent({ kind: 'shard-returned', shard, because: `${by ?? 'another worker'} has it` });
    return { kind: 'dropped' };
  }

  /** It was stopped before it was done. */
  async #leave(shard: ShardId, why: Stop): Promise<Outcome> {
    switch (why) {
      case 'drain':
        await this.#unlessGone(() => this.#job.moveToWait(this.#token));
        await this.#queue.wake(`shard ${shard.run}`);
        this.#onEvent({ kind: 'shard-returned', shard, because: 'this worker ends' });
        return { kind: 'returned' };
      case 'forgotten':
        this.#onEvent({
          kind: 'warning',
          message: `the queue no longer knows run ${shard.run} (${shard.job}): it was flushed, or somebody removed it. Submit the job again: what is committed stays`,
        });
        this.#onEvent({ kind: 'shard-returned', shard, because: 'its run is gone' });
        return { kind: 'dropped' };
      case 'cancelled':
      case 'failed': {
        const because = why === 'cancelled' ? 'the run was cancelled' : 'another shard of the run has failed';
        await this.#unlessGone(() => this.#queue.bull.fail(this.#job, because, this.#token));
        await this.#queue.sweep(shard.run);
        this.#onEvent({ kind: 'shard-returned', shard, because });
        return { kind: 'dropped' };
      }
    }
  }

  async #delay(shard: ShardId, error: InUseError): Promise<Outcome> {
    await this.#unlessGone(async () => {
      await this.#job.updateProgress(held(error.message));
      await this.#job.moveToDelayed(Date.now() + IN_USE_MS, this.#token);
    });
    this.#onEvent({ kind: 'shard-returned', shard, because: error.message });
    return { kind: 'returned' };
  }

  /** What will not be otherwise the next time fails the run at once. */
  async #fail(shard: ShardId, error: unknown): Promise<Outcome> {
    const known = error instanceof PenstockError ? error : undefined;
    const message = `shard ${text(shard)} on ${hostname()}: ${known?.explain() ?? messageOf(error)}`;
    const attempts = this.#job.opts.attempts ?? 1;
    const isHopeless = error instanceof UsageError || error instanceof DataError;
    const again = !isHopeless && this.#job.attemptsMade + 1 < attempts;
    await this.#unlessGone(() =>
      again
        ? this.#job.moveToFailed(new Error(message), this.#token, false)
        : this.#queue.bull.fail(this.#job, message, this.#token),
    );
    await this.#queue.wake(again ? `shard ${shard.run}` : `failed ${shard.run}`);
    const told = error instanceof Error ? error : new Error(String(error));
    this.#onEvent({ kind: 'shard-failed', shard, error: told, again });
    return { kind: 'failed' };
  }

  /** Somebody else may have it, or nobody may know of it any more: then it is no longer ours to move. */
  async #unlessGone(move: () => Promise<unknown>): Promise<void> {
    try {
      await move();
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** As people count. */
const text = ({ index, count, run }: ShardId): string => `${index + 1}/${count} of run ${run}`;
