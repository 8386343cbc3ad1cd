import { streamTo } from './stream.js';
import type { Scenario } from './types.js';

const FROM = 0.1;
const TO = 1.5;

export const ramp: Scenario = {
  name: 'ramp',
  title: 'ramp to 150 %',
  what: 'From 10 % of what Penstock can answer to 150 %, in a straight line.',
  plan: (context) => {
    const { main, seconds } = context;
    const { capacity } = main;
    const arrivals = { kind: 'ramp', from: FROM * capacity, to: TO * capacity, seconds } as const;
    return { streams: [streamTo(main, arrivals, context)], seconds, load: null };
  },
};
