import type { DeviceTimes } from '../clock/device-ledger.js';
import { now } from '../clock/now.js';
import type { SampledDevice } from './sampled-device.js';

/**
 * How a run went, interval by interval. Arrays are of one length; intervals are alike but for the first, which is over
 * when batches can begin, and the last.
 */
export interface Timeline {
  /** The end of each interval, seconds from the start of the run. */
  readonly seconds: readonly number[];
  /** Rows that went through the model in each. */
  readonly rows: readonly number[];
  /** Memory of the process at the end of each. */
  readonly rssBytes: readonly number[];
  /** In the order of the report's `devices`. */
  readonly devices: readonly DeviceTimeline[];
}

/** Shares of each interval, which add up to 1 between the device's first batch and its last, and to less elsewhere. */
export interface DeviceTimeline {
  /** As in the report's `devices`. */
  readonly id: string;
  /** It ran a batch. */
  readonly busy: readonly number[];
  /** It waited for storage. */
  readonly fetch: readonly number[];
  /** It waited for rows to be decoded, transformed or collated. */
  readonly prep: readonly number[];
  /** It waited while rows waited for company. */
  readonly batching: readonly number[];
  /** It waited for the sink. */
  readonly blocked: readonly number[];
}

const SAMPLE_MS = 100;

/** At this many intervals each two become one, and further ones are twice as long: a day takes no more room than a minute. */
const MOST = 600;

const HEADINGS = ['busy', 'fetch', 'prep', 'batching', 'blocked'] as const;
type Heading = (typeof HEADINGS)[number];

/** One device in one interval, microseconds. */
type Micros = Record<Heading, number>;

interface Interval {
  readonly end: number;
  readonly rows: number;
  readonly rssBytes: number;
  readonly devices: readonly Micros[];
}

/** Records the timeline of a run, a sample every 100 ms, in a bounded buffer. Whoever starts it stops it. */
export class TimelineRecorder {
  readonly #devices: readonly SampledDevice[];
  readonly #startedAt: number;
  #intervals: Interval[] = [];
  #before: readonly DeviceTimes[];
  #every = 1;
  /** Since the last sample. */
  #ticks = 0;
  readonly #timer: NodeJS.Timeout;

  /** @param startedAt of the run, microseconds of `now()` */
  constructor(devices: readonly SampledDevice[], startedAt: number) {
    this.#devices = devices;
    this.#startedAt = startedAt;
    this.#before = devices.map((device) => device.ledger.read(true));
    // Else the first interval would be as long as models take to load, and what ran at its end would be thin as paper.
    this.#sample();
    this.#timer = setInterval(() => this.#tick(), SAMPLE_MS);
    this.#timer.unref();
  }

  /** Ends the recording, with what has passed since the last sample. */
  stop(): Timeline {
    clearInterval(this.#timer);
    this.#sample();
    this.#endAtLastRun();
    return this.#timeline();
  }

  #tick(): void {
    this.#ticks++;
    if (this.#ticks < this.#every) return;
    this.#ticks = 0;
    this.#sample();
    if (this.#intervals.length < MOST) return;
    this.#intervals = joinPairs(this.#intervals);
    this.#every *= 2;
  }

  #sample(): void {
    const times = this.#devices.map((device) => device.ledger.read(true));
    const devices = times.map((after, i) => between(this.#before[i] ?? after, after));
    const rows = sum(times, ({ rows }) => rows) - sum(this.#before, ({ rows }) => rows);
    this.#before = times;
    this.#intervals.push({ end: now(), rows, rssBytes: process.memoryUsage.rss(), devices });
  }

  /** A live reading goes on after the last run, as if the device waited for more. */
  #endAtLastRun(): void {
    const windows = this.#devices.map(({ ledger }) => ledger.read());
    const left = windows.map(microsOf);
    this.#intervals = this.#intervals.map((interval) => {
      const devices = interval.devices.map((micros, device) => {
        const rest = left[device] ?? micros;
        const isOver = interval.end > (windows[device]?.lastEnd ?? 0);
        const counted = isOver ? rest : micros;
        left[device] = each((heading) => Math.max(0, rest[heading] - counted[heading]));
        return counted;
      });
      return { ...interval, devices };
    });
  }

  #timeline(): Timeline {
    const intervals = this.#intervals;
    const lengths = intervals.map(({ end }, i) => end - (intervals[i - 1]?.end ?? this.#startedAt));
    const shares = (device: number, heading: Heading): number[] =>
      intervals.map(({ devices }, i) =>
        short((devices[device]?.[heading] ?? 0) / Math.max(1, lengths[i] ?? 1)),
      );
    return {
      seconds: intervals.map(({ end }) => short((end - this.#startedAt) / 1e6)),
      rows: intervals.map(({ rows }) => rows),
      rssBytes: intervals.map(({ rssBytes }) => rssBytes),
      devices: this.#devices.map(({ id }, device) => ({
        id,
        busy: shares(device, 'busy'),
        fetch: shares(device, 'fetch'),
        prep: shares(device, 'prep'),
        batching: shares(device, 'batching'),
        blocked: shares(device, 'blocked'),
      })),
    };
  }
}

/** What is booked when an idle stretch ends may differ from what it looked like meanwhile: nothing is less than none. */
function between(before: DeviceTimes, after: DeviceTimes): Micros {
  const [from, to] = [microsOf(before), microsOf(after)];
  return each((heading) => Math.max(0, to[heading] - from[heading]));
}

function microsOf({ busy, starved, blocked }: DeviceTimes): Micros {
  const { fetch, prep, batching } = starved;
  return { busy, fetch, prep, batching, blocked };
}

function each(of: (heading: Heading) => number): Micros {
  return Object.fromEntries(HEADINGS.map((heading) => [heading, of(heading)])) as Micros;
}

function joinPairs(intervals: readonly Interval[]): Interval[] {
  const joined: Interval[] = [];
  for (let i = 0; i < intervals.length; i += 2) {
    const first = intervals[i] as Interval;
    const second = intervals[i + 1];
    joined.push(second === undefined ? first : join(first, second));
  }
  return joined;
}

function join(first: Interval, second: Interval): Interval {
  const devices = first.devices.map((micros, i) => {
    const others = second.devices[i] as Micros;
    return each((heading) => micros[heading] + others[heading]);
  });
  return { ...second, rows: first.rows + second.rows, devices };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

const short = (value: number): number => Math.round(value * 1e4) / 1e4;
