import { type ScenarioReport, SERVERS, type ServerKind } from '../../stress/types.js';

/** What stands for which server, everywhere on the page: a colour, a line (or a dash), a shape. */
export const MARKS: Readonly<Record<ServerKind, string>> = { penstock: 'penstock', pointToPoint: 'peer' };

export { SERVER_NAMES as NAMES } from '../../stress/warnings.js';

/** What becomes of requests, in the order in which it is stacked. */
export const FATES = [
  { key: 'good', name: 'in time', mark: 'busy', meaning: 'answered within the deadline' },
  { key: 'late', name: 'late', mark: 'prep', meaning: 'answered after the deadline' },
  {
    key: 'refused',
    name: 'refused',
    mark: 'wait',
    meaning: 'told at once, or in the queue, that there is no time',
  },
  { key: 'lost', name: 'lost', mark: 'blocked', meaning: 'failed, or without an answer at the end' },
] as const;
export type Fate = (typeof FATES)[number]['key'];

/** Requests of all streams of a server, by what became of them. */
export function fatesOf(scenario: ScenarioReport, kind: ServerKind): Readonly<Record<Fate, number>> {
  const fates = { good: 0, late: 0, refused: 0, lost: 0 };
  for (const { good, answered, refused, due } of scenario.servers[kind].streams) {
    const no = Object.values(refused).reduce((sum, count) => sum + count, 0);
    fates.good += good;
    fates.late += answered - good;
    fates.refused += no;
    fates.lost += due - answered - no;
  }
  return fates;
}

export { SERVERS };
