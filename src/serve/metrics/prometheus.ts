import { type Gauge, Registry } from 'prom-client';
import type { Engine, EngineStats, Quantiles } from '../types.js';
import {
  endpointLabels,
  FAMILIES,
  type Family,
  HISTOGRAMS,
  type HistogramFamily,
  type Labels,
  SECONDS_BOUNDS,
} from './families.js';
import { processMetrics } from './process.js';

/** What the registry of prom-client asks of a metric when it is scraped. */
interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: readonly {
    readonly metricName?: string;
    readonly labels: object;
    readonly value: number;
  }[];
}

export interface About {
  /** Of the server, in its configuration. */
  readonly name: string;
  readonly version: string;
}

/** A server's metrics in the text format of Prometheus. They are collected when they are asked for, not before. */
export class Prometheus {
  readonly #registry = new Registry();
  readonly #engine: Pick<Engine, 'stats' | 'isReady'>;
  #stats: EngineStats;

  constructor(engine: Pick<Engine, 'stats' | 'isReady'>, { name, version }: About) {
    this.#engine = engine;
    this.#stats = engine.stats();
    const one = (labels: Labels, value: () => number) => ({ samples: () => [{ labels, value: value() }] });
    this.#add({
      name: 'penstock_info',
      help: 'The server; always 1.',
      type: 'gauge',
      ...one({ name, version }, () => 1),
    });
    this.#add({
      name: 'penstock_ready',
      help: 'Whether requests are taken: 1 or 0.',
      type: 'gauge',
      ...one({}, () => (engine.isReady ? 1 : 0)),
    });
    for (const family of FAMILIES) this.#add(family);
    for (const family of HISTOGRAMS) this.#addHistogram(family);
  }

  /** For the header of the answer. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text of a scrape. */
  async scrape(): Promise<string> {
    // Once for all of them, so that they agree.
    this.#stats = this.#engine.stats();
    const [own, ofProcess] = await Promise.all([this.#registry.metrics(), processMetrics().metrics()]);
    return `${own}\n${ofProcess}`;
  }

  #add({ name, help, type, samples }: Pick<Family, 'name' | 'help' | 'type' | 'samples'>): void {
    this.#register(name, () => ({ name, help, type, values: samples(this.#stats) }));
  }

  #addHistogram({ name, help, type, quantiles }: HistogramFamily): void {
    this.#register(name, () => ({
      name,
      help,
      type,
      values: this.#stats.endpoints.flatMap((endpoint) =>
        samplesOf(name, endpointLabels(endpoint), quantiles(endpoint)),
      ),
    }));
  }

  /**
   * Its classes count by themselves; ours only read. What a registry needs of a metric is its name, and that it can be asked,
   * which its types don't say.
   */
  #register(name: string, read: () => Metric): void {
    const metric = { name, get: async () => read() };
    this.#registry.registerMetric(metric as unknown as Gauge);
  }
}

/** The samples of one histogram: its buckets, each of which counts those before it too, their sum and their count. */
function samplesOf(name: string, labels: Labels, quantiles: Quantiles): Metric['values'] {
  const counts = countsUpTo(SECONDS_BOUNDS, quantiles);
  const bucket = (le: string, value: number): Metric['values'][number] => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le },
    value,
  });
  // It goes on being written while it is read.
  const count = Math.max(quantiles.count, counts.at(-1) ?? 0);
  return [
    ...SECONDS_BOUNDS.map((le, i) => bucket(String(le), counts[i] as number)),
    bucket('+Inf', count),
    { metricName: `${name}_sum`, labels, value: quantiles.sum / 1e6 },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

/** How many values were at most so many seconds; a histogram's own bounds may be a little less than what is asked for. */
function countsUpTo(bounds: readonly number[], quantiles: Quantiles): number[] {
  const counts: number[] = [];
  let upTo = 0;
  for (const [micros, count] of quantiles.cumulative()) {
    while (counts.length < bounds.length && micros > (bounds[counts.length] as number) * 1e6)
      counts.push(upTo);
    upTo = count;
  }
  while (counts.length < bounds.length) counts.push(upTo);
  return counts;
}
