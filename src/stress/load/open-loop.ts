import { now } from '../../clock/now.js';
import { arrivalsWithin } from '../arrivals/arrivals.js';
import { Connections } from './connections.js';
import { type PreparedRequest, prepareRequest } from './request.js';
import { LatencyHistogram, Tally } from './tally.js';
import { Ticker } from './ticker.js';
import type { GeneratorResult, LoadOrder, OpenStream, StreamResult } from './types.js';

/*
 * An open loop: requests go out when they are due, whatever becomes of those before, as those of many independent clients do,
 * and latency counts from when a request was due. A loop that waits for an answer before it sends the next request stops asking
 * while the server stalls, and so hides the stall (coordinated omission: Gil Tene, «How NOT to Measure Latency», 2013, and
 * wrk2, whose way to measure this is).
 */

/** Different requests of a stream, sent in turn. */
const VARIANTS = 16;

/** One request that is due. */
interface Due {
  readonly stream: number;
  /** Microseconds from the beginning. */
  readonly at: number;
  readonly request: PreparedRequest;
}

export interface OpenLoopResult {
  readonly streams: readonly StreamResult[];
  readonly generator: Omit<GeneratorResult, 'utilization'>;
}

/** Plays the open streams of an order. Ends early, with what there is, once `signal` is aborted. */
export async function playOpenLoop(order: LoadOrder, signal: AbortSignal): Promise<OpenLoopResult> {
  const plan = planOf(order);
  await using ticker = await Ticker.start(Float64Array.from(plan, ({ at }) => at));
  const loop = new OpenLoop(order, plan, ticker.go());
  const stop = (): void => void ticker[Symbol.asyncDispose]();
  signal.addEventListener('abort', stop);
  try {
    let sent = 0;
    while (sent < plan.length && !signal.aborted) {
      const due = await ticker.more(sent);
      while (sent < due) loop.send(plan[sent++] as Due);
    }
    await loop.drained(signal);
  } finally {
    signal.removeEventListener('abort', stop);
    await loop.end();
  }
  return loop.result();
}

function planOf({ open, seconds, headers }: LoadOrder): Due[] {
  const all = open.flatMap((stream, index) => {
    const requests = requestsOf(stream, headers);
    return Array.from(
      arrivalsWithin(stream.arrivals, seconds, stream.seed),
      (at, i): Due => ({
        stream: index,
        at: at * 1e6,
        request: requests(i),
      }),
    );
  });
  return all.sort((a, b) => a.at - b.at);
}

/** The i-th request of a stream; there are few different ones of each number of rows. */
function requestsOf(
  { request, rows, arrivals, seed }: OpenStream,
  headers: LoadOrder['headers'],
): (i: number) => PreparedRequest {
  const made = new Map<string, PreparedRequest>();
  return (i) => {
    const count = arrivals.kind === 'trace' ? (arrivals.rows[i] ?? rows) : rows;
    const variant = i % VARIANTS;
    const key = `${count}/${variant}`;
    const kept = made.get(key) ?? prepareRequest(request, count, seed + variant, headers);
    made.set(key, kept);
    return kept;
  };
}

class OpenLoop {
  readonly #startsAt: number;
  readonly #drainMs: number;
  readonly #connections: Connections;
  readonly #tallies: readonly Tally[];
  readonly #late = new LatencyHistogram();
  /** Due, and without a connection yet, first come, first served. */
  readonly #held: Due[] = [];
  #nextHeld = 0;
  readonly #unsettled = new Set<Due>();
  #mostOutstanding = 0;
  #onSettled = (): void => {};

  constructor(order: LoadOrder, plan: readonly Due[], startsAt: number) {
    const { open, seconds, intervals } = order;
    this.#startsAt = startsAt;
    this.#drainMs = plan.length === 0 ? 0 : order.drainMs;
    this.#connections = new Connections(order.origin, order.mostOutstanding);
    this.#tallies = open.map(({ name, deadlineMs }) => new Tally({ name, deadlineMs, seconds, intervals }));
  }

  send(due: Due): void {
    this.#unsettled.add(due);
    // Those that have waited for longer go first.
    if (this.#nextHeld < this.#held.length || !this.#dispatch(due)) this.#held.push(due);
    else this.#late.record(this.#now() - due.at);
  }

  #dispatch(due: Due): boolean {
    const sent = this.#connections.send(due.request, (outcome) => {
      // What was given up has its place in the tally already.
      if (this.#unsettled.delete(due))
        this.#tallies[due.stream]?.settle(outcome, due.at, this.#now(), due.request.rows);
      this.#sendHeld();
      if (this.#unsettled.size === 0) this.#onSettled();
    });
    this.#mostOutstanding = Math.max(this.#mostOutstanding, this.#connections.inUse);
    return sent;
  }

  #sendHeld(): void {
    while (this.#nextHeld < this.#held.length && this.#dispatch(this.#held[this.#nextHeld] as Due))
      this.#nextHeld++;
  }

  #now(): number {
    return now() - this.#startsAt;
  }

  /** Resolves when all is settled, or enough was waited. */
  async drained(signal: AbortSignal): Promise<void> {
    if (this.#unsettled.size === 0 || signal.aborted) return;
    const enough = new AbortController();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#drainMs);
      signal.addEventListener('abort', () => resolve(), { signal: enough.signal });
      this.#onSettled = resolve;
      enough.signal.addEventListener('abort', () => clearTimeout(timer));
    });
    enough.abort();
  }

  /** Gives up what is unanswered, and closes the connections. */
  async end(): Promise<void> {
    const at = this.#now();
    for (const due of this.#unsettled) this.#tallies[due.stream]?.giveUp(due.at, at);
    this.#unsettled.clear();
    this.#nextHeld = this.#held.length;
    await this.#connections.destroy();
  }

  result(): OpenLoopResult {
    return {
      streams: this.#tallies.map((tally) => tally.result()),
      generator: {
        lateMs: this.#late.percentiles(),
        held: this.#held.length,
        mostOutstanding: this.#mostOutstanding,
      },
    };
  }
}
