import { availableParallelism } from 'node:os';
import { createLedgerMemory, DeviceLedger, type LedgerMemory } from '../clock/device-ledger.js';
import { now } from '../clock/now.js';
import { createStallMemory } from '../clock/stall-clock.js';
import { createClockPage } from '../clock/state-clock.js';
import type { Job } from '../job/schema.js';
import { devicesOf, sessionSpec } from '../job/threads.js';
import type { SessionDevice } from '../session/types.js';
import { bytesOf, type DType, sizeOf } from '../util/dtype.js';
import { describeEndpoint } from './describe.js';
import { Durations } from './durations.js';
import { localModels } from './local-models.js';
import { ModelThread } from './point-to-point/model-thread.js';
import { Refusal } from './refusal.js';
import type {
  DeviceStats,
  Endpoint,
  EndpointStats,
  Engine,
  EngineStats,
  InferRequest,
  InferResult,
} from './types.js';

/** What it needs of the configuration of `penstock serve`. */
export interface PointToPointConfig {
  readonly models: Readonly<
    Record<
      string,
      {
        readonly model: Job['model'];
        readonly inputs: Readonly<
          Record<string, { readonly dtype?: DType; readonly shape?: readonly number[] }>
        >;
        readonly endpoints: Readonly<Record<string, unknown>>;
      }
    >
  >;
}

/**
 * Serves models as one does without Penstock: a thread with one session for each model, one request, one run, first come,
 * first served; no batches, no bound to the queue, no deadlines. What `penstock stress` compares with.
 *
 * @throws what the first model that does not load throws
 */
export async function createPointToPointEngine(config: PointToPointConfig): Promise<Engine> {
  const threads: ModelThread[] = [];
  const local = await localModels(config.models);
  try {
    const models = Object.entries(local.models).map(([name, { model, inputs, endpoints }]) => {
      const [device = 0] = devicesOf({ model });
      const thread = new ModelThread(sessionSpec({ model, inputs }, availableParallelism(), device));
      threads.push(thread);
      return { name, runtime: model.runtime, thread, endpoints: Object.keys(endpoints) };
    });
    await Promise.all(threads.map((thread) => thread.loaded));
    return new PointToPointEngine(models, local);
  } catch (error) {
    await Promise.all(threads.map((thread) => thread.stop()));
    local[Symbol.dispose]();
    throw local.explain(error);
  }
}

interface ServedModel {
  readonly name: string;
  readonly runtime: string;
  readonly thread: ModelThread;
  readonly endpoints: readonly string[];
}

class PointToPointEngine implements Engine {
  readonly endpoints: readonly Endpoint[];
  readonly #startedAt = now();
  readonly #threads: readonly ModelThread[];
  readonly #routes = new Map<string, Route>();
  readonly #devices: readonly Device[];
  readonly #local: Disposable;
  #draining = false;
  #pending = 0;
  #onIdle = (): void => {};

  /** @param local what it has of models from elsewhere: disposed of with it */
  constructor(models: readonly ServedModel[], local: Disposable) {
    this.#local = local;
    this.#threads = models.map(({ thread }) => thread);
    this.#devices = devicesUnder(this.#threads);
    for (const { name, runtime, thread, endpoints } of models) {
      for (const endpoint of endpoints) {
        const { model, outputDims } = thread.model;
        const told = describeEndpoint(endpoint, runtime, model, outputDims);
        this.#routes.set(endpoint, new Route(told, name, thread));
      }
    }
    this.endpoints = [...this.#routes.values()].map(({ endpoint }) => endpoint);
  }

  get isReady(): boolean {
    return !this.#draining && this.#threads.every(({ failure }) => failure === undefined);
  }

  async infer(request: InferRequest, signal?: AbortSignal): Promise<InferResult> {
    const route = this.#routes.get(request.endpoint);
    if (route === undefined) throw new Refusal('unknown', `there is no endpoint ${request.endpoint}`);
    this.#pending++;
    try {
      if (this.#draining) throw new Refusal('draining', 'the server is about to end and takes nothing more');
      return await route.infer(request, signal);
    } catch (error) {
      route.count(error);
      throw error;
    } finally {
      this.#pending--;
      if (this.#pending === 0) this.#onIdle();
    }
  }

  stats(): EngineStats {
    const uptime = now() - this.#startedAt;
    return {
      uptime,
      endpoints: [...this.#routes.values()].map((route) => route.stats()),
      devices: this.#devices.map((device) => device.stats(uptime)),
      jobs: [],
    };
  }

  async drain(): Promise<void> {
    this.#draining = true;
    if (this.#pending === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#draining = true;
    await Promise.all(this.#threads.map((thread) => thread.stop()));
    this.#local[Symbol.dispose]();
  }
}

/** An endpoint, and what came of its requests. */
class Route {
  readonly endpoint: Endpoint;
  readonly #model: string;
  readonly #thread: ModelThread;
  readonly #queue = new Durations();
  readonly #compute = new Durations();
  readonly #total = new Durations();
  readonly #refused: Record<string, number> = {};
  #succeeded = 0;
  #rows = 0;
  #queuedRows = 0;
  #queuedBytes = 0;

  constructor(endpoint: Endpoint, model: string, thread: ModelThread) {
    this.endpoint = endpoint;
    this.#model = model;
    this.#thread = thread;
  }

  async infer(request: InferRequest, signal: AbortSignal | undefined): Promise<InferResult> {
    const rows = request.inputs[0]?.shape[0] ?? 0;
    const bytes = request.inputs.reduce((sum, { dtype, shape }) => sum + sizeOf(shape) * bytesOf(dtype), 0);
    this.#queuedRows += rows;
    this.#queuedBytes += bytes;
    try {
      const { outputs, startedAt, endedAt } = await this.#thread.run(request.inputs, signal);
      const { arrivedAt, outputs: wanted } = request;
      const times = { queue: startedAt - arrivedAt, compute: endedAt - startedAt, batchRows: rows };
      this.#succeeded++;
      this.#rows += rows;
      this.#queue.record(times.queue);
      this.#compute.record(times.compute);
      this.#total.record(now() - arrivedAt);
      return { outputs: wanted === undefined ? outputs : picked(outputs, wanted), times };
    } finally {
      this.#queuedRows -= rows;
      this.#queuedBytes -= bytes;
    }
  }

  count(error: unknown): void {
    const reason = error instanceof Refusal ? error.reason : 'failed';
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
  }

  stats(): EndpointStats {
    return {
      name: this.endpoint.name,
      model: this.#model,
      succeeded: this.#succeeded,
      refused: { ...this.#refused },
      rows: this.#rows,
      // One request is one batch, and has room for itself.
      batches: this.#succeeded,
      capacity: this.#rows,
      queuedRows: this.#queuedRows,
      queuedBytes: this.#queuedBytes,
      queueMicros: this.#queue,
      computeMicros: this.#compute,
      totalMicros: this.#total,
    };
  }
}

function picked(outputs: InferResult['outputs'], wanted: readonly string[]): InferResult['outputs'] {
  return wanted.flatMap((name) => outputs.filter((output) => output.name === name));
}

/** A device, and its ledger, which all threads write whose models are on it. */
class Device {
  readonly #device: SessionDevice;
  readonly #instances: number;
  readonly #ledger: DeviceLedger;

  constructor(device: SessionDevice, instances: number, ledger: LedgerMemory) {
    this.#device = device;
    this.#instances = instances;
    this.#ledger = new DeviceLedger(ledger, 1);
  }

  stats(uptime: number): DeviceStats {
    const { id, runtime, provider, simulated } = this.#device;
    const { busy } = this.#ledger.read(true);
    const starved = { fetch: 0, prep: 0, batching: 0 };
    const idle = Math.max(0, uptime - busy);
    return { id, runtime, provider, simulated, instances: this.#instances, busy, starved, blocked: 0, idle };
  }
}

function devicesUnder(threads: readonly ModelThread[]): Device[] {
  const byId = new Map<string, ModelThread[]>();
  for (const thread of threads) {
    const { id } = thread.model.model.device;
    byId.set(id, [...(byId.get(id) ?? []), thread]);
  }
  return [...byId.values()].map((group) => {
    const ledger = createLedgerMemory(createStallMemory(createClockPage(0), 1));
    // The first owner is whoever reads it.
    group.forEach((thread, i) => {
      thread.account(ledger, i + 2);
    });
    return new Device((group[0] as ModelThread).model.model.device, group.length, ledger);
  });
}
