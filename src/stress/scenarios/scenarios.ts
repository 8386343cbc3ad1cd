import { suggest } from '../../job/suggest.js';
import { UsageError } from '../../util/errors.js';
import { burst } from './burst.js';
import { competing } from './competing.js';
import { crash, hang } from './fault.js';
import { jobBeside, slowStorage } from './job.js';
import { ramp } from './ramp.js';
import { steady } from './steady.js';
import { trace } from './trace.js';
import type { Scenario } from './types.js';

/** In the order in which they are run and told of. */
export const SCENARIOS: readonly Scenario[] = [
  steady(0.3),
  steady(0.5),
  steady(0.8),
  steady(0.95),
  steady(2),
  ramp,
  burst,
  competing,
  jobBeside,
  slowStorage,
  crash,
  hang,
  trace,
];

/**
 * Those of these names, or all, in the order of the list.
 *
 * @throws UsageError for a name that is none
 */
export function scenariosOf(names: readonly string[]): readonly Scenario[] {
  const known = SCENARIOS.map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const meant = suggest(name, known);
    throw new UsageError(
      `--scenario: there is no scenario ${name}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
      {
        hint: `There are ${known.join(', ')}.`,
      },
    );
  }
  return names.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => names.includes(name));
}
