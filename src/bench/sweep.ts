import { readYaml } from '../job/document.js';
import { parseJob } from '../job/load.js';
import { withOverride } from '../job/overrides.js';
import type { Job } from '../job/schema.js';
import { UsageError } from '../util/errors.js';

/** So many combinations are measured at most: more take too long, and nobody reads the table. */
const MOST_COMBINATIONS = 64;

/** Values of a key that are to be tried. */
export interface SweepAxis {
  /** Dotted, as in the job file: `batch.size`. */
  readonly key: string;
  /** As the job file would have them. */
  readonly values: readonly unknown[];
}

/** A job with one value for each key. */
export interface Combination {
  readonly values: Readonly<Record<string, unknown>>;
  readonly job: Job;
}

/**
 * Reads `key.path=value,value,…`. Values are YAML, as those of `--set` are: `batch.size=1,2,4`,
 * `model.providers=[cpu],[webgpu]`.
 *
 * @throws UsageError for another form
 */
export function parseSweep(text: string): SweepAxis {
  const at = text.indexOf('=');
  const key = text.slice(0, Math.max(0, at)).trim();
  const example = 'expected key.path=value,value,…, for instance --sweep batch.size=1,2,4,8';
  if (key === '' || key.split('.').includes('')) throw new UsageError(`--sweep ${text}: ${example}`);
  const { value, faults } = readYaml(`[${text.slice(at + 1)}]`);
  const [fault] = faults;
  if (fault !== undefined) throw new UsageError(`--sweep ${text}: ${fault.text}`, { key });
  const values = Array.isArray(value) ? (value as unknown[]) : [];
  if (values.length === 0) throw new UsageError(`--sweep ${text}: ${example}`, { key });
  return { key, values };
}

/**
 * Every combination of the axes' values, as jobs; relative paths in values start at `baseDir`.
 *
 * @throws UsageError where there are too many, a key is there twice, or a job of one of them can't be
 */
export function combinationsOf(job: Job, axes: readonly SweepAxis[], baseDir: string): Combination[] {
  const twice = axes.find(({ key }, i) => axes.findIndex((other) => other.key === key) !== i);
  if (twice !== undefined) {
    throw new UsageError(`--sweep ${twice.key}: is there twice: give all values at once, with commas`, {
      key: twice.key,
    });
  }
  const count = axes.reduce((product, { values }) => product * values.length, 1);
  if (count > MOST_COMBINATIONS) {
    const factors = axes.map(({ values }) => values.length).join(' × ');
    throw new UsageError(
      `--sweep: ${factors} = ${count} combinations are more than the ${MOST_COMBINATIONS} that one bench runs`,
      { hint: 'Give fewer values, or sweep one key after another.' },
    );
  }
  const all = axes.reduce<Record<string, unknown>[]>(
    (before, { key, values }) => before.flatMap((one) => values.map((value) => ({ ...one, [key]: value }))),
    [{}],
  );
  return all.map((values) => ({ values, job: withValues(job, values, baseDir) }));
}

function withValues(job: Job, values: Readonly<Record<string, unknown>>, baseDir: string): Job {
  const entries = Object.entries(values);
  const changed = entries.reduce<unknown>(
    (before, [key, value]) => withOverride(before, { key: key.split('.'), value, shown: `--sweep ${key}` }),
    job,
  );
  try {
    return parseJob(changed, { baseDir });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const shown = entries.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(' ');
    const details = error.hint === undefined ? error.place : { ...error.place, hint: error.hint };
    throw new UsageError(`--sweep ${shown}: ${error.message}`, details);
  }
}
