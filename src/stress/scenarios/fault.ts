import type { ServeConfig } from '../../serve/schema.js';
import { streamTo } from './stream.js';
import type { FaultPlan, Scenario } from './types.js';

const LOAD = 0.5;
/** Of the time, when it happens. */
const AT = 0.3;
/** A run that takes this long counts as hung. */
const RUN_TIMEOUT_MS = 1000;

function fault(how: Pick<Scenario, 'name' | 'title' | 'what'>, kind: FaultPlan['kind']): Scenario {
  return {
    ...how,
    impossible: () =>
      process.platform === 'linux'
        ? undefined
        : 'the process of a model is found by /proc, which only Linux has',
    plan: (context) => {
      const { main, seconds, config } = context;
      const arrivals = { kind: 'poisson', perSecond: LOAD * main.capacity } as const;
      return {
        streams: [streamTo(main, arrivals, context)],
        seconds,
        load: null,
        config: isolated(config, main.model),
        fault: { kind, model: main.model, atSeconds: AT * seconds },
      };
    },
  };
}

/** With the model in a process of its own, which may die without the server. */
function isolated(config: ServeConfig, name: string): ServeConfig {
  const served = config.models[name];
  if (served === undefined) return config;
  const model = {
    ...served.model,
    isolation: 'process',
    runTimeoutMs: Math.min(served.model.runTimeoutMs, RUN_TIMEOUT_MS),
  } as const;
  return { ...config, models: { ...config.models, [name]: { ...served, model } } };
}

export const crash = fault(
  {
    name: 'crash',
    title: 'a crash of the model',
    what: 'Requests of 50 %, with the model in a process of its own (isolation: process), which is killed once, as a driver that crashes does.',
  },
  'crash',
);

export const hang = fault(
  {
    name: 'hang',
    title: 'a hang of the model',
    what: `Requests of 50 %, with the model in a process of its own, which stops once and does not go on, as a driver that hangs does. It is given up after ${RUN_TIMEOUT_MS / 1000} s (runTimeoutMs).`,
  },
  'hang',
);
