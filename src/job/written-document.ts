import path from 'node:path';
import { UsageError } from '../util/errors.js';
import { readYaml } from './document.js';
import { type Fault, fail, type Kind, notAThing, type Origin } from './faults.js';
import { parseOverride, touches, withOverride } from './overrides.js';
import { readText } from './read-text.js';

/** A document as a user wrote it, not checked yet. */
export interface WrittenDocument {
  readonly value: unknown;
  /** Where relative paths start. */
  readonly baseDir: string;
  /** What it is called where it does not say so itself. */
  readonly name: string;
  readonly originOf: (fault: Fault) => Origin;
}

/**
 * Reads a file in YAML or JSON, and puts overrides, `key.path=value`, into it.
 *
 * @throws UsageError that names file and line, where it can't be read or is no mapping
 */
export async function readDocument(
  file: string,
  set: readonly string[],
  kind: Kind,
): Promise<WrittenDocument> {
  const yaml = readYaml(await readText(file, kind.file), kind.file);
  const at = (line: number): Origin => ({ prefix: `${file}:${line}: `, file, line });
  if (yaml.faults.length > 0) {
    const origins = new Map<Fault, Origin>(yaml.faults.map((fault) => [fault, at(fault.line)]));
    fail(yaml.faults, (fault) => origins.get(fault) ?? at(1));
  }
  if (yaml.value === null) throw new UsageError(`${file}: is empty`, { file, hint: kind.begin });
  if (typeof yaml.value !== 'object' || Array.isArray(yaml.value)) {
    fail([{ key: [], text: notAThing(yaml.value, kind) }], () => at(yaml.lineOf([])));
  }
  const { mark, other } = kind;
  if (other.mark in yaml.value && !(mark in yaml.value)) {
    throw new UsageError(`${file}: is ${other.file}, expected ${kind.file}`, {
      file,
      hint: `Did you mean penstock ${other.command} ${file}?`,
    });
  }
  const overrides = set.map(parseOverride);
  return {
    value: overrides.reduce(withOverride, yaml.value),
    baseDir: path.dirname(path.resolve(file)),
    name: path.parse(file).name,
    originOf: ({ key }) => {
      const override = overrides.findLast((candidate) => touches(candidate, key));
      return override === undefined ? at(yaml.lineOf(key)) : { prefix: `${override.shown}: ` };
    },
  };
}
