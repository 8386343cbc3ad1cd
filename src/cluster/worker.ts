import { InterruptedError, messageOf, UsageError } from '../util/errors.js';
import { settledWithin } from '../util/grace.js';
import { chooseRuns } from './choose.js';
import { finishRun } from './finish-run.js';
import type { Offer } from './needs.js';
import { offerOf, proveProviders } from './offer.js';
import { openRuns } from './open-runs.js';
import { newWorkerId, Registered } from './registration.js';
import { RunQueue, type Taken } from './run-queue.js';
import { ShardWork, type Stop } from './shard-work.js';
import { Wake } from './wake.js';
import type { QueueWorker, WorkerEvent, WorkerOptions, WorkerSummary } from './worker-options.js';

/** How long an idle worker waits for word: shards whose worker has died, or whose time has come, announce nothing. */
const IDLE_MS = 5000;
/** How long a worker that ends waits for a queue that does not answer. */
const FAREWELL_MS = 3000;

/**
 * Starts a worker: it takes shards of runs that `submitJob` has put into the queue, one at a time, and runs them as `runJob`
 * does. Resolves once it has registered with the queue.
 *
 * @example
 * const worker = await startWorker({ queue: 'redis://localhost:6379', signal: AbortSignal.timeout(3_600_000) });
 * const { shards } = await worker.closed;
 *
 * @throws UsageError where an option is wrong; QueueError where the queue can't be reached; InterruptedError after `signal`
 */
export async function startWorker(options: WorkerOptions = {}): Promise<QueueWorker> {
  const { drainSeconds = 20, lockSeconds = 30, signal } = options;
  if (!(drainSeconds >= 0)) throw new UsageError('drainSeconds: must be 0 or more');
  if (!(lockSeconds >= 1)) throw new UsageError('lockSeconds: must be 1 or more');
  const id = newWorkerId();
  const offer = offerOf(options);
  const tell = options.onEvent ?? (() => {});
  const queue = await RunQueue.open({
    ...options,
    by: id,
    lockMs: lockSeconds * 1000,
    onLost: (error) => tell({ kind: 'queue-lost', error }),
    onBack: (seconds) => tell({ kind: 'queue-back', seconds }),
  });
  let wake: Wake | undefined;
  try {
    wake = await Wake.on(queue.redis, queue.names);
    if (signal?.aborted) throw new InterruptedError('interrupted before it had taken a shard');
    const registered = await Registered.as(id, queue, offer, options.process);
    tell({ kind: 'ready', worker: id });
    if (options.providers !== undefined) tell({ kind: 'proven', providers: options.providers });
    return new RunningWorker(id, queue, wake, registered, offer, { ...options, drainSeconds });
  } catch (error) {
    wake?.[Symbol.dispose]();
    queue[Symbol.dispose]();
    throw error;
  }
}

type Settled = WorkerOptions & { readonly drainSeconds: number };

class RunningWorker implements QueueWorker {
  readonly id: string;
  readonly closed: Promise<WorkerSummary>;
  readonly #queue: RunQueue;
  readonly #wake: Wake;
  readonly #registered: Registered;
  #offer: Offer;
  #proving: Promise<void> | undefined;
  readonly #options: Settled;
  readonly #tell: (event: WorkerEvent) => void;
  readonly #draining = new AbortController();
  readonly #startedAt = performance.now();
  #work: ShardWork | undefined;
  /** Resolves once nothing is computed, or written, any more. */
  #computing: Promise<void> | undefined;
  #at: string | undefined;
  #drainTimer: NodeJS.Timeout | undefined;
  #shards = 0;
  #rows = 0;
  #failed = 0;

  constructor(
    id: string,
    queue: RunQueue,
    wake: Wake,
    registered: Registered,
    offer: Offer,
    options: Settled,
  ) {
    this.id = id;
    this.#queue = queue;
    this.#wake = wake;
    this.#registered = registered;
    this.#offer = offer;
    this.#options = options;
    this.#tell = options.onEvent ?? (() => {});
    const { signal, stopSignal } = options;
    const onSignal = (): void => this.#drain();
    const onStop = (): void => this.#stopNow();
    signal?.addEventListener('abort', onSignal, { once: true });
    stopSignal?.addEventListener('abort', onStop, { once: true });
    const stopListening = wake.listen((what) => this.#hear(what));
    this.closed = this.#loop().finally(async () => {
      signal?.removeEventListener('abort', onSignal);
      stopSignal?.removeEventListener('abort', onStop);
      stopListening();
      clearTimeout(this.#drainTimer);
      await settledWithin(this.#registered[Symbol.asyncDispose](), FAREWELL_MS);
      this.#wake[Symbol.dispose]();
      this.#queue[Symbol.dispose]();
    });
    // Whoever wants to know asks.
    this.closed.catch(() => {});
    if (signal?.aborted) this.#drain();
    if (stopSignal?.aborted) this.#stopNow();
  }

  drain(): Promise<WorkerSummary> {
    this.#drain();
    return this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  #drain(): void {
    if (this.#draining.signal.aborted) return;
    const { drainSeconds } = this.#options;
    this.#tell({ kind: 'draining', seconds: this.#work === undefined ? 0 : drainSeconds });
    this.#draining.abort();
    this.#registered.say({ draining: true });
    this.#drainTimer = setTimeout(() => this.#stopNow(), drainSeconds * 1000);
  }

  #stopNow(): void {
    this.#drain();
    this.#work?.stop('drain');
  }

  /** Word of the run that it is at work on: sooner than it would find out by itself. */
  #hear(what: string): void {
    const [verb, run] = what.split(' ');
    if (run === undefined || run !== this.#at) return;
    const why: Partial<Record<string, Stop>> = { cancelled: 'cancelled', failed: 'failed' };
    const stop = why[verb ?? ''];
    if (stop !== undefined) this.#work?.stop(stop);
  }

  async #loop(): Promise<WorkerSummary> {
    const { signal } = this.#draining;
    let recoveredAt = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const heard = this.#wake.count;
      let next: 'again' | 'wait' | 'idle' | undefined;
      try {
        if (performance.now() - recoveredAt > this.#idleMs) {
          recoveredAt = performance.now();
          await this.#unlessDraining(this.#recover());
        }
        next = await this.#unlessDraining(this.#next());
      } catch (error) {
        if (!isReply(error)) throw error;
        // Redis is out of memory, for instance: that may pass, and whatever is done stays done.
        this.#tell({ kind: 'warning', message: `the queue refuses: ${messageOf(error)}` });
        next = 'wait';
      }
      if (next === 'idle') break;
      if (next === 'wait') await this.#wake.after(heard, this.#idleMs, signal);
    }
    return {
      worker: this.id,
      shards: this.#shards,
      rows: this.#rows,
      failed: this.#failed,
      seconds: (performance.now() - this.#startedAt) / 1000,
    };
  }

  /** Shards whose worker was lost are looked for more often where locks are short. */
  get #idleMs(): number {
    return Math.min(IDLE_MS, this.#queue.bull.lockMs / 4);
  }

  /**
   * While Redis is away, what is asked of it waits for it to come back; a worker that drains waits for what it computes, and
   * then not for long. What is abandoned here is never sent: the connection is closed.
   */
  async #unlessDraining<T>(work: Promise<T>): Promise<T | undefined> {
    const over = new AbortController();
    const farewell = (async () => {
      await aborted(AbortSignal.any([this.#draining.signal, over.signal]));
      if (over.signal.aborted) return;
      await this.#computing;
      await settledWithin(
        work.catch(() => {}),
        FAREWELL_MS,
      );
    })();
    try {
      return await Promise.race([work, farewell.then(() => undefined)]);
    } finally {
      over.abort();
    }
  }

  /** One thing after another: runs that only need to be ended come first, since others wait for them. */
  async #next(): Promise<'again' | 'wait' | 'idle'> {
    const ended = await this.#queue.takeEndedRun();
    if (ended !== undefined) {
      const finishing = finishRun(this.#queue, ended, this.#tell);
      this.#computing = settledWithin(
        finishing.catch(() => {}),
        this.#options.drainSeconds * 1000,
      );
      await finishing;
      return 'again';
    }
    const { fitting: runs, isToProve } = await openRuns(this.#queue, this.#offer, this.#options.runner);
    if (isToProve) this.#prove();
    for (const run of chooseRuns(runs.filter(({ due }) => due > 0))) {
      if (this.#draining.signal.aborted) return 'wait';
      const taken = await this.#queue.takeShard(run);
      if (taken === undefined) continue;
      await this.#workOn(run, taken, runs.find((one) => one.run === run)?.data);
      return 'again';
    }
    // There is time for it now.
    if (!this.#options.exitWhenIdle) this.#prove();
    if (isToProve) return 'wait';
    return this.#options.exitWhenIdle && runs.length === 0 ? 'idle' : 'wait';
  }

  /** Tries what can compute here; work goes on meanwhile. */
  #prove(): void {
    if (this.#offer.providers !== null || this.#proving !== undefined) return;
    this.#proving = proveProviders()
      .catch((error) => {
        this.#tell({ kind: 'warning', message: `providers could not be tried: ${messageOf(error)}` });
        return {};
      })
      .then((providers) => {
        this.#offer = { ...this.#offer, providers };
        this.#registered.say({ offer: this.#offer });
        this.#tell({ kind: 'proven', providers: [...new Set(Object.values(providers).flat())] });
        this.#wake.poke();
      });
  }

  async #workOn(run: string, taken: Taken, payload: unknown): Promise<void> {
    if (this.#draining.signal.aborted) {
      await taken.job.moveToWait(taken.token);
      await this.#queue.wake(`shard ${run}`);
      return;
    }
    const work = new ShardWork(this.#queue, this.id, taken, { run, payload }, this.#offer, this.#options);
    this.#work = work;
    this.#computing = work.computed;
    this.#at = run;
    try {
      const outcome = await work.complete(({ job, index, count }) =>
        this.#registered.say({ at: { run, job, index, count, since: new Date().toISOString() } }),
      );
      if (outcome.kind === 'done') {
        this.#shards++;
        this.#rows += outcome.rows;
      }
      if (outcome.kind === 'failed' || outcome.kind === 'stuck') this.#failed++;
      if (outcome.kind === 'stuck') throw outcome.error;
    } finally {
      this.#work = undefined;
      this.#at = undefined;
      this.#registered.say({ at: null, done: { shards: this.#shards, rows: this.#rows } });
    }
  }

  async #recover(): Promise<void> {
    const { bull, names } = this.#queue;
    const open = await this.#queue.openRuns();
    const queues = [names.runs, ...open.map((run) => names.shards(run))];
    bull.keepOnly(queues);
    await Promise.all(queues.map((queue) => bull.recoverStalled(queue)));
  }
}

/** Redis has answered, and it was a refusal: its client's class for that. */
function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
}
