import { Counter, Gauge, Registry } from 'prom-client';
import { processMetrics } from '../serve/metrics/process.js';
import { readVersion } from '../util/version.js';
import type { HealthState, ProcessHealth } from './health-state.js';

const GAUGES = [
  {
    name: 'penstock_worker_ready',
    help: 'Whether the process takes shards: 1 or 0.',
    value: (one: ProcessHealth) => Number(one.isConnected && !one.isDraining),
  },
  {
    name: 'penstock_worker_queue_connected',
    help: 'Whether the queue is within reach: 1 or 0.',
    value: (one: ProcessHealth) => Number(one.isConnected),
  },
  {
    name: 'penstock_worker_at_work',
    help: 'Whether a shard is at work: 1 or 0.',
    value: (one: ProcessHealth) => Number(one.isAtWork),
  },
] as const;

const COUNTERS = [
  {
    name: 'penstock_worker_rows_total',
    help: 'Rows of the shards that were completed.',
    value: (one: ProcessHealth) => one.rows,
  },
  {
    name: 'penstock_worker_shard_seconds_total',
    help: 'Seconds that the shards took that were completed.',
    value: (one: ProcessHealth) => one.seconds,
  },
  {
    name: 'penstock_worker_queue_losses_total',
    help: 'How often the queue has gone out of reach.',
    value: (one: ProcessHealth) => one.losses,
  },
] as const;

/** Ends of a shard: done, an attempt that failed, back in the queue. */
const OUTCOMES = ['completed', 'failed', 'returned'] as const;

/** A worker's metrics in the text format of Prometheus, one sample a process; read when they are asked for. */
export class HealthMetrics {
  readonly #registry = new Registry();

  constructor(state: HealthState) {
    const registers = [this.#registry];
    const each = (set: (process: string, one: ProcessHealth) => void): void => {
      for (const [index, one] of state.processes.entries()) set(String(index), one);
    };
    new Gauge({
      name: 'penstock_worker_info',
      help: 'The worker, by the id that the queue knows it by; always 1.',
      labelNames: ['process', 'worker', 'version'],
      registers,
      collect() {
        this.reset();
        const version = readVersion();
        each((process, { worker = '' }) => this.set({ process, worker, version }, 1));
      },
    });
    for (const { name, help, value } of GAUGES) {
      new Gauge({
        name,
        help,
        labelNames: ['process'],
        registers,
        collect() {
          each((process, one) => this.set({ process }, value(one)));
        },
      });
    }
    for (const { name, help, value } of COUNTERS) {
      new Counter({
        name,
        help,
        labelNames: ['process'],
        registers,
        // They are counted elsewhere, and never go back.
        collect() {
          this.reset();
          each((process, one) => this.inc({ process }, value(one)));
        },
      });
    }
    new Counter({
      name: 'penstock_worker_shards_total',
      help: 'Attempts at shards, by how they ended.',
      labelNames: ['process', 'outcome'],
      registers,
      collect() {
        this.reset();
        each((process, one) => {
          for (const outcome of OUTCOMES) this.inc({ process, outcome }, one[outcome]);
        });
      },
    });
  }

  /** For the header of the answer. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text of a scrape. */
  async scrape(): Promise<string> {
    const [own, ofProcess] = await Promise.all([this.#registry.metrics(), processMetrics().metrics()]);
    return `${own}\n${ofProcess}`;
  }
}
