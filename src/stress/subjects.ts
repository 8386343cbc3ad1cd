import { suggest } from '../job/suggest.js';
import type { EndpointSpec, ServeConfig } from '../serve/schema.js';
import { UsageError } from '../util/errors.js';

/** An endpoint of a configuration. */
export interface ConfiguredEndpoint {
  readonly name: string;
  /** The name of its model. */
  readonly model: string;
  readonly spec: EndpointSpec;
}

export function endpointsOf({ models }: ServeConfig): ConfiguredEndpoint[] {
  return Object.entries(models).flatMap(([model, { endpoints }]) =>
    Object.entries(endpoints).map(([name, spec]) => ({ name, model, spec })),
  );
}

/**
 * The endpoint that most requests go to: the one that is asked for, else the first of those whose class comes first.
 *
 * @throws UsageError where there is none of that name
 */
export function mainEndpoint(config: ServeConfig, name: string | undefined): ConfiguredEndpoint {
  const all = endpointsOf(config);
  const first = Math.min(...all.map(({ spec }) => spec.priority));
  const found = all.find((one) => (name === undefined ? one.spec.priority === first : one.name === name));
  if (found !== undefined) return found;
  const names = all.map((one) => one.name);
  const meant = name === undefined ? undefined : suggest(name, names);
  throw new UsageError(
    `there is no endpoint ${name}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    {
      hint: `There ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}.`,
    },
  );
}

/** One to compete with it: of a class that comes later, else with another weight or deadline, else any other. */
export function rivalOf(config: ServeConfig, main: ConfiguredEndpoint): ConfiguredEndpoint | undefined {
  const others = endpointsOf(config).filter(({ name }) => name !== main.name);
  const { priority, weight, deadlineMs } = main.spec;
  return (
    others.find(({ spec }) => spec.priority !== priority) ??
    others.find(({ spec }) => spec.weight !== weight || spec.deadlineMs !== deadlineMs) ??
    others[0]
  );
}
