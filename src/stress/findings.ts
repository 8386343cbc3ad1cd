import { millis, percent, perSecond, times, whole } from '../util/figures.js';
import { QUANTUM_MS } from './data/job.js';
import type { Outcome, ScenarioReport, StreamOutcome, StressReport } from './types.js';

type Measured = Pick<StressReport, 'capacity' | 'scenarios' | 'endpoint'>;

/** What the figures mean: a sentence a finding, the most telling first. */
export function findingsOf(measured: Measured): string[] {
  return FINDINGS.flatMap((finding) => finding(measured) ?? []);
}

const FINDINGS: readonly ((measured: Measured) => string | undefined)[] = [
  saturated,
  (measured) => steadily(measured, 'steady-80'),
  overloaded,
  bursting,
  competing,
  beside,
  slowly,
  (measured) => hurt(measured, 'crash', 'killed'),
  (measured) => hurt(measured, 'hang', 'stopped'),
];

function saturated({ capacity }: Measured): string {
  const { penstock, pointToPoint, ratio } = capacity;
  const batches =
    penstock.meanBatchRows === null
      ? ''
      : `, in batches of ${penstock.meanBatchRows.toFixed(1)} rows on average`;
  return (
    `With as much as they can take, Penstock answers ${perSecond(penstock.requestsPerSecond, 'requests')}${batches}; one ` +
    `request, one run answers ${perSecond(pointToPoint.requestsPerSecond, 'requests')}: ${times(ratio)}.`
  );
}

function steadily({ capacity, scenarios }: Measured, name: string): string | undefined {
  const found = scenarioOf(scenarios, name);
  if (found === undefined) return undefined;
  const { own, other } = mainStreams(found);
  const ofOther = capacity.pointToPoint.requestsPerSecond;
  const beyond =
    other.offeredPerSecond > ofOther
      ? ` For point to point that is ${times(other.offeredPerSecond / ofOther)} what it can do: it answers ${percent(other.goodShare)}${inTime(other)}.`
      : ` Point to point: ${millis(other.latencyMs.p99)}.`;
  return `At ${percent(found.load ?? 0)} of that, 99 of 100 requests are answered within ${millis(own.latencyMs.p99)}.${beyond}`;
}

function overloaded({ capacity, scenarios }: Measured): string | undefined {
  const found = scenarioOf(scenarios, 'overload');
  if (found === undefined) return undefined;
  const { own, other } = mainStreams(found);
  const kept = own.goodputPerSecond / capacity.penstock.requestsPerSecond;
  const refusal =
    own.refusalMs === null
      ? 'none was refused'
      : `${whole(refusedOf(own))} were refused, 99 of 100 of these within ${millis(own.refusalMs.p99)}`;
  return (
    `At twice what it can do, Penstock answers ${percent(kept)} of its capacity${inTime(own)}; ${refusal}. Point to point ` +
    `answers ${perSecond(other.goodputPerSecond, 'requests')}${inTime(other)}, ${percent(other.goodShare)} of what was asked.`
  );
}

function bursting({ scenarios }: Measured): string | undefined {
  const found = scenarioOf(scenarios, 'burst');
  if (found === undefined) return undefined;
  const { own, other } = mainStreams(found);
  return (
    `Of a load with a burst in it, Penstock answers ${percent(own.goodShare)}${inTime(own)} and refuses ${percent(refusedOf(own) / own.due)}; ` +
    `point to point answers ${percent(other.goodShare)}.`
  );
}

function competing({ scenarios }: Measured): string | undefined {
  const found = scenarioOf(scenarios, 'competing');
  const [main, rival] = found?.servers.penstock.streams ?? [];
  const [mainThere, rivalThere] = found?.servers.pointToPoint.streams ?? [];
  if (!main || !rival || !mainThere || !rivalThere) return undefined;
  const told = (one: StreamOutcome): string => `${percent(one.goodShare)} of ${one.name}`;
  return (
    `Where two streams ask for more than there is, Penstock answers ${told(main)} (p99 ${millis(main.latencyMs.p99)}) and ${told(rival)}; ` +
    `point to point, which knows no classes, ${told(mainThere)} (p99 ${millis(mainThere.latencyMs.p99)}) and ${told(rivalThere)}.`
  );
}

function beside({ scenarios }: Measured): string | undefined {
  const found = scenarioOf(scenarios, 'job');
  const alone = scenarioOf(scenarios, 'steady-30');
  if (found === undefined || alone === undefined) return undefined;
  const { penstock, pointToPoint } = found.servers;
  const { own, other } = mainStreams(found);
  const before = mainStreams(alone);
  return (
    `Beside a batch job the device is busy ${percent(busyOf(penstock))} of the time, and 99 of 100 requests are answered within ` +
    `${millis(own.latencyMs.p99)} instead of ${millis(before.own.latencyMs.p99)}: a batch of the job may hold the device for ${QUANTUM_MS} ms. ` +
    `Point to point, with the job as a client: busy ${percent(busyOf(pointToPoint))}, ${millis(other.latencyMs.p99)} instead of ${millis(before.other.latencyMs.p99)}.`
  );
}

function slowly({ scenarios }: Measured): string | undefined {
  const found = scenarioOf(scenarios, 'slow-storage');
  if (found === undefined) return undefined;
  const { penstock, pointToPoint } = found.servers;
  const { own } = mainStreams(found);
  return (
    `With slow storage under the job, 99 of 100 requests are answered within ${millis(own.latencyMs.p99)}; the job does ` +
    `${perSecond(penstock.job?.rowsPerSecond ?? 0, 'rows')}, as a client of point to point ${perSecond(pointToPoint.job?.rowsPerSecond ?? 0, 'rows')}.`
  );
}

function hurt({ scenarios }: Measured, name: string, how: string): string | undefined {
  const found = scenarioOf(scenarios, name);
  if (found === undefined) return undefined;
  const { own, other } = mainStreams(found);
  return (
    `When the model's process is ${how}, Penstock still answers ${percent(own.goodShare)}${inTime(own)}, point to point ` +
    `${percent(other.goodShare)}; the worst latency is ${millis(own.latencyMs.max)} and ${millis(other.latencyMs.max)}.`
  );
}

function scenarioOf(scenarios: readonly ScenarioReport[], name: string): ScenarioReport | undefined {
  return scenarios.find((one) => one.name === name);
}

function mainStreams({ servers: { penstock, pointToPoint } }: ScenarioReport): {
  own: StreamOutcome;
  other: StreamOutcome;
} {
  const [own] = penstock.streams;
  const [other] = pointToPoint.streams;
  if (own === undefined || other === undefined) throw new RangeError('a scenario has a stream');
  return { own, other };
}

function inTime({ deadlineMs }: StreamOutcome): string {
  return deadlineMs === null ? '' : ` within ${deadlineMs} ms`;
}

export function refusedOf({ refused }: Pick<StreamOutcome, 'refused'>): number {
  return Object.values(refused).reduce((sum, count) => sum + count, 0);
}

/** Of the device that had most to do. */
export function busyOf({ devices }: Pick<Outcome, 'devices'>): number {
  return Math.max(0, ...devices.map(({ busy }) => busy));
}
