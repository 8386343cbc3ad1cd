import { isNoisy } from '../bench/noise.js';
import { counted, millis, percent } from '../util/figures.js';
import { type Outcome, SERVERS, type ServerKind, type StressReport } from './types.js';

/** Requests that are sent so much too late, one in a hundred of them, make latencies longer than they are. */
const LATE_MS = 5;
/** A generator that is as busy as this may be what limits. */
const BUSY_GENERATOR = 0.9;

export const SERVER_NAMES: Readonly<Record<ServerKind, string>> = {
  penstock: 'Penstock',
  pointToPoint: 'point to point',
};

/** What makes figures worse than they should be, or not what they seem. */
export function warningsOf(
  { capacity, scenarios }: Pick<StressReport, 'capacity' | 'scenarios'>,
  noise: readonly number[],
): string[] {
  const runs = scenarios.flatMap(({ title, servers }) =>
    SERVERS.map((kind): Run => ({ at: `${title} (${SERVER_NAMES[kind]})`, outcome: servers[kind] })),
  );
  return [
    ...ofMachine(noise),
    ...ofCapacity(capacity),
    ...ofGenerator(runs),
    ...ofAnswers(runs),
    ...ofJobs(runs),
  ];
}

interface Run {
  readonly at: string;
  readonly outcome: Outcome;
}

function ofMachine(noise: readonly number[]): string[] {
  const busiest = Math.max(0, ...noise);
  if (!isNoisy(busiest)) return [];
  return [
    `the machine was busy with something else (${busiest.toFixed(1)} of its cores): latencies are longer than they could be`,
  ];
}

function ofCapacity(capacity: StressReport['capacity']): string[] {
  const limited = SERVERS.filter((kind) => capacity[kind].generatorUtilization > BUSY_GENERATOR);
  return limited.map(
    (kind) =>
      `while the capacity of ${SERVER_NAMES[kind]} was measured, the load generator was busy ${percent(capacity[kind].generatorUtilization)} of the time: the server may be able to do more`,
  );
}

function ofGenerator(runs: readonly Run[]): string[] {
  const late = runs.filter(
    ({ outcome: { generator } }) => generator.lateMs.p99 > LATE_MS || generator.utilization > BUSY_GENERATOR,
  );
  if (late.length === 0) return [];
  const worst = Math.max(...late.map(({ outcome }) => outcome.generator.lateMs.p99));
  return [
    `the load generator was at its limit, and not the server alone, in ${placesOf(late)}: one request in a hundred went out up to ${millis(worst)} after it was due, or later, which its latency includes`,
  ];
}

function ofAnswers(runs: readonly Run[]): string[] {
  const failed = runs.flatMap(({ at, outcome }) => {
    const faults = outcome.streams.flatMap((stream) => Object.entries(stream.failed));
    const told = faults.map(([how, count]) => `${counted(count, 'request')} failed (${how})`);
    return told.length === 0 ? [] : [`${at}: ${told.join(', ')}`];
  });
  const silent = runs.filter(({ outcome }) => outcome.streams.some(({ unanswered }) => unanswered > 0));
  const held = runs.filter(({ outcome }) => outcome.generator.held > 0);
  const most = Math.max(0, ...held.map(({ outcome }) => outcome.generator.mostOutstanding));
  return [
    ...failed,
    ...(silent.length === 0
      ? []
      : [
          `some requests had no answer when the scenario was over, and count with the time waited until then, in ${placesOf(silent)}`,
        ]),
    ...(held.length === 0
      ? []
      : [
          `${counted(most, 'request')} were unanswered at the same time, as many as the generator sends, in ${placesOf(held)}: those after them waited for their turn, which their latencies include`,
        ]),
  ];
}

function ofJobs(runs: readonly Run[]): string[] {
  const early = runs.filter(({ outcome }) => outcome.job?.endedEarly === true);
  return early.length === 0 ? [] : [`the batch job was over before the requests were, in ${placesOf(early)}`];
}

const placesOf = (runs: readonly Run[]): string => runs.map(({ at }) => at).join('; ');
