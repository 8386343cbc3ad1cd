import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { globSync } from 'tinyglobby';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { repository } from '../cli/penstock.js';

// As a language server does it: the schema that the first line of a file names, by its path, and ajv in place of the
// server's own validator, which follows the same draft.

const FILES = globSync('examples/**/*.yaml', {
  cwd: repository,
  ignore: ['**/out/**', 'examples/kubernetes/**'],
}).sort();
const MODELINE = /^# yaml-language-server: \$schema=(\S+)$/m;

function schemaOf(file: string): string {
  const [, path = ''] = MODELINE.exec(readFileSync(join(repository, file), 'utf8')) ?? [];
  return join(repository, dirname(file), path);
}

const validators = new Map<string, ValidateFunction>();

function validatorOf(file: string): ValidateFunction {
  const schema = schemaOf(file);
  const validator =
    validators.get(schema) ??
    new Ajv({ strictTypes: false, allErrors: true }).compile(JSON.parse(readFileSync(schema, 'utf8')));
  validators.set(schema, validator);
  return validator;
}

describe.each(FILES)('%s', (file) => {
  test('names a schema that is in the package', () => {
    expect(schemaOf(file)).toMatch(/docs\/schema\/(job|serve)\.json$/);
    expect(existsSync(schemaOf(file))).toBe(true);
  });

  test('has no error in an editor', () => {
    const validate = validatorOf(file);
    expect(
      validate(parse(readFileSync(join(repository, file), 'utf8'))),
      JSON.stringify(validate.errors),
    ).toBe(true);
  });
});

test.each([
  ['a key that there is not', '  size: 64', '  sise: 64', '/batch', 'must NOT have additional properties'],
  ['a word for a number', 'slots: 8', 'slots: many', '/ring/slots', 'must be integer'],
  [
    'a word that is none of those',
    'format: arrow',
    'format: arow',
    '/sink/format',
    'must be equal to one of the allowed values',
  ],
  ['a section that is missing', 'model:\n', 'modell:\n', '', "must have required property 'model'"],
])('an editor marks %s', (_, right, wrong, place, message) => {
  const file = 'examples/digits/job.yaml';
  const text = readFileSync(join(repository, file), 'utf8');
  expect(text).toContain(right);
  const validate = validatorOf(file);
  expect(validate(parse(text.replace(right, wrong)))).toBe(false);
  const marks = validate.errors?.map(({ instancePath, message: said }) => [instancePath, said]);
  expect(marks).toContainEqual([place, message]);
});
