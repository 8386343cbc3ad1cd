import type { ServeConfig } from '../serve/schema.js';
import type { LoadGenerator } from './load/generator.js';
import { closedOrder, warmUp } from './run-scenario.js';
import type { Subject } from './scenarios/types.js';
import { TestedServer } from './server/server.js';
import { devicesBetween, meanBatchRows } from './server/stats.js';
import type { Capacity, ServerKind } from './types.js';

/** Who answers one after another needs few clients, and with more is late. */
const FEW_CLIENTS = 8;
/** So many times the rows of a full batch are asked for at the same time: one that runs, one that waits, and more. */
const LEVELS = [1, 2, 4];
const MOST_CLIENTS = 512;
const DEFAULT_BATCH = 64;
/** A device that had next to nothing to do tells little of what it could. */
const LEAST_BUSY = 0.05;

export interface CapacityOptions {
  readonly config: ServeConfig;
  readonly subject: Omit<Subject, 'capacity'>;
  readonly rows: number;
  /** For all levels together. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** What a server can do: the most that it answers in time of what many clients ask who each wait for their answer. */
export async function measureCapacity(
  kind: ServerKind,
  generator: LoadGenerator,
  { config, subject, rows, seconds, warmUpSeconds, seed, signal }: CapacityOptions,
): Promise<Capacity> {
  await using server = await TestedServer.start(kind, { ...config, jobs: [] });
  signal.throwIfAborted();
  await server.probe(subject.request, rows, seed);
  await warmUp(generator, server.origin, subject, warmUpSeconds, seed);
  const levels: Capacity[] = [];
  const counts = clientsOf(config, subject.model, rows);
  for (const clients of counts) {
    signal.throwIfAborted();
    const before = await server.stats();
    const { endpoint: name, request, deadlineMs } = subject;
    const stream = { name, request, clients, rows, deadlineMs, seed };
    const { closed, generator: own } = await generator.play(
      closedOrder(server.origin, stream, seconds / counts.length),
    );
    const after = await server.stats();
    const [result] = closed;
    if (result === undefined) continue;
    levels.push({
      requestsPerSecond: result.good / result.seconds,
      rowsPerSecond: result.goodRows / result.seconds,
      clients,
      latencyMs: result.latencyMs,
      levels: [],
      devices: devicesBetween(before, after),
      meanBatchRows: meanBatchRows(before, after),
      generatorUtilization: own.utilization,
    });
  }
  const [first, ...others] = levels;
  if (first === undefined) throw new RangeError('no level was measured');
  const best = others.reduce((a, b) => (b.requestsPerSecond > a.requestsPerSecond ? b : a), first);
  return {
    ...best,
    levels: levels.map(({ clients, requestsPerSecond }) => ({ clients, requestsPerSecond })),
  };
}

/** Rows a second that the device could take in full batches, if nothing else cost time: a bound from above, roughly. */
export function deviceRowsPerSecond(
  { rowsPerSecond, meanBatchRows, devices }: Capacity,
  batchRows: number,
): number {
  const busy = Math.max(LEAST_BUSY, ...devices.map((device) => device.busy));
  return (rowsPerSecond / busy) * Math.max(1, batchRows / (meanBatchRows ?? batchRows));
}

/** Rows of a full batch of a model. */
export function batchRowsOf(config: ServeConfig, model: string): number {
  const size = config.models[model]?.batch.size ?? 'auto';
  return size === 'auto' ? DEFAULT_BATCH : size;
}

/** Clients of each level; a queue that is full refuses, which is not what is asked here. */
function clientsOf(config: ServeConfig, model: string, rows: number): number[] {
  const batch = batchRowsOf(config, model);
  const most = Math.min(
    MOST_CLIENTS,
    Math.floor((config.models[model]?.queue.maxRows ?? MOST_CLIENTS) / rows),
  );
  const counts = [FEW_CLIENTS, ...LEVELS.map((level) => Math.ceil((level * batch) / rows))];
  return [...new Set(counts.map((count) => Math.max(1, Math.min(most, count))))];
}
