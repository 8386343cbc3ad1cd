import { Durations } from './durations.js';
import { Refusal, type RefusalReason } from './refusal.js';
import type { EndpointSpec } from './schema.js';
import type { EndpointStats } from './types.js';

/** What an endpoint is, and what has become of its requests. */
export class EndpointState {
  readonly name: string;
  readonly model: string;
  /** Among the model's. */
  readonly place: number;
  readonly spec: EndpointSpec;
  readonly #refused: Record<string, number> = {};
  readonly #queue = new Durations();
  readonly #compute = new Durations();
  readonly #total = new Durations();
  #rows = 0;
  #batches = 0;
  #capacity = 0;

  constructor(name: string, model: string, place: number, spec: EndpointSpec) {
    this.name = name;
    this.model = model;
    this.place = place;
    this.spec = spec;
  }

  answered(queue: number, compute: number, total: number): void {
    this.#queue.record(queue);
    this.#compute.record(compute);
    this.#total.record(total);
  }

  refused(reason: RefusalReason): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
  }

  /** Counts a request that is refused at the door, and says so. */
  refusal(reason: RefusalReason, message: string, retryAfterMs?: number): Refusal {
    this.refused(reason);
    return Refusal.withoutStack(reason, message, retryAfterMs);
  }

  /** Rows of it ran in a batch; `capacity`: its part, by rows, of the batch's room. */
  ran(rows: number, capacity: number): void {
    this.#rows += rows;
    this.#batches++;
    this.#capacity += capacity;
  }

  stats(queuedRows: number, rowBytes: number): EndpointStats {
    return {
      name: this.name,
      model: this.model,
      succeeded: this.#total.count,
      refused: { ...this.#refused },
      rows: this.#rows,
      batches: this.#batches,
      capacity: this.#capacity,
      queuedRows,
      queuedBytes: queuedRows * rowBytes,
      queueMicros: this.#queue,
      computeMicros: this.#compute,
      totalMicros: this.#total,
    };
  }
}
