import { UsageError } from '../util/errors.js';
import { readYaml } from './document.js';
import { isSecret } from './rules.js';
import { formatKey, type KeyPath, shorten, show } from './wording.js';

/** One `--set key.path=value`. */
export interface Override {
  readonly key: readonly string[];
  readonly value: unknown;
  /** As messages name it: `--set batch.size=7`. */
  readonly shown: string;
}

/**
 * Reads `key.path=value`. The value is YAML: a scalar (`batch.size=7`), or a list or mapping in brackets
 * (`source.columns=[id, pixels]`). Names with a dot in them can't be reached: set the mapping they stand in.
 *
 * @throws UsageError for another form, or a value that is not YAML
 */
export function parseOverride(text: string): Override {
  const at = text.indexOf('=');
  const key = text.slice(0, Math.max(at, 0)).trim().split('.');
  const shown = key.some(isSecret) ? `--set ${key.join('.')}=…` : `--set ${shorten(text)}`;
  if (key.includes('')) {
    throw new UsageError(`${shown}: expected key.path=value, for instance --set batch.size=32`);
  }
  if (key.includes('__proto__')) {
    throw new UsageError(`${shown}: ${formatKey(key)} is a name that can't be used`, { key: formatKey(key) });
  }
  const { value, faults } = readYaml(text.slice(at + 1));
  const [fault] = faults;
  if (fault !== undefined) {
    throw new UsageError(`${shown}: ${fault.text}`, { key: formatKey(key) });
  }
  return { key, value, shown };
}

/**
 * A copy of `job` with the override in it; sections that are missing or empty are made.
 *
 * @throws UsageError where a key on the way holds something other than a mapping
 */
export function withOverride(job: unknown, override: Override): unknown {
  return put(job, override, 0);
}

// Copies instead of writing in place: an anchor in the file makes two sections the same object.
function put(at: unknown, override: Override, depth: number): unknown {
  const { key, value, shown } = override;
  const name = key[depth];
  if (name === undefined) return value;
  if (at !== undefined && at !== null && (typeof at !== 'object' || Array.isArray(at))) {
    const holder = formatKey(key.slice(0, depth));
    const hint = Array.isArray(at) ? `; set it whole: --set ${holder}=[…]` : '';
    throw new UsageError(`${shown}: ${holder} is ${show(at)}, and has no keys to set${hint}`, {
      key: formatKey(key),
    });
  }
  const section = new Map(Object.entries(at ?? {}));
  section.set(name, put(section.get(name), override, depth + 1));
  return Object.fromEntries(section);
}

/** Whether the override wrote the value at `key`, or something in it. */
export function touches(override: Override, key: KeyPath): boolean {
  const depth = Math.min(override.key.length, key.length);
  return depth > 0 && override.key.slice(0, depth).every((part, index) => part === String(key[index]));
}
