import { percent } from '../../util/figures.js';
import { streamTo } from './stream.js';
import type { Scenario } from './types.js';

const WHAT: Readonly<Record<string, string>> = {
  '2': 'Twice as many requests as Penstock can answer: what matters is that it answers as many as it can, in time, and says no to the rest at once.',
};

/** Independent clients, as many as take a share of what Penstock can do. */
export function steady(share: number): Scenario {
  return {
    name: share > 1 ? 'overload' : `steady-${Math.round(share * 100)}`,
    title: share > 1 ? `overload, ${percent(share)}` : `steady, ${percent(share)}`,
    what:
      WHAT[share] ??
      `Requests of independent clients, ${percent(share)} of what Penstock can answer, for all of the time.`,
    plan: (context) => {
      const { main, seconds } = context;
      return {
        streams: [streamTo(main, { kind: 'poisson', perSecond: share * main.capacity }, context)],
        seconds,
        load: share,
      };
    },
  };
}
