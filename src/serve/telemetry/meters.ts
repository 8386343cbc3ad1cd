import {
  type BatchObservableCallback,
  createNoopMeter,
  type Histogram,
  type Meter,
  metrics,
  type Observable,
} from '@opentelemetry/api';
import { now } from '../../clock/now.js';
import { FAMILIES, SECONDS_BOUNDS } from '../metrics/families.js';
import type { Engine } from '../types.js';
import { callAttributes, statusAttributes } from './conventions.js';
import type { RequestBegin, RequestEnd } from './request.js';

interface Durations {
  readonly http: Histogram;
  readonly grpc: Histogram;
  readonly queue: Histogram;
  readonly compute: Histogram;
}

/**
 * The server's metrics for OpenTelemetry: counts and states are read from the engine when they are collected, durations are
 * recorded when a request ends. Where no SDK is configured when this is made, all of it is one comparison a request; the
 * API has nothing that would tell of one that comes later. Whoever opens it closes it.
 */
export class Meters implements Disposable {
  readonly #durations: Durations | undefined;
  readonly #close: () => void;

  constructor(engine: Pick<Engine, 'stats'>, version: string) {
    const meter = metrics.getMeter('penstock', version);
    if (meter === createNoopMeter()) {
      this.#close = () => {};
      return;
    }
    this.#close = observe(meter, engine);
    const duration = (name: string, description: string): Histogram =>
      meter.createHistogram(name, {
        description,
        unit: 's',
        advice: { explicitBucketBoundaries: [...SECONDS_BOUNDS] },
      });
    this.#durations = {
      http: duration('http.server.request.duration', 'Duration of HTTP server requests.'),
      grpc: duration('rpc.server.call.duration', 'Duration of gRPC calls.'),
      queue: duration('penstock.request.queue.duration', 'From arrival to the start of the run.'),
      compute: duration(
        'penstock.request.compute.duration',
        'From the start of the run to the end of the last.',
      ),
    };
  }

  /** A request is over. */
  record(
    { protocol, method, route, arrivedAt }: RequestBegin,
    { status, endpoint, times, refusal }: RequestEnd,
  ): void {
    const durations = this.#durations;
    if (durations === undefined) return;
    durations[protocol].record((now() - arrivedAt) / 1e6, {
      ...callAttributes({ protocol, method, route }),
      ...statusAttributes(protocol, status),
      ...(refusal !== undefined && { 'error.type': refusal.reason }),
    });
    if (times === undefined) return;
    const attributes = endpoint === undefined ? {} : { endpoint };
    durations.queue.record(times.queue / 1e6, attributes);
    durations.compute.record(times.compute / 1e6, attributes);
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

/** @returns what ends it */
function observe(meter: Meter, engine: Pick<Engine, 'stats'>): () => void {
  const instruments = FAMILIES.map(({ otel, help, unit, type }) => {
    const options = { description: help, unit };
    return type === 'counter'
      ? meter.createObservableCounter(otel, options)
      : meter.createObservableGauge(otel, options);
  });
  // Once for all of them, so that they agree.
  const read: BatchObservableCallback = (result) => {
    const stats = engine.stats();
    for (const [i, family] of FAMILIES.entries()) {
      for (const { labels, value } of family.samples(stats))
        result.observe(instruments[i] as Observable, value, labels);
    }
  };
  meter.addBatchObservableCallback(read, instruments);
  return () => meter.removeBatchObservableCallback(read, instruments);
}
