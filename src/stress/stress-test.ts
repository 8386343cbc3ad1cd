import { machine } from '../bench/machine.js';
import { busyCores } from '../bench/noise.js';
import type { ServeConfig } from '../serve/schema.js';
import { messageOf } from '../util/errors.js';
import { batchRowsOf, deviceRowsPerSecond, measureCapacity } from './capacity.js';
import { findingsOf } from './findings.js';
import type { LoadGenerator } from './load/generator.js';
import type { StressOptions } from './options.js';
import type { StressTracker } from './progress.js';
import { runScenario } from './run-scenario.js';
import type { Scenario, ScenarioContext, ScenarioSetting, Subject } from './scenarios/types.js';
import { TestedServer } from './server/server.js';
import { type ConfiguredEndpoint, endpointsOf, rivalOf } from './subjects.js';
import {
  type Capacity,
  type Outcome,
  type ScenarioReport,
  SERVERS,
  type ServerKind,
  type StressReport,
} from './types.js';
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

type LeftOut = StressReport['leftOut'][number];

/** One stress test, from the first server to the report. */
export class StressTest {
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
    const scenarios: ScenarioReport[] = [];
    const failed: LeftOut[] = [];
    const rowsPerSecond = deviceRowsPerSecond(capacity.penstock, batchRowsOf(this.#config, main.model));
    for (const scenario of possible) {
      await this.#listen();
      try {
        scenarios.push(await this.#scenario(scenario, measured, rival, rowsPerSecond));
      } catch (error) {
        this.#signal.throwIfAborted();
        // One that does not work must not cost what all others have shown.
        failed.push({ name: scenario.name, why: `it failed: ${messageOf(error)}` });
      }
    }
    return this.#report(capacity, scenarios, setting, failed);
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
  ): Promise<ScenarioReport> {
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
    scenarios: readonly ScenarioReport[],
    setting: ScenarioSetting,
    failed: readonly LeftOut[],
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
      leftOut: [
        ...this.#chosen.flatMap(({ name, impossible }) => {
          const why = impossible?.(setting);
          return why === undefined ? [] : [{ name, why }];
        }),
        ...failed,
      ],
      findings: findingsOf(measured),
      warnings: [...warningsOf(measured, this.#noise), ...failed.map(({ name, why }) => `${name}: ${why}`)],
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
