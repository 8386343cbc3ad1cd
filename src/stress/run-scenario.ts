import { setTimeout as sleep } from 'node:timers/promises';
import type { ServeConfig } from '../serve/schema.js';
import { JobFolder, QUANTUM_MS } from './data/job.js';
import type { LoadGenerator } from './load/generator.js';
import type { ClosedStream, LoadOrder, LoadResult, OpenStream, StreamResult } from './load/types.js';
import type { ScenarioPlan, Subject } from './scenarios/types.js';
import { TestedServer } from './server/server.js';
import { devicesBetween, meanBatchRows, type PlainStats } from './server/stats.js';
import type { JobOutcome, Outcome, ServerKind, StreamOutcome } from './types.js';

/**
 * Requests that may be unanswered at the same time: twice as many as the queue holds, so that it is the server that says no;
 * but no more than it takes connections.
 */
const QUEUES_OUTSTANDING = 2;
const LEAST_OUTSTANDING = 1024;
const MOST_OUTSTANDING = 4000;
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
/** How often a job beside is asked how far it is. */
const READING_MS = 50;

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
  const most = mostOutstanding(config, main.model);
  const order = orderOf(server.origin, plan, kind === 'pointToPoint' ? folder : undefined, most, seed);
  const playing = generator.play(order);
  // Where it is rejected while this waits, it is heard of below.
  playing.catch(() => {});
  if (plan.fault !== undefined) {
    await sleep(plan.fault.atSeconds * 1000, undefined, { signal });
    await server.injure(plan.fault.kind);
  }
  const rest = plan.seconds - (plan.fault?.atSeconds ?? 0);
  const after = isJobAside ? watched(server, rest, signal) : atEnd(server, rest, signal);
  const [result, readings] = await Promise.all([playing, after]);
  return outcomeOf(plan, result, [before, ...readings], isJobAside);
}

async function atEnd(server: TestedServer, seconds: number, signal: AbortSignal): Promise<PlainStats[]> {
  await sleep(seconds * 1000, undefined, { signal });
  return [await server.stats()];
}

/** Readings from time to time, and at the end: a job tells only now and then how many rows it has done. */
async function watched(server: TestedServer, seconds: number, signal: AbortSignal): Promise<PlainStats[]> {
  const readings: PlainStats[] = [];
  const end = performance.now() + seconds * 1000;
  for (let left = seconds * 1000; left > 0; left = end - performance.now()) {
    await sleep(Math.min(left, READING_MS), undefined, { signal });
    readings.push(await server.stats());
  }
  return readings;
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

function mostOutstanding({ models }: ServeConfig, model: string): number {
  const rows = models[model]?.queue.maxRows ?? 0;
  return Math.min(MOST_OUTSTANDING, Math.max(LEAST_OUTSTANDING, QUEUES_OUTSTANDING * rows));
}

function orderOf(
  origin: string,
  { streams, seconds }: ScenarioPlan,
  job: JobFolder | undefined,
  mostOutstanding: number,
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
    mostOutstanding,
    drainMs: Math.min(MOST_DRAIN_MS, Math.max(DRAIN_MS, 2 * Math.max(0, ...deadlines))),
    intervals: INTERVALS,
  };
}

function outcomeOf(
  plan: ScenarioPlan,
  { open, closed, generator }: LoadResult,
  readings: readonly PlainStats[],
  isJobAside: boolean,
): Outcome {
  const before = readings[0] as PlainStats;
  const after = readings.at(-1) as PlainStats;
  const client = closed.find(({ name }) => name === JOB_STREAM);
  return {
    streams: open.map((result, i) => streamOutcome(result, plan.streams[i])),
    devices: devicesBetween(before, after),
    job: isJobAside ? jobOutcome(readings) : client === undefined ? null : jobOfClient(client),
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

/** From one reading that brought news to the last that did. */
function jobOutcome(readings: readonly PlainStats[]): JobOutcome {
  const rowsOf = ({ jobs }: PlainStats): number => jobs.reduce((all, { rows }) => all + rows, 0);
  const news = readings.filter(
    (reading, i) => i > 0 && rowsOf(reading) > rowsOf(readings[i - 1] as PlainStats),
  );
  const [first, last] = news.length > 1 ? [news[0], news.at(-1)] : [readings[0], readings.at(-1)];
  const rows = first && last ? rowsOf(last) - rowsOf(first) : 0;
  const micros = first && last ? last.uptime - first.uptime : 0;
  return {
    rowsPerSecond: micros > 0 ? (rows / micros) * 1e6 : 0,
    endedEarly: readings.at(-1)?.jobs.some(({ state }) => state !== 'running') ?? false,
  };
}

function jobOfClient({ goodRows, seconds }: StreamResult): JobOutcome {
  return { rowsPerSecond: goodRows / seconds, endedEarly: false };
}
