import { availableParallelism, cpus } from 'node:os';
import { busyCores } from '../bench/noise.js';
import type { BenchReport } from '../bench/types.js';
import type { ServeConfig } from '../serve/schema.js';
import { InterruptedError, messageOf, UsageError } from '../util/errors.js';
import { availableMemory } from '../util/memory.js';
import { measureCapacity } from './capacity.js';
import { findingsOf } from './findings.js';
import { LoadGenerator } from './load/generator.js';
import { type StressProgress, StressTracker } from './progress.js';
import { runScenario } from './run-scenario.js';
import { scenariosOf } from './scenarios/scenarios.js';
import type { Scenario, ScenarioContext, ScenarioSetting, Subject } from './scenarios/types.js';
import { TestedServer } from './server/server.js';
import { type ConfiguredEndpoint, endpointsOf, mainEndpoint, rivalOf } from './subjects.js';
import type { TraceFile } from './trace-file.js';
import { type Capacity, type Outcome, SERVERS, type ServerKind, type StressReport } from './types.js';
import { SERVER_NAMES, warningsOf } from './warnings.js';

/** Seconds of load in each scenario, and of warming up before. */
const SECONDS = 8;
const QUICK_SECONDS = 2;
const WARM_UP_SECONDS = 1;
const QUICK_WARM_UP_SECONDS = 0.5;
/** What starting a server takes, and waiting for the last answers, about. */
const OVERHEAD_SECONDS = 1.5;
/** No server does less than this, or there would be nothing to send. */
const LEAST_CAPACITY = 1;

export interface StressOptions {
  /** Names of scenarios; by default all that the configuration can have. */
  readonly scenarios?: readonly string[];
  /** Seconds of load in each scenario, on each server. Default: 8, or with `quick` 2. */
  readonly seconds?: number;
  /** A first look: shorter, so that rare events are missed. */
  readonly quick?: boolean;
  /** What arrivals and values are made of. Default: 1. */
  readonly seed?: number;
  /** The endpoint that requests go to. By default the first of those whose class comes first. */
  readonly endpoint?: string;
  /** Rows of a request. Default: 1. */
  readonly rows?: number;
  /** A load that was recorded, for the scenario `trace`. */
  readonly trace?: TraceFile;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StressProgress) => void;
}

/**
 * Puts realistic load on a server with this configuration, and on one that answers request by request, both on this machine in
 * processes of their own: first as much as they can take, then one scenario after another.
 *
 * @example
 * const report = await stressTest(await loadServeConfig('serve.yaml'), { quick: true });
 * console.log(report.capacity.ratio, report.findings);
 *
 * @throws UsageError for a scenario or an endpoint that is not there; DeviceError where a server does not start, or does not
 *   answer; InterruptedError
 */
export async function stressTest(config: ServeConfig, options: StressOptions = {}): Promise<StressReport> {
  const { signal = new AbortController().signal } = options;
  const main = mainEndpoint(config, options.endpoint);
  const chosen = scenariosOf(options.scenarios ?? []);
  checkTrace(config, options.trace);
  using tracker = new StressTracker(options.onProgress);
  try {
    await using generator = new LoadGenerator();
    // What is asked of a process that is gone is answered with an error at once.
    const stop = (): void => void generator[Symbol.asyncDispose]();
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await new StressTest(config, main, chosen, options, signal, tracker, generator).run();
    } finally {
      signal.removeEventListener('abort', stop);
    }
  } catch (error) {
    if (signal.aborted)
      throw new InterruptedError('interrupted: a stress test leaves nothing behind', { cause: error });
    throw error;
  }
}

function checkTrace(config: ServeConfig, trace: TraceFile | undefined): void {
  for (const { endpoint } of trace?.streams ?? []) {
    const names = endpointsOf(config).map(({ name }) => name);
    if (endpoint === undefined || names.includes(endpoint)) continue;
    throw new UsageError(`--trace: ${trace?.file}: there is no endpoint ${endpoint}`, {
      ...(trace === undefined ? {} : { file: trace.file }),
      hint: `There ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}.`,
    });
  }
}

class StressTest {
  readonly #config: ServeConfig;
  readonly #main: ConfiguredEndpoint;
  readonly #chosen: readonly Scenario[];
  readonly #options: StressOptions;
  readonly #signal: AbortSignal;
  readonly #tracker: StressTracker;
  readonly #generator: LoadGenerator;
  readonly #noise: number[] = [];
  readonly #seconds: number;
  readonly #warmUpSeconds: number;
  readonly #rows: number;
  readonly #seed: number;

  constructor(
    config: ServeConfig,
    main: ConfiguredEndpoint,
    chosen: readonly Scenario[],
    options: StressOptions,
    signal: AbortSignal,
    tracker: StressTracker,
    generator: LoadGenerator,
  ) {
    this.#config = config;
    this.#main = main;
    this.#chosen = chosen;
    this.#options = options;
    this.#signal = signal;
    this.#tracker = tracker;
    this.#generator = generator;
    const { quick = false, seconds, rows = 1, seed = 1 } = options;
    this.#seconds = seconds ?? (quick ? QUICK_SECONDS : SECONDS);
    this.#warmUpSeconds = quick ? QUICK_WARM_UP_SECONDS : WARM_UP_SECONDS;
    this.#rows = rows;
    this.#seed = seed;
  }

  async run(): Promise<StressReport> {
    await this.#listen();
    const rival = rivalOf(this.#config, this.#main);
    const asked = this.#endpointsAsked(rival);
    const subjects = await this.#subjectsOf(asked);
    const [main] = subjects;
    if (main === undefined) throw new RangeError('there is an endpoint');
    const setting: ScenarioSetting = {
      config: this.#config,
      main,
      hasRival: rival !== undefined,
      hasTrace: this.#options.trace !== undefined,
      noStorage: await whyNoStorage(),
    };
    const possible = this.#chosen.filter((scenario) => scenario.impossible?.(setting) === undefined);
    const perModel = new Map(subjects.map((subject) => [subject.model, subject]));
    const steps = SERVERS.length + (perModel.size - 1) + SERVERS.length * possible.length;
    this.#tracker.plan(steps, this.#seconds + this.#warmUpSeconds + OVERHEAD_SECONDS);
    const capacities = new Map<string, number>();
    const capacity = {
      penstock: await this.#capacity('penstock', main),
      pointToPoint: await this.#capacity('pointToPoint', main),
    };
    capacities.set(main.model, capacity.penstock.requestsPerSecond);
    for (const [model, subject] of perModel) {
      if (capacities.has(model)) continue;
      capacities.set(model, (await this.#capacity('penstock', subject)).requestsPerSecond);
    }
    const measured = subjects.map((subject) => ({
      ...subject,
      capacity: Math.max(LEAST_CAPACITY, capacities.get(subject.model) ?? 0),
    }));
    const scenarios: StressReport['scenarios'][number][] = [];
    for (const scenario of possible) {
      await this.#listen();
      scenarios.push(await this.#scenario(scenario, measured, rival, capacity.penstock.rowsPerSecond));
    }
    return this.#report(capacity, scenarios, setting);
  }

  /** The main one first. */
  #endpointsAsked(rival: ConfiguredEndpoint | undefined): ConfiguredEndpoint[] {
    const names = this.#chosen.map(({ name }) => name);
    const traced = this.#options.trace?.streams.map(({ endpoint }) => endpoint) ?? [];
    const others = endpointsOf(this.#config).filter(
      ({ name }) =>
        name !== this.#main.name &&
        ((names.includes('competing') && name === rival?.name) ||
          (names.includes('trace') && traced.includes(name))),
    );
    return [this.#main, ...others];
  }

  /** What is to be asked of each endpoint: the server tells. */
  async #subjectsOf(endpoints: readonly ConfiguredEndpoint[]): Promise<Omit<Subject, 'capacity'>[]> {
    this.#signal.throwIfAborted();
    await using server = await TestedServer.start('penstock', { ...this.#config, jobs: [] });
    const subjects: Omit<Subject, 'capacity'>[] = [];
    for (const { name, model, spec } of endpoints) {
      const request = await server.shapeOf(name);
      await server.probe(request, this.#rows, this.#seed);
      subjects.push({ endpoint: name, model, request, deadlineMs: spec.deadlineMs });
    }
    return subjects;
  }

  #capacity(kind: ServerKind, subject: Omit<Subject, 'capacity'>): Promise<Capacity> {
    this.#signal.throwIfAborted();
    this.#tracker.begin('capacity', kind);
    return measureCapacity(kind, this.#generator, {
      config: this.#config,
      subject,
      rows: this.#rows,
      seconds: this.#seconds,
      warmUpSeconds: this.#warmUpSeconds,
      seed: this.#seed,
      signal: this.#signal,
    });
  }

  async #scenario(
    { name, title, what, plan: planOf }: Scenario,
    subjects: readonly Subject[],
    rival: ConfiguredEndpoint | undefined,
    rowsPerSecond: number,
  ): Promise<StressReport['scenarios'][number]> {
    const [main] = subjects;
    if (main === undefined) throw new RangeError('there is an endpoint');
    const context: ScenarioContext = {
      config: this.#config,
      main,
      rival: subjects.find(({ endpoint }) => endpoint === rival?.name),
      trace: this.#options.trace,
      traced: subjects,
      seconds: this.#seconds,
      rows: this.#rows,
      seed: this.#seed,
    };
    const plan = planOf(context);
    const run = async (kind: ServerKind): Promise<Outcome> => {
      this.#signal.throwIfAborted();
      this.#tracker.begin(title, kind);
      const options = {
        main,
        plan,
        config: this.#config,
        warmUpSeconds: this.#warmUpSeconds,
        rowsPerSecond,
        seed: this.#seed,
        signal: this.#signal,
      };
      try {
        return await runScenario(kind, this.#generator, options);
      } catch (error) {
        if (error instanceof Error) error.message = `${title}, ${SERVER_NAMES[kind]}: ${error.message}`;
        throw error;
      }
    };
    const servers = { penstock: await run('penstock'), pointToPoint: await run('pointToPoint') };
    return { name, title, what, seconds: plan.seconds, load: plan.load, servers };
  }

  /** To what else the machine is doing, while nothing of this runs. */
  async #listen(): Promise<void> {
    this.#noise.push(await busyCores());
  }

  #report(
    capacity: Readonly<Record<ServerKind, Capacity>>,
    scenarios: StressReport['scenarios'],
    setting: ScenarioSetting,
  ): StressReport {
    const { penstock, pointToPoint } = capacity;
    const measured = {
      endpoint: {
        name: this.#main.name,
        model: this.#main.model,
        rows: this.#rows,
        deadlineMs: this.#main.spec.deadlineMs,
      },
      capacity: {
        penstock,
        pointToPoint,
        ratio: penstock.requestsPerSecond / Math.max(1e-9, pointToPoint.requestsPerSecond),
      },
      scenarios,
    };
    return {
      name: this.#config.name,
      status: 'completed',
      date: new Date().toISOString(),
      machine: machine(),
      quick: this.#options.quick ?? false,
      seconds: this.#tracker.elapsedSeconds,
      scenarioSeconds: this.#seconds,
      seed: this.#seed,
      ...measured,
      leftOut: this.#chosen.flatMap(({ name, impossible }) => {
        const why = impossible?.(setting);
        return why === undefined ? [] : [{ name, why }];
      }),
      findings: findingsOf(measured),
      warnings: warningsOf(measured, this.#noise),
    };
  }
}

/** Remote storage is reached through an optional package. */
async function whyNoStorage(): Promise<string | undefined> {
  const { loadOpenDAL } = await import('../storage/opendal.js');
  return loadOpenDAL().then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
}

function machine(): BenchReport['machine'] {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: availableMemory(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}
