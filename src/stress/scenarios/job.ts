import { whyNoJob } from '../data/job.js';
import { streamTo } from './stream.js';
import type { JobPlan, Scenario } from './types.js';

/** Beside the job, as much as in `steady-30`, which shows the same requests alone. */
const LOAD_BESIDE = 0.3;
/** How long each request of a slow storage takes to be answered. */
const STORAGE_DELAY_MS = 50;

function beside(how: Pick<Scenario, 'name' | 'title' | 'what'>, job: JobPlan): Scenario {
  return {
    ...how,
    impossible: ({ main, noStorage }) =>
      whyNoJob(main.request) ?? (job.storageDelayMs === null ? undefined : noStorage),
    plan: (context) => {
      const { main, seconds } = context;
      const arrivals = { kind: 'poisson', perSecond: LOAD_BESIDE * main.capacity } as const;
      return { streams: [streamTo(main, arrivals, context)], seconds, load: null, job };
    },
  };
}

export const jobBeside = beside(
  {
    name: 'job',
    title: 'a batch job beside',
    what: 'Requests of 30 %, and a batch job on the same device that takes what they leave free. Point to point, it is a client that sends its rows in full batches, one after another.',
  },
  { storageDelayMs: null },
);

export const slowStorage = beside(
  {
    name: 'slow-storage',
    title: 'slow storage',
    what: `The same, but the job reads from an object storage that takes ${STORAGE_DELAY_MS} ms for each answer. It must not slow down the requests.`,
  },
  { storageDelayMs: STORAGE_DELAY_MS },
);
