import type { Arrivals } from '../arrivals/arrivals.js';
import type { RequestShape, WrittenRequests } from './request.js';

/*
 * What the load generator is asked to do, and what it says of it. All of it can be cloned: it lives in a process of its own.
 */

interface Stream {
  /** By which its result is known. */
  readonly name: string;
  readonly request: RequestShape | WrittenRequests;
  /** Within how long an answer is of use; null: whenever it comes. */
  readonly deadlineMs: number | null;
  readonly seed: number;
}

/** Requests that are sent when they are due, whatever becomes of those before. */
export interface OpenStream extends Stream {
  readonly arrivals: Arrivals;
  /** Rows of each; a trace has its own. */
  readonly rows: number;
}

/** Clients that each send their next request when the one before is answered. */
export interface ClosedStream extends Stream {
  readonly clients: number;
  readonly rows: number;
  /** An object that a client gets before each of its requests, as one that works through a data set does. */
  readonly fetches?: string;
}

export interface LoadOrder {
  /** `http://127.0.0.1:8000` */
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly open: readonly OpenStream[];
  /** They run beside the open ones, for as long. */
  readonly closed: readonly ClosedStream[];
  /** Requests of all open streams that may be unanswered at the same time; what is due beyond that waits here. */
  readonly mostOutstanding: number;
  /** How long answers are waited for at the end, before they count as not given. */
  readonly drainMs: number;
  /** Pieces that the time is cut into, to show what happened when. */
  readonly intervals: number;
}

/** Milliseconds; 0 where there was none. */
export interface Percentiles {
  /** Half took no longer. */
  readonly p50: number;
  /** 99 of 100 took no longer. */
  readonly p99: number;
  /** 999 of 1,000 took no longer. */
  readonly p999: number;
  /** The longest. */
  readonly max: number;
}

/** What happened when, by the times at which requests were due. */
export interface LoadTimeline {
  /** Ends of the intervals, seconds. */
  readonly seconds: readonly number[];
  /** Requests that were due in each. */
  readonly due: readonly number[];
  /** Of these, answered within the deadline. */
  readonly good: readonly number[];
  /** Of these, refused. */
  readonly refused: readonly number[];
  /** Of answers; of those that are missing, how long they were waited for. 0 where there was none. */
  readonly p99Ms: readonly number[];
}

/** What became of one stream. Latencies count from when a request was due, or of a closed stream, sent. */
export interface StreamResult {
  /** As it was asked for. */
  readonly name: string;
  /** For how long requests were due. */
  readonly seconds: number;
  /** Requests that were due; each is answered, refused, failed or unanswered. */
  readonly due: number;
  /** With a result, however late. */
  readonly answered: number;
  /** Of these, within the deadline. */
  readonly good: number;
  /** Rows of requests that were answered within the deadline. */
  readonly goodRows: number;
  /** By HTTP status: those by which a server says no. */
  readonly refused: Readonly<Record<string, number>>;
  /** By HTTP status, or what happened to the connection. */
  readonly failed: Readonly<Record<string, number>>;
  /** Given up at the end. Their latency is how long they had waited. */
  readonly unanswered: number;
  /** How long answers took, and at the end those that did not come. */
  readonly latencyMs: Percentiles;
  /** How long a refusal took; null where there was none. */
  readonly refusalMs: Percentiles | null;
  /** Latencies by share of requests, for a plot. */
  readonly curve: readonly { readonly share: number; readonly ms: number }[];
  /** The same over time. */
  readonly timeline: LoadTimeline;
}

/** How well the generator itself did. */
export interface GeneratorResult {
  /** How much later than due requests were sent that had not to wait for a connection. */
  readonly lateMs: Percentiles;
  /** Requests that had to wait for one, since as many as allowed were unanswered. */
  readonly held: number;
  /** The most requests that were unanswered at the same time. */
  readonly mostOutstanding: number;
  /** Share of the time in which its event loop was busy: near 1, it is what limits. */
  readonly utilization: number;
}

export interface LoadResult {
  readonly open: readonly StreamResult[];
  readonly closed: readonly StreamResult[];
  readonly generator: GeneratorResult;
}
