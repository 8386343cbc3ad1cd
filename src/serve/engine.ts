import { now } from '../clock/now.js';
import { loadJob } from '../job/load.js';
import type { Job } from '../job/schema.js';
import type { Report } from '../measure/report.js';
import { InterruptedError, messageOf, UsageError } from '../util/errors.js';
import { Devices } from './devices.js';
import type { EndpointState } from './endpoint-state.js';
import type { OnEvent } from './events.js';
import { SideJob } from './jobs.js';
import { localModels } from './local-models.js';
import { ModelService } from './model-service.js';
import { Refusal } from './refusal.js';
import type { ServeConfig } from './schema.js';
import type { BesideOptions, Endpoint, Engine, EngineStats, InferRequest, InferResult } from './types.js';
import { WebGpuThread } from './webgpu.js';

export interface EngineOptions {
  /** Told of what happens that a log should have. */
  readonly onEvent?: OnEvent;
}

/**
 * Loads all models of a configuration, and starts its jobs beside them. All threads have ended when the engine is disposed
 * of, or where this rejects.
 *
 * @throws UsageError where the configuration does not fit a model, or a job file can't be read; DeviceError where a model
 *   does not load
 */
export async function createEngine(config: ServeConfig, options: EngineOptions = {}): Promise<Engine> {
  const onEvent = options.onEvent ?? (() => {});
  const specs = await Promise.all(
    config.jobs.map(async (served) => ({ served, job: await loadJob(served.job) })),
  );
  const local = await localModels(config.models);
  const startedAt = now();
  const devices = new Devices(startedAt);
  const webgpu = new WebGpuThread();
  const models: ModelService[] = [];
  try {
    // One after the other: some devices take no second thread while they start.
    for (const [name, served] of Object.entries(local.models)) {
      const model = new ModelService(name, served, devices, onEvent);
      models.push(model);
      webgpu.check(`models.${name}`, served.model);
      await model.start();
      webgpu.taken(`models.${name}`, served.model, model.providers);
    }
    for (const [place, { job }] of specs.entries()) {
      webgpu.check(`jobs[${place}]`, job.model);
      webgpu.taken(`jobs[${place}]`, job.model);
    }
  } catch (error) {
    await Promise.all(models.map((model) => model.close()));
    local[Symbol.dispose]();
    throw local.explain(error);
  }
  const jobs = specs.map(({ served, job }) => {
    const side = new SideJob(job, served, devices);
    const told = (outcome: Report | Error): void => onEvent({ kind: 'job', job: job.name, outcome });
    side.run().then(told, (error) => told(error instanceof Error ? error : new Error(messageOf(error))));
    return side;
  });
  return new ServingEngine(startedAt, devices, models, jobs, webgpu, local);
}

/** How a job shares its devices where nobody has said it: as in the schema of the configuration. */
const DEFAULT_SHARE = { weight: 1, quantumMs: 20 };
/** As people count. */
const partOf = ({ shard }: BesideOptions): string | undefined =>
  shard && `shard ${shard.index + 1}/${shard.count}`;

/** Names of jobs that have ended whose counts are told. */
const MOST_TOLD = 8;

class ServingEngine implements Engine {
  readonly endpoints: readonly Endpoint[];
  readonly #startedAt: number;
  readonly #devices: Devices;
  readonly #models: readonly ModelService[];
  /** Those of the configuration. */
  readonly #jobs: readonly SideJob[];
  /** Others that run, or have run: the last of each name. */
  readonly #beside = new Map<string, SideJob>();
  readonly #running = new Set<SideJob>();
  readonly #webgpu: WebGpuThread;
  readonly #local: Disposable;
  readonly #byName = new Map<string, { readonly model: ModelService; readonly state: EndpointState }>();
  #isDraining = false;

  /** @param local what it has of models from elsewhere: disposed of with it */
  constructor(
    startedAt: number,
    devices: Devices,
    models: readonly ModelService[],
    jobs: readonly SideJob[],
    webgpu: WebGpuThread,
    local: Disposable,
  ) {
    this.#webgpu = webgpu;
    this.#local = local;
    this.#startedAt = startedAt;
    this.#devices = devices;
    this.#models = models;
    this.#jobs = jobs;
    this.endpoints = models.flatMap((model) => model.describe());
    for (const model of models) {
      for (const [name, state] of model.endpoints) this.#byName.set(name, { model, state });
    }
  }

  get isReady(): boolean {
    return !this.#isDraining && this.#models.every(({ isReady }) => isReady);
  }

  async infer(request: InferRequest, signal?: AbortSignal): Promise<InferResult> {
    const endpoint = this.#byName.get(request.endpoint);
    if (endpoint === undefined) {
      throw new Refusal('unknown', `there is no endpoint ${JSON.stringify(request.endpoint)}`);
    }
    const { model, state } = endpoint;
    if (this.#isDraining) {
      state.refused('draining');
      throw new Refusal('draining', 'the server is about to end, and takes no more requests');
    }
    return model.infer(state, request, signal);
  }

  turnAway(name: string, arrivedAt: number): Refusal | undefined {
    const endpoint = this.#byName.get(name);
    return this.#isDraining ? undefined : endpoint?.model.turnAway(endpoint.state, arrivedAt);
  }

  refusesBeside({ name, model }: Job): UsageError | undefined {
    try {
      this.#webgpu.check(`the job ${name}`, model);
      return undefined;
    } catch (error) {
      if (error instanceof UsageError) return error;
      throw error;
    }
  }

  async runBeside(job: Job, options: BesideOptions = {}): Promise<Report> {
    const { weight, quantumMs, part = partOf(options), ...rest } = { ...DEFAULT_SHARE, ...options };
    if (this.#isDraining) throw new InterruptedError('the server is about to end, and takes no more jobs');
    const refusal = this.refusesBeside(job);
    if (refusal !== undefined) throw refusal;
    const key = `the job ${job.name}`;
    // No two are told of by one name.
    const name = this.#jobs.some((other) => other.name === job.name) ? `${job.name} (queue)` : job.name;
    const rows = this.#beside.get(name)?.stats().rows ?? 0;
    const side = new SideJob(job, { weight, quantumMs }, this.#devices, { name, part, rows });
    this.#webgpu.taken(key, job.model);
    this.#running.add(side);
    this.#tellOf(side);
    try {
      return await side.run(rest);
    } finally {
      this.#running.delete(side);
      this.#webgpu.free(key);
    }
  }

  /** The one that was there for longest makes room: what is told is bounded. */
  #tellOf(side: SideJob): void {
    this.#beside.delete(side.name);
    this.#beside.set(side.name, side);
    for (const [other, job] of this.#beside) {
      if (this.#beside.size <= MOST_TOLD) return;
      if (!this.#running.has(job)) this.#beside.delete(other);
    }
  }

  stats(): EngineStats {
    const at = now();
    return {
      uptime: at - this.#startedAt,
      endpoints: this.#models.flatMap((model) => model.stats()),
      devices: this.#devices.stats(at),
      jobs: [...this.#jobs, ...this.#beside.values()].map((job) => job.stats()),
    };
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.all([
      ...this.#models.map((model) => model.drained()),
      ...this.#jobs.map((job) => job.stop()),
      ...[...this.#running].map((job) => job.ended()),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDraining = true;
    await Promise.all([
      ...this.#models.map((model) => model.close()),
      ...[...this.#jobs, ...this.#running].map((job) => job.stop()),
    ]);
    this.#local[Symbol.dispose]();
  }
}
