import { isNoisy } from '../bench/noise.js';
import { counted, millis, percent } from '../util/figures.js';
import { MOST_OUTSTANDING } from './run-scenario.js';
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
  const warnings: string[] = [];
  const busiest = Math.max(0, ...noise);
  if (isNoisy(busiest))
    warnings.push(
      `the machine was busy with something else (${busiest.toFixed(1)} of its cores): latencies are longer than they could be`,
    );
  for (const kind of SERVERS) {
    const { generatorUtilization } = capacity[kind];
    if (generatorUtilization > BUSY_GENERATOR)
      warnings.push(
        `while the capacity of ${SERVER_NAMES[kind]} was measured, the load generator was busy ${percent(generatorUtilization)} of the time: the server may be able to do more`,
      );
  }
  for (const { title, servers } of scenarios) {
    for (const kind of SERVERS) {
      const at = `${title}, ${SERVER_NAMES[kind]}`;
      warnings.push(...ofGenerator(at, servers[kind]), ...ofAnswers(at, servers[kind]));
    }
  }
  return warnings;
}

function ofGenerator(at: string, { generator }: Outcome): string[] {
  const { lateMs, utilization } = generator;
  if (lateMs.p99 <= LATE_MS && utilization <= BUSY_GENERATOR) return [];
  return [
    `${at}: the load generator was at its limit, not the server alone: it was busy ${percent(utilization)} of the time, and one request in a hundred went out ${millis(lateMs.p99)} or more after it was due`,
  ];
}

function ofAnswers(at: string, { streams, generator, job }: Outcome): string[] {
  const failed = streams.flatMap((stream) => Object.entries(stream.failed));
  const unanswered = streams.reduce((sum, stream) => sum + stream.unanswered, 0);
  return [
    ...(failed.length === 0
      ? []
      : [
          `${at}: ${failed.map(([how, count]) => `${counted(count, 'request')} failed (${how})`).join(', ')}`,
        ]),
    ...(unanswered === 0
      ? []
      : [
          `${at}: ${counted(unanswered, 'request')} had no answer when the scenario was over; ${unanswered === 1 ? 'it counts' : 'they count'} with the time waited until then`,
        ]),
    ...(generator.held === 0
      ? []
      : [
          `${at}: ${counted(MOST_OUTSTANDING, 'request')} were unanswered at the same time, as many as the generator sends; ${counted(generator.held, 'request')} waited for their turn, which their latencies include`,
        ]),
    ...(job?.endedEarly ? [`${at}: the batch job was over before the requests were`] : []),
  ];
}
