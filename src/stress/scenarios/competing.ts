import { streamTo } from './stream.js';
import type { Scenario } from './types.js';

const LOAD = 0.6;

export const competing: Scenario = {
  name: 'competing',
  title: 'competing streams',
  what: 'Two endpoints at once, each with 60 % of what it could have alone: together more than can be answered. What gives way is decided by their classes.',
  impossible: ({ hasRival }) =>
    hasRival ? undefined : 'it takes two endpoints, and this configuration has one',
  plan: (context) => {
    const { main, rival = main, seconds, seed } = context;
    const streams = [main, rival].map((subject, i) =>
      streamTo(
        subject,
        { kind: 'poisson', perSecond: LOAD * subject.capacity },
        { ...context, seed: seed + i },
      ),
    );
    return { streams, seconds, load: null };
  },
};
