import { z } from 'zod';
import { jobSchema } from './schema.js';

export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/**
 * The JSON Schema of the job file, for editors and other tools: every key with its meaning and default.
 *
 * It is draft-07, since that is what editors understand best: VS Code's support for later drafts is partial, and its
 * YAML extension knew none of them before 1.16. What it refuses, `parseJob` refuses too; the reverse does not hold
 * for rules that JSON Schema can't say, such as ascending buckets.
 */
export function jobJsonSchema(): JsonSchema {
  const { $schema, ...keywords } = z.toJSONSchema(jobSchema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      // zod's way to say that a whole number has no upper bound: noise in a manual.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return {
    $schema,
    $id: 'urn:penstock:schema:job',
    title: 'Penstock job file',
    description: 'A batch inference job: a data set in, a data set out. YAML or JSON.',
    ...keywords,
  };
}

/** For messages, which ask for many sections. */
let generated: JsonSchema | undefined;

/** The keys that a section of the job file may have; undefined for a path without a section or with free names. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] | undefined {
  generated ??= jobJsonSchema();
  let node: unknown = generated;
  for (const part of path)
    node = field(field(node, 'properties'), String(part)) ?? field(node, 'additionalProperties');
  const properties = field(node, 'properties');
  return properties === undefined ? undefined : Object.keys(properties);
}

/** All keys of the job file with a fixed name, dotted: `batch.size`. */
export function dottedKeys(): string[] {
  return (keysAt([]) ?? []).flatMap((section) => [
    section,
    ...(keysAt([section]) ?? []).map((key) => `${section}.${key}`),
  ]);
}

function field(node: unknown, name: string): object | undefined {
  if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return undefined;
  const value: unknown = Reflect.get(node, name);
  return typeof value === 'object' && value !== null ? value : undefined;
}
