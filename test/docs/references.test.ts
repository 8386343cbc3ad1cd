import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { jobJsonSchema, serveJsonSchema } from 'penstock';
import { describe, expect, test } from 'vitest';
import { examplesOf, inYaml, leaves, type Schema, typeInWords } from '../../scripts/docs/keys.mjs';
import { references } from '../../scripts/docs.mjs';
import { repository } from '../cli/penstock.js';

const generated = await references();
const SCHEMAS = [
  ['the job file', jobJsonSchema() as Schema],
  ['the configuration of serve', serveJsonSchema() as Schema],
] as const;

describe('references that are made of src', () => {
  test.each([...generated.keys()])('%s is what `npm run docs` would write now', (path) => {
    expect(readFileSync(join(repository, path), 'utf8')).toBe(generated.get(path));
  });

  test.each(['docs/report-reference.md', 'docs/api.md'])('%s tells the meaning of everything', (path) => {
    const silent = (generated.get(path) ?? '').split('\n').filter((line) => /^\| .* \| {2}\|$/.test(line));
    expect(silent).toEqual([]);
  });

  test('every export has a docstring', () => {
    const silent = (generated.get('docs/api.md') ?? '').matchAll(/^### (.+)\n\n(?=\||```|#)/gm);
    expect([...silent].map(([, name]) => name)).toEqual([]);
  });
});

describe.each(SCHEMAS)('every key of %s', (_, schema) => {
  const ajv = new Ajv({ strictTypes: false });
  test.each(leaves(schema).map((key) => [key.path, key.schema] as const))(
    '%s has a type, a meaning and examples that fit',
    (_path, key) => {
      expect(key.description).toMatch(/[.]$/);
      expect(typeInWords(key)).not.toBe('anything');
      const examples = examplesOf(key);
      expect(examples.length).toBeGreaterThan(0);
      const validate = ajv.compile(key);
      for (const example of examples) expect(validate(example), inYaml(example)).toBe(true);
    },
  );
});

test.each([
  [{ type: 'integer', minimum: 1 }, 'a whole number, 1 or more'],
  [{ type: 'integer', minimum: 1, maximum: 9 }, 'a whole number from 1 to 9'],
  [{ anyOf: [{ const: 'auto' }, { type: 'integer', minimum: 1 }] }, '`auto` or a whole number, 1 or more'],
  [{ type: 'array', items: { type: 'string' } }, 'a list of texts'],
  [{ type: 'number', exclusiveMinimum: 0 }, 'a number above 0'],
  [{ type: 'object', additionalProperties: { type: 'string' } }, 'a mapping, name → text'],
])('%j is %s', (schema, words) => {
  expect(typeInWords(schema)).toBe(words);
});
