import { streamTo } from './stream.js';
import type { Scenario } from './types.js';

const CALM_LOAD = 0.3;
const FACTOR = 10;
/** Of the time, in the middle. */
const BURST_SHARE = 0.1;

export const burst: Scenario = {
  name: 'burst',
  title: '10 × burst',
  what: 'A calm load of 30 %, and in the middle of it, for a tenth of the time, ten times as many: three times what Penstock can answer.',
  plan: (context) => {
    const { main, seconds } = context;
    const burstSeconds = BURST_SHARE * seconds;
    const arrivals = {
      kind: 'bursty',
      perSecond: CALM_LOAD * main.capacity,
      factor: FACTOR,
      calmSeconds: (seconds - burstSeconds) / 2,
      burstSeconds,
    } as const;
    return { streams: [streamTo(main, arrivals, context)], seconds, load: null };
  },
};
