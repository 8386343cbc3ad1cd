import { HISTOGRAM_WORDS, Histogram } from '../../clock/histogram.js';
import type { Outcome } from './connections.js';
import type { LoadTimeline, Percentiles, StreamResult } from './types.js';

/** How a server says no: it was late, it had too much to do, the time was up. */
export const REFUSALS: readonly Outcome[] = [408, 429, 503, 504];

/** Shares of requests that a curve of latencies shows: what is rare gets as much room as what is not. */
const SHARES = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 1];

export class LatencyHistogram {
  readonly #histogram = new Histogram(new Int32Array(HISTOGRAM_WORDS));
  #max = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  record(micros: number): void {
    this.#histogram.record(micros);
    this.#max = Math.max(this.#max, micros);
    this.#count++;
  }

  /** Milliseconds; never more than the largest that there was. */
  quantile(share: number): number {
    return Math.min(this.#max, this.#histogram.quantile(share)) / 1000;
  }

  percentiles(): Percentiles {
    return {
      p50: this.quantile(0.5),
      p99: this.quantile(0.99),
      p999: this.quantile(0.999),
      max: this.#max / 1000,
    };
  }
}

export interface TallyOptions {
  readonly name: string;
  readonly deadlineMs: number | null;
  readonly seconds: number;
  readonly intervals: number;
}

/** Counts what becomes of a stream's requests. Times are microseconds from the beginning. */
export class Tally {
  readonly #options: TallyOptions;
  readonly #latency = new LatencyHistogram();
  readonly #refusal = new LatencyHistogram();
  readonly #refused: Record<string, number> = {};
  readonly #failed: Record<string, number> = {};
  readonly #intervals: Interval[];
  #due = 0;
  #answered = 0;
  #good = 0;
  #goodRows = 0;
  #unanswered = 0;

  constructor(options: TallyOptions) {
    this.#options = options;
    this.#intervals = Array.from({ length: options.intervals }, () => new Interval());
  }

  /** A request that was due at `dueAt` has its outcome, at `at`. */
  settle(outcome: Outcome, dueAt: number, at: number, rows: number): void {
    const micros = at - dueAt;
    const interval = this.#intervalAt(dueAt);
    this.#due++;
    interval.due++;
    if (outcome === 200) {
      this.#answered++;
      this.#latency.record(micros);
      interval.latency.record(micros);
      if (micros > this.#deadlineMicros) return;
      this.#good++;
      this.#goodRows += rows;
      interval.good++;
    } else if (REFUSALS.includes(outcome)) {
      this.#refused[outcome] = (this.#refused[outcome] ?? 0) + 1;
      this.#refusal.record(micros);
      interval.refused++;
    } else {
      this.#failed[outcome] = (this.#failed[outcome] ?? 0) + 1;
    }
  }

  /** A request has no answer at the end: it would take longer than this, which is more than nothing. */
  giveUp(dueAt: number, at: number): void {
    const interval = this.#intervalAt(dueAt);
    this.#due++;
    interval.due++;
    this.#unanswered++;
    this.#latency.record(at - dueAt);
    interval.latency.record(at - dueAt);
  }

  get #deadlineMicros(): number {
    return (this.#options.deadlineMs ?? Number.POSITIVE_INFINITY) * 1000;
  }

  #intervalAt(dueAt: number): Interval {
    const { seconds, intervals } = this.#options;
    const at = Math.floor((dueAt / (seconds * 1e6)) * intervals);
    return this.#intervals[Math.max(0, Math.min(intervals - 1, at))] as Interval;
  }

  result(): StreamResult {
    const { name, seconds } = this.#options;
    return {
      name,
      seconds,
      due: this.#due,
      answered: this.#answered,
      good: this.#good,
      goodRows: this.#goodRows,
      refused: this.#refused,
      failed: this.#failed,
      unanswered: this.#unanswered,
      latencyMs: this.#latency.percentiles(),
      refusalMs: this.#refusal.count === 0 ? null : this.#refusal.percentiles(),
      curve:
        this.#latency.count === 0
          ? []
          : SHARES.map((share) => ({ share, ms: this.#latency.quantile(share) })),
      timeline: this.#timeline(),
    };
  }

  #timeline(): LoadTimeline {
    const { seconds, intervals } = this.#options;
    const each = <T>(of: (interval: Interval) => T): T[] => this.#intervals.map(of);
    return {
      seconds: Array.from({ length: intervals }, (_, i) => ((i + 1) * seconds) / intervals),
      due: each(({ due }) => due),
      good: each(({ good }) => good),
      refused: each(({ refused }) => refused),
      p99Ms: each(({ latency }) => latency.quantile(0.99)),
    };
  }
}

class Interval {
  due = 0;
  good = 0;
  refused = 0;
  readonly latency = new LatencyHistogram();
}
