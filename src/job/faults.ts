import type { z } from 'zod';
import { type ErrorDetails, UsageError } from '../util/errors.js';
import { dottedKeys, type JsonSchema, jobJsonSchema, keysAt } from './json-schema.js';
import { suggest, suggestElsewhere } from './suggest.js';
import { formatKey, type KeyPath, listOf, show } from './wording.js';

/** What kind of document is faulty. */
export interface Kind {
  /** `a job`: what the whole of it is. */
  readonly thing: string;
  /** `a job file` */
  readonly file: string;
  readonly schema: () => JsonSchema;
  /** What to do about one in which nothing is written yet. */
  readonly begin: string;
  /** A key that every such document has, and none of the other kind. */
  readonly mark: string;
  /** The other kind, by its own mark, and the command that takes it. */
  readonly other: { readonly mark: string; readonly file: string; readonly command: string };
}

export const JOB: Kind = {
  thing: 'a job',
  file: 'a job file',
  schema: jobJsonSchema,
  begin:
    'Write at least source.uri, model.uri and sink.uri; penstock inspect DATA --model MODEL proposes the inputs.',
  mark: 'source',
  other: { mark: 'models', file: 'a serve configuration', command: 'serve' },
};

/** One thing that is wrong with a job: a whole sentence. */
export interface Fault {
  readonly key: KeyPath;
  readonly text: string;
}

/** Where a fault is to be looked for. */
export interface Origin {
  /** Stands before the sentence: `job.yaml:12: `, `--set batch.size=x: `. */
  readonly prefix: string;
  readonly file?: string;
  readonly line?: number;
}

/** Throws all faults as one UsageError, a line each, in the order of the file; the first gives the place. */
export function fail(faults: readonly Fault[], originOf: (fault: Fault) => Origin): never {
  const located = faults
    .map((fault) => ({ fault, origin: originOf(fault) }))
    .sort((a, b) => (a.origin.line ?? Infinity) - (b.origin.line ?? Infinity) || 0);
  const lines = new Set(located.map(({ fault, origin }) => origin.prefix + fault.text));
  const [first] = located;
  const details: ErrorDetails = {
    ...(first?.origin.file !== undefined && { file: first.origin.file }),
    ...(first?.origin.line !== undefined && { line: first.origin.line }),
    ...(first !== undefined && first.fault.key.length > 0 && { key: formatKey(first.fault.key) }),
  };
  throw new UsageError([...lines].join('\n'), details);
}

/** zod's error map: the phrase that follows «expected», where the field in the schema has none of its own. */
export function phraseOf(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_value') return listOf(issue.values.map(String), 'or');
  if (issue.code !== 'invalid_type') return undefined;
  return issue.expected === 'object' || issue.expected === 'record' ? 'a mapping' : issue.expected;
}

/** What zod found in `job`, or a document of another kind, in sentences. */
export function faultsOf(error: z.ZodError, job: unknown, kind: Kind = JOB): Fault[] {
  return error.issues.flatMap((issue) => {
    const { path: key, message } = issue;
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((name) => unknownKey(key, name, kind));
      case 'custom':
        return [{ key, text: `${formatKey(key)} ${message}` }];
      case 'invalid_key':
        return [{ key, text: `${formatKey(key)}: a name has at least one character` }];
      default: {
        const value = valueAt(job, key);
        if (key.length === 0) return [{ key, text: notAThing(value, kind) }];
        if (value === undefined) return [{ key, text: `${formatKey(key)} is missing: expected ${message}` }];
        const meant = whatValueWasMeant(issue, value);
        const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
        return [{ key, text: `${formatKey(key)}: expected ${message}, got ${show(value)}${hint}` }];
      }
    }
  });
}

function whatValueWasMeant(issue: z.core.$ZodIssue, value: unknown): string | undefined {
  if (issue.code === 'invalid_value') return suggest(String(value), issue.values.map(String));
  // YAML makes numbers of names such as 2024.
  const bare = typeof value === 'number' || typeof value === 'boolean';
  return bare && issue.code === 'invalid_type' && issue.expected === 'string' ? `"${value}"` : undefined;
}

export function notAThing(value: unknown, { thing, schema }: Kind): string {
  return `${thing} is a mapping of the keys ${listOf(keysAt(schema(), []) ?? [], 'and')}, got ${show(value)}`;
}

function unknownKey(section: KeyPath, name: string, kind: Kind): Fault {
  const key = [...section, name];
  return {
    key,
    text: `${formatKey(key)} is not a key of ${kind.file}; ${whatWasMeant(section, name, kind)}`,
  };
}

function whatWasMeant(section: KeyPath, name: string, { thing, schema }: Kind): string {
  const known = keysAt(schema(), section) ?? [];
  const elsewhere = suggestElsewhere(name, dottedKeys(schema()));
  if (elsewhere.length > 0) return `did you mean ${listOf(elsewhere, 'or')}?`;
  const meant = suggest(name, known);
  if (meant !== undefined) return `did you mean ${formatKey([...section, meant])}?`;
  return `${section.length === 0 ? thing : formatKey(section)} has ${listOf(known, 'and')}`;
}

/** What stands at a path, inherited properties aside. */
export function valueAt(value: unknown, path: KeyPath): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = Reflect.get(at, part);
  }
  return at;
}
