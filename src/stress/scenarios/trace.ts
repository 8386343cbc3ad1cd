import { UsageError } from '../../util/errors.js';
import { streamTo } from './stream.js';
import type { Scenario } from './types.js';

export const trace: Scenario = {
  name: 'trace',
  title: 'as recorded',
  what: 'The load of a trace file, at its own times.',
  impossible: ({ hasTrace }) => (hasTrace ? undefined : 'it takes a trace file: --trace FILE'),
  plan: (context) => {
    const { trace: file, traced, main, seed } = context;
    if (file === undefined) throw new UsageError('the scenario trace takes a file: --trace FILE');
    const streams = file.streams.map(({ endpoint, arrivals }, i) => {
      const subject = traced.find((one) => one.endpoint === endpoint) ?? main;
      return streamTo(subject, arrivals, { ...context, seed: seed + i });
    });
    // The last request is due at the end: a hair later the time is over.
    return { streams, seconds: file.seconds + 0.001, load: null };
  },
};
