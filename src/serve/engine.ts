import { now } from '../clock/now.js';
import { loadJob } from '../job/load.js';
import { Devices } from './devices.js';
import type { EndpointState } from './endpoint-state.js';
import type { OnEvent } from './events.js';
import { SideJob } from './jobs.js';
import { ModelService } from './model-service.js';
import { Refusal } from './refusal.js';
import type { ServeConfig } from './schema.js';
import type { Endpoint, Engine, EngineStats, InferRequest, InferResult } from './types.js';
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
  const startedAt = now();
  const devices = new Devices(startedAt);
  const specs = await Promise.all(
    config.jobs.map(async (served) => ({ served, job: await loadJob(served.job) })),
  );
  const webgpu = new WebGpuThread();
  const models: ModelService[] = [];
  try {
    // One after the other: some devices take no second thread while they start.
    for (const [name, served] of Object.entries(config.models)) {
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
    throw error;
  }
  const jobs = specs.map(({ served, job }) => new SideJob(job, served, devices));
  for (const job of jobs) job.start((name, outcome) => onEvent({ kind: 'job', job: name, outcome }));
  return new ServingEngine(startedAt, devices, models, jobs);
}

class ServingEngine implements Engine {
  readonly endpoints: readonly Endpoint[];
  readonly #startedAt: number;
  readonly #devices: Devices;
  readonly #models: readonly ModelService[];
  readonly #jobs: readonly SideJob[];
  readonly #byName = new Map<string, { readonly model: ModelService; readonly state: EndpointState }>();
  #isDraining = false;

  constructor(
    startedAt: number,
    devices: Devices,
    models: readonly ModelService[],
    jobs: readonly SideJob[],
  ) {
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

  stats(): EngineStats {
    const at = now();
    return {
      uptime: at - this.#startedAt,
      endpoints: this.#models.flatMap((model) => model.stats()),
      devices: this.#devices.stats(at),
      jobs: this.#jobs.map((job) => job.stats()),
    };
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.all([
      ...this.#models.map((model) => model.drained()),
      ...this.#jobs.map((job) => job.stop()),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDraining = true;
    await Promise.all([
      ...this.#models.map((model) => model.close()),
      ...this.#jobs.map((job) => job.stop()),
    ]);
  }
}
