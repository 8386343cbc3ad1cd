import { z } from 'zod';
import { jobSchema } from './schema.js';

/** A JSON Schema of draft-07. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** For messages, which ask for many sections. */
let ofJobs: JsonSchema | undefined;

/**
 * The JSON Schema of the job file, for editors and other tools: every key with its meaning and default.
 *
 * It is draft-07, since that is what editors understand best: VS Code's support for later drafts is partial, and its
 * YAML extension knew none of them before 1.16. What it refuses, `parseJob` refuses too; the reverse does not hold
 * for rules that JSON Schema can't say, such as ascending buckets.
 */
export function jobJsonSchema(): JsonSchema {
  ofJobs ??= jsonSchemaOf(jobSchema, {
    $id: 'urn:penstock:schema:job',
    title: 'Penstock job file',
    description: 'A batch inference job: a data set in, a data set out. YAML or JSON.',
  });
  return ofJobs;
}

/** The JSON Schema of a document that a user writes. */
export function jsonSchemaOf(
  schema: z.ZodType,
  about: { readonly $id: string; readonly title: string; readonly description: string },
): JsonSchema {
  const { $schema, ...keywords } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      // zod leaves them out where a value is transformed, since they might be of what comes out; ours are of what is written.
      const examples = z.globalRegistry.get(zodSchema)?.examples;
      if (Array.isArray(examples)) jsonSchema.examples = examples;
      // zod's way to say that a whole number has no upper bound: noise in a manual.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return { $schema, ...about, ...keywords };
}

/** The keys that a section of a document may have; undefined for a path without a section or with free names. */
export function keysAt(schema: JsonSchema, path: readonly PropertyKey[]): readonly string[] | undefined {
  let node: unknown = schema;
  for (const part of path) {
    const items = typeof part === 'number' ? field(node, 'items') : undefined;
    node = items ?? field(field(node, 'properties'), String(part)) ?? field(node, 'additionalProperties');
  }
  const properties = field(node, 'properties');
  return properties === undefined ? undefined : Object.keys(properties);
}

/** All keys of a document with a fixed name, dotted: `batch.size`. */
export function dottedKeys(schema: JsonSchema): string[] {
  return (keysAt(schema, []) ?? []).flatMap((section) => [
    section,
    ...(keysAt(schema, [section]) ?? []).map((key) => `${section}.${key}`),
  ]);
}

function field(node: unknown, name: string): object | undefined {
  if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return undefined;
  const value: unknown = Reflect.get(node, name);
  return typeof value === 'object' && value !== null ? value : undefined;
}
