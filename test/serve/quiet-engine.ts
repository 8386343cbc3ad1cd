import type {
  DeviceStats,
  Endpoint,
  EndpointStats,
  Engine,
  EngineStats,
  InferRequest,
  InferResult,
  JobStats,
  Quantiles,
} from '../../src/serve/types.js';

/** Values that are kept, so that every answer is exact. */
export class Values implements Quantiles {
  readonly #values: number[] = [];

  add(...values: readonly number[]): void {
    this.#values.push(...values);
    this.#values.sort((a, b) => a - b);
  }

  get count(): number {
    return this.#values.length;
  }

  get sum(): number {
    return this.#values.reduce((sum, value) => sum + value, 0);
  }

  quantile(q: number): number {
    return this.#values[Math.max(0, Math.ceil(q * this.count) - 1)] ?? 0;
  }

  *cumulative(): Iterable<readonly [number, number]> {
    for (const [i, value] of this.#values.entries()) {
      if (value !== this.#values[i + 1]) yield [value, i + 1];
    }
  }
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] };

export interface EndpointCounts extends Mutable<EndpointStats> {
  readonly refused: Record<string, number>;
  readonly queueMicros: Values;
  readonly computeMicros: Values;
  readonly totalMicros: Values;
}

function endpointCounts(name: string, model: string): EndpointCounts {
  return {
    name,
    model,
    succeeded: 0,
    refused: {},
    rows: 0,
    batches: 0,
    capacity: 0,
    queuedRows: 0,
    queuedBytes: 0,
    queueMicros: new Values(),
    computeMicros: new Values(),
    totalMicros: new Values(),
  };
}

/** An engine that runs nothing, whose counts are what the test says: for what only looks at them. */
export class QuietEngine implements Engine {
  isReady = true;
  uptime = 1e6;
  readonly endpoints: readonly Endpoint[] = [];
  readonly counts: readonly EndpointCounts[];
  readonly devices: Mutable<DeviceStats>[] = [];
  readonly jobs: Mutable<JobStats>[] = [];
  /** How often it was asked. */
  asked = 0;

  constructor(endpoints: Readonly<Record<string, string>> = { digits: 'digits', bulk: 'digits' }) {
    this.counts = Object.entries(endpoints).map(([name, model]) => endpointCounts(name, model));
  }

  count(name: string): EndpointCounts {
    const found = this.counts.find((counts) => counts.name === name);
    if (found === undefined) throw new Error(`no endpoint ${name}`);
    return found;
  }

  /** Requests that were answered: so many microseconds in the queue, and on the device. */
  answered(name: string, ...times: readonly (readonly [queue: number, compute: number])[]): void {
    const counts = this.count(name);
    for (const [queue, compute] of times) {
      counts.succeeded++;
      counts.rows++;
      counts.queueMicros.add(queue);
      counts.computeMicros.add(compute);
      counts.totalMicros.add(queue + compute);
    }
  }

  addDevice(id: string, about: Partial<DeviceStats> = {}): Mutable<DeviceStats> {
    const device = {
      id,
      runtime: 'onnx',
      provider: 'cpu',
      simulated: false,
      instances: 1,
      busy: 0,
      starved: { fetch: 0, prep: 0, batching: 0 },
      blocked: 0,
      idle: 0,
      ...about,
    };
    this.devices.push(device);
    return device;
  }

  infer(_request: InferRequest): Promise<InferResult> {
    return Promise.reject(new Error('it runs nothing'));
  }

  stats(): EngineStats {
    this.asked++;
    return { uptime: this.uptime, endpoints: this.counts, devices: this.devices, jobs: this.jobs };
  }

  async drain(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}
