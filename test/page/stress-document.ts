import type {
  Capacity,
  DeviceOutcome,
  Outcome,
  ScenarioReport,
  StreamOutcome,
  StressReport,
} from '../../src/stress/types.js';
import { random } from '../helpers/random.js';

const places = (value: number): number => Math.round(value * 1e5) / 1e5;
const SECONDS = 8;
const INTERVALS = 40;
const CAPACITY = 5200;
const OTHER = 480;
const DEADLINE_MS = 100;
const SHARES = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 1];

interface Load {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly good: number;
  readonly refused: number;
  readonly name?: string;
}

function stream(
  { perSecond, p50, p99, good, refused, name = 'online' }: Load,
  next: () => number,
): StreamOutcome {
  const due = Math.round(perSecond * SECONDS);
  const no = Math.round(due * refused);
  const inTime = Math.round((due - no) * good);
  const unanswered = good < 0.2 ? Math.round((due - no) * 0.3) : 0;
  const answered = due - no - unanswered;
  const curve = SHARES.map((share) => ({
    share,
    ms: places(p50 * (p99 / p50) ** (-Math.log10(1 - Math.min(share, 0.99995)) / 2)),
  }));
  const msAt = (share: number): number => curve.find((point) => point.share === share)?.ms ?? 0;
  return {
    name,
    seconds: SECONDS,
    due,
    answered,
    good: inTime,
    goodRows: inTime,
    refused: no === 0 ? {} : { 429: no - 3, 504: 3 },
    failed: {},
    unanswered,
    latencyMs: { p50, p99, p999: msAt(0.999), max: msAt(1) },
    refusalMs: no === 0 ? null : { p50: 0.61, p99: 2.43, p999: 4.02, max: 6.35 },
    curve,
    timeline: {
      seconds: Array.from({ length: INTERVALS }, (_, i) => ((i + 1) * SECONDS) / INTERVALS),
      due: Array.from({ length: INTERVALS }, () => Math.round((due / INTERVALS) * (0.9 + 0.2 * next()))),
      good: Array.from({ length: INTERVALS }, () => Math.round((inTime / INTERVALS) * (0.9 + 0.1 * next()))),
      refused: Array.from({ length: INTERVALS }, () => Math.round(no / INTERVALS)),
      p99Ms: Array.from({ length: INTERVALS }, () => places(p99 * (0.7 + 0.5 * next()))),
    },
    deadlineMs: DEADLINE_MS,
    offeredPerSecond: places(due / SECONDS),
    goodputPerSecond: places(inTime / SECONDS),
    goodShare: places(inTime / due),
  };
}

function device(busy: number, starved = 0): DeviceOutcome {
  return {
    id: 'simulated:0',
    runtime: 'simulated',
    provider: 'simulated',
    simulated: true,
    busy,
    starved: { total: starved, fetch: starved, prep: 0, batching: 0 },
    blocked: 0,
    idle: places(1 - busy - starved),
  };
}

function outcome(
  streams: readonly StreamOutcome[],
  busy: number,
  jobRows?: number,
  starved?: number,
): Outcome {
  return {
    streams,
    devices: [device(busy, starved)],
    job: jobRows === undefined ? null : { rowsPerSecond: jobRows, endedEarly: false },
    meanBatchRows: 21.4,
    generator: {
      lateMs: { p50: 0.08, p99: 0.41, p999: 1.2, max: 2.6 },
      held: 0,
      mostOutstanding: 190,
      utilization: 0.44,
    },
  };
}

function capacity(requestsPerSecond: number, clients: number, rows: number, busy: number): Capacity {
  return {
    requestsPerSecond,
    rowsPerSecond: requestsPerSecond,
    clients,
    latencyMs: { p50: 31.2, p99: 52.6, p999: 70.3, max: 81.9 },
    levels: [{ clients, requestsPerSecond }],
    devices: [device(busy)],
    meanBatchRows: rows,
    generatorUtilization: 0.61,
  };
}

function scenario(
  name: string,
  title: string,
  load: number | null,
  penstock: Outcome,
  pointToPoint: Outcome,
): ScenarioReport {
  const what = 'Requests of independent clients, and what the <i>scenario</i> does to them.';
  return { name, title, what, seconds: SECONDS, load, servers: { penstock, pointToPoint } };
}

/** A stress test as it could have been. */
export function stressReport(): StressReport {
  const next = random(11);
  const one = (load: Load, busy: number, jobRows?: number, starved?: number): Outcome =>
    outcome([stream(load, next)], busy, jobRows, starved);
  const steady = (share: number): ScenarioReport =>
    scenario(
      share > 1 ? 'overload' : `steady-${Math.round(share * 100)}`,
      share > 1 ? 'overload, 200 %' : `steady, ${Math.round(share * 100)} %`,
      share,
      one(
        {
          perSecond: share * CAPACITY,
          p50: 4 + 3 * share,
          p99: 9 + 12 * share,
          good: 1,
          refused: share > 1 ? 0.51 : 0,
        },
        Math.min(0.98, 0.3 + 0.7 * share),
      ),
      one({ perSecond: share * CAPACITY, p50: 1900, p99: 5100, good: 0.02, refused: 0 }, 0.97),
    );
  const two = (good: number): StreamOutcome[] => [
    stream({ perSecond: 3120, p50: 8, p99: 22, good, refused: 0 }, next),
    stream({ perSecond: 3120, p50: 60, p99: 98, good, refused: 0.3, name: 'bulk' }, next),
  ];
  return {
    name: 'digits',
    status: 'completed',
    date: '2026-11-28T12:00:00.000Z',
    machine: { cpu: 'AMD EPYC', cores: 2, memoryBytes: 25276502016, node: 'v20.20.2', platform: 'linux x64' },
    quick: false,
    seconds: 287.4,
    scenarioSeconds: SECONDS,
    seed: 1,
    endpoint: { name: 'online', model: 'digits', rows: 1, deadlineMs: DEADLINE_MS },
    capacity: {
      penstock: capacity(CAPACITY, 256, 58.3, 0.94),
      pointToPoint: capacity(OTHER, 8, 1, 0.97),
      ratio: places(CAPACITY / OTHER),
    },
    scenarios: [
      ...[0.3, 0.5, 0.8, 0.95, 2].map(steady),
      scenario(
        'burst',
        '10 × burst',
        null,
        one({ perSecond: 2960, p50: 6.1, p99: 88.4, good: 0.99, refused: 0.31 }, 0.62),
        one({ perSecond: 2960, p50: 2210, p99: 6030, good: 0.03, refused: 0 }, 0.97),
      ),
      scenario('competing', 'competing streams', null, outcome(two(0.99), 0.97), outcome(two(0.05), 0.97)),
      scenario(
        'job',
        'a batch job beside',
        null,
        one({ perSecond: 1560, p50: 9.2, p99: 31.7, good: 1, refused: 0 }, 0.97, 7420.5, 0.01),
        one({ perSecond: 1560, p50: 2980, p99: 7010, good: 0.01, refused: 0 }, 0.98, 310.25),
      ),
    ],
    leftOut: [{ name: 'trace', why: 'it takes a trace file: --trace FILE' }],
    findings: [
      'With as much as they can take, Penstock answers 5,200 requests/s, in batches of 58.3 rows on average; one request, one run answers 480 requests/s: 10.8 ×.',
      'At 80 % of that, 99 of 100 requests are answered within 18.6 ms. For point to point that is 8.67 × what it can do: it answers 2 % within 100 ms.',
      'At twice what it can do, Penstock answers 98 % of its capacity within 100 ms.',
    ],
    warnings: [
      'the machine was busy with something else (0.9 of its cores): latencies are longer than they could be',
    ],
  };
}
