import { setTimeout as sleep } from 'node:timers/promises';
import type { ServeConfig } from '../serve/schema.js';
import { JobFolder, QUANTUM_MS } from './data/job.js';
import type { LoadGenerator } from './load/generator.js';
import type { ClosedStream, LoadOrder, LoadResult, OpenStream, StreamResult } from './load/types.js';
import type { ScenarioPlan, Subject } from './scenarios/types.js';
import { TestedServer } from './server/server.js';
import { devicesBetween, meanBatchRows, type PlainStats } from './server/stats.js';
import type { JobOutcome, Outcome, ServerKind, StreamOutcome } from './types.js';

/** Requests that may be unanswered at the same time. */
export const MOST_OUTSTANDING = 1024;
/** Clients that warm a server up: new threads and new code are slow at first. */
const WARM_UP_CLIENTS = 16;
/** Pieces of a scenario's time line. */
const INTERVALS = 40;
/** How long answers are waited for at the end: this, or twice the deadline. */
const DRAIN_MS = 2000;
const MOST_DRAIN_MS = 5000;
/** Where a batch job is a client, it has one request on its way while it makes the next. */
const JOB_CLIENTS = 2;
const JOB_STREAM = 'job';

export interface RunOptions {
  readonly main: Subject;
  readonly plan: ScenarioPlan;
  readonly config: ServeConfig;
  readonly warmUpSeconds: number;
  /** Rows a second that the device can take. */
  readonly rowsPerSecond: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Plays a scenario against a server that is started for it, so that nothing of one is left in the next. */
export async function runScenario(
  kind: ServerKind,
  generator: LoadGenerator,
  options: RunOptions,
): Promise<Outcome> {
  const { plan, main, signal, warmUpSeconds, seed, rowsPerSecond } = options;
  const config = { ...(plan.config ?? options.config), jobs: [] };
  const seconds = plan.seconds + warmUpSeconds;
  await using folder =
    plan.job && (await JobFolder.make(config, main, plan.job, { rowsPerSecond, seconds, seed }));
  const isJobAside = folder !== undefined && kind === 'penstock';
  await using server = await TestedServer.start(
    kind,
    isJobAside ? { ...config, jobs: [{ job: folder.file, weight: 1, quantumMs: QUANTUM_MS }] } : config,
  );
  signal.throwIfAborted();
  for (const { request, rows } of plan.streams) await server.probe(request, rows, seed);
  if (isJobAside) await server.jobBegun();
  await warmUp(generator, server.origin, main, warmUpSeconds, seed);
  signal.throwIfAborted();
  const before = await server.stats();
  const order = orderOf(server.origin, plan, kind === 'pointToPoint' ? folder : undefined, seed);
  const playing = generator.play(order);
  // Where it is rejected while this waits, it is heard of below.
  playing.catch(() => {});
  if (plan.fault !== undefined) {
    await sleep(plan.fault.atSeconds * 1000, undefined, { signal });
    await server.injure(plan.fault.kind);
  }
  const after = sleep(plan.seconds * 1000 - (plan.fault?.atSeconds ?? 0) * 1000, undefined, { signal }).then(
    () => server.stats(),
  );
  const [result, stats] = await Promise.all([playing, after]);
  return outcomeOf(plan, result, before, stats, isJobAside);
}

/** Clients that wait for their answers, for a while. */
export async function warmUp(
  generator: LoadGenerator,
  origin: string,
  { endpoint, request }: Pick<Subject, 'endpoint' | 'request'>,
  seconds: number,
  seed: number,
): Promise<void> {
  const stream = { name: endpoint, request, clients: WARM_UP_CLIENTS, rows: 1, deadlineMs: null, seed };
  await generator.play(closedOrder(origin, stream, seconds));
}

/** Clients alone, each of which sends its next request when the one before is answered. */
export function closedOrder(origin: string, stream: ClosedStream, seconds: number): LoadOrder {
  return {
    origin,
    headers: {},
    seconds,
    open: [],
    closed: [stream],
    mostOutstanding: 1,
    drainMs: DRAIN_MS,
    intervals: 1,
  };
}

function orderOf(
  origin: string,
  { streams, seconds }: ScenarioPlan,
  job: JobFolder | undefined,
  seed: number,
): LoadOrder {
  const deadlines = streams.map(({ deadlineMs }) => deadlineMs ?? 0);
  const [first] = streams;
  const client: ClosedStream[] =
    job === undefined || first === undefined
      ? []
      : [
          {
            name: JOB_STREAM,
            request: first.request,
            clients: JOB_CLIENTS,
            rows: job.batchRows,
            deadlineMs: null,
            seed,
            ...(job.objectUrl === undefined ? {} : { fetches: job.objectUrl }),
          },
        ];
  return {
    origin,
    headers: {},
    seconds,
    open: streams,
    closed: client,
    mostOutstanding: MOST_OUTSTANDING,
    drainMs: Math.min(MOST_DRAIN_MS, Math.max(DRAIN_MS, 2 * Math.max(0, ...deadlines))),
    intervals: INTERVALS,
  };
}

function outcomeOf(
  plan: ScenarioPlan,
  { open, closed, generator }: LoadResult,
  before: PlainStats,
  after: PlainStats,
  isJobAside: boolean,
): Outcome {
  const client = closed.find(({ name }) => name === JOB_STREAM);
  return {
    streams: open.map((result, i) => streamOutcome(result, plan.streams[i])),
    devices: devicesBetween(before, after),
    job: isJobAside ? jobOutcome(before, after) : client === undefined ? null : jobOfClient(client),
    // A client's full batches are no requests of the kind that is looked at.
    meanBatchRows: client === undefined ? meanBatchRows(before, after) : null,
    generator,
  };
}

function streamOutcome(result: StreamResult, stream: OpenStream | undefined): StreamOutcome {
  const { seconds, due, good } = result;
  return {
    ...result,
    deadlineMs: stream?.deadlineMs ?? null,
    offeredPerSecond: due / seconds,
    goodputPerSecond: good / seconds,
    goodShare: due > 0 ? good / due : 0,
  };
}

function jobOutcome(before: PlainStats, after: PlainStats): JobOutcome {
  const sum = ({ jobs }: PlainStats): number => jobs.reduce((all, { rows }) => all + rows, 0);
  const seconds = (after.uptime - before.uptime) / 1e6;
  return {
    rowsPerSecond: (sum(after) - sum(before)) / seconds,
    endedEarly: after.jobs.some(({ state }) => state !== 'running'),
  };
}

function jobOfClient({ goodRows, seconds }: StreamResult): JobOutcome {
  return { rowsPerSecond: goodRows / seconds, endedEarly: false };
}
