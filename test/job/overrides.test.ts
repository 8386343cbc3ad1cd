import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseOverride, withOverride } from '../../src/job/overrides.js';
import { UsageError } from '../../src/util/errors.js';
import { jobFolder, LEAST } from './job-files.js';

const folder = jobFolder();

describe('--set', () => {
  test.each([
    ['batch.size=7', { batch: { size: 7 } }],
    ['name=nightly', { name: 'nightly' }],
    ['name="7"', { name: '7' }],
    ['source.columns=[id, pixels]', { source: { columns: ['id', 'pixels'] } }],
    ['model.options.intraOpNumThreads=5', { model: { options: { intraOpNumThreads: 5 } } }],
    ['model.options={extra: {a: {b: 1}}}', { model: { options: { extra: { a: { b: 1 } } } } }],
    ['inputs.image={column: pixels}', { inputs: { image: { column: 'pixels' } } }],
    ['source.uri=s3://bucket/a=b', { source: { uri: 's3://bucket/a=b' } }],
  ])('%s takes the value for YAML', async (override, expected) => {
    expect(await folder.load(LEAST, [override])).toMatchObject(expected);
  });

  test('keeps the rest of the section', async () => {
    const job = await folder.load(`${LEAST}batch: { size: 8, order: fixed }`, ['batch.size=7']);
    expect(job.batch).toMatchObject({ size: 7, order: 'fixed' });
  });

  test('mends what is wrong in the file', async () => {
    const job = await folder.load(`${LEAST}batch: { size: many }\nring:\n`, ['batch.size=7', 'ring.slots=4']);
    expect(job).toMatchObject({ batch: { size: 7 }, ring: { slots: 4 } });
  });

  test('holds by the last for a key', async () => {
    expect((await folder.load(LEAST, ['batch.size=7', 'batch.size=9'])).batch.size).toBe(9);
  });

  test('starts relative paths at the folder of the job file', async () => {
    expect((await folder.load(LEAST, ['sink.uri=out'])).sink.uri).toBe(folder.path('out'));
  });

  test('changes one of two sections that share an anchor', async () => {
    const { inputs } = await folder.load(`${LEAST}inputs: { a: &a { column: x }, b: *a }`, [
      'inputs.b.column=y',
    ]);
    expect(inputs).toMatchObject({ a: { column: 'x' }, b: { column: 'y' } });
  });
});

describe('a wrong --set', () => {
  const FORM = 'expected key.path=value, for instance --set batch.size=32';

  test.each([
    ['batch.size=x', 'batch.size: expected auto or a whole number from 1 to 32767, got "x"', 'batch.size'],
    ['batch.size=', 'batch.size: expected auto or a whole number from 1 to 32767, got nothing', 'batch.size'],
    ['batch.sizes=7', 'batch.sizes is not a key of a job file; did you mean batch.size?', 'batch.sizes'],
    ['sizes.x=7', /^sizes is not a key/, 'sizes'],
    ['inputs={id: {std: 0}}', 'inputs.id.std must not be 0', 'inputs.id.std'],
    ['name.x=1', 'name is "j", and has no keys to set', 'name.x'],
    [
      'source.columns.0=b',
      'source.columns is a list, and has no keys to set; set it whole: --set source.columns=[…]',
      'source.columns.0',
    ],
    ['batch.size=[1', 'not valid YAML: Flow sequence must end with a ]', 'batch.size'],
    [
      'batch.size=a: b: c',
      'not valid YAML: Nested mappings are not allowed in compact mappings',
      'batch.size',
    ],
    ['batch.size', FORM, undefined],
    ['=1', FORM, undefined],
    ['batch..size=1', FORM, undefined],
    ['', FORM, undefined],
    ['__proto__.polluted=1', "__proto__.polluted is a name that can't be used", '__proto__.polluted'],
    ['model.options={__proto__: {polluted: 1}}', "__proto__ is a name that can't be used", 'model.options'],
    ['constructor.prototype.polluted=1', /^constructor is not a key of a job file/, 'constructor'],
  ])('%j is named, instead of a line', async (override, expected, key) => {
    const { message, place } = await folder.refusal(
      `name: j\n${LEAST.replace('uri: a.arrow', 'uri: a, columns: [id]')}`,
      [override],
    );
    const prefix = `--set ${override}: `;
    expect(message.startsWith(prefix)).toBe(true);
    expect(message.slice(prefix.length)).toMatch(expected);
    expect(place).toEqual(key === undefined ? {} : { key });
    expect({}).not.toHaveProperty('polluted');
  });

  test('comes after what is wrong in the file', async () => {
    const { message } = await folder.refusal(`${LEAST}producers: 0\n`, ['batch.size=x']);
    expect(message.split('\n').map((line) => line.split(': ')[0])).toEqual([
      'job.yaml:4',
      '--set batch.size=x',
    ]);
  });

  test('does not repeat a secret', async () => {
    const { message } = await folder.refusal(LEAST, ['source.storage.session_token=hush']);
    expect(message).toMatch(
      /^--set source\.storage\.session_token=…: source\.storage\.session_token is a secret/,
    );
    expect(message).not.toContain('hush');
  });
});

describe('an override', () => {
  const word = fc.stringMatching(/^[A-Za-z_$][\w$-]{0,8}$/).filter((name) => name !== '__proto__');
  const key = fc.array(word, { minLength: 1, maxLength: 4 });
  const value = fc.jsonValue().filter((json) => !JSON.stringify(json).includes('__proto__'));
  const get = (tree: unknown, path: readonly string[]): unknown =>
    path.reduce(
      (at, part) =>
        Object(at) === at && Object.hasOwn(Object(at), part) ? Reflect.get(Object(at), part) : undefined,
      tree,
    );

  test('puts any JSON value at any key, and nothing else', () => {
    fc.assert(
      fc.property(key, value, (path, json) => {
        const before = { kept: { here: 1 } };
        const after = withOverride(before, parseOverride(`${path.join('.')}=${JSON.stringify(json)}`));
        expect(get(after, path)).toEqual(JSON.parse(JSON.stringify(json)));
        if (path[0] !== 'kept') expect(get(after, ['kept'])).toBe(before.kept);
        expect(before).toEqual({ kept: { here: 1 } });
      }),
      { examples: [[['constructor', 'prototype', 'x'], 1]] },
    );
    expect({}).not.toHaveProperty('x');
  });

  test('of any text either parses or is refused as wrong usage', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(word, fc.string()).map((parts) => parts.join('=')),
    );
    fc.assert(
      fc.property(text, (override) => {
        try {
          parseOverride(override);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
    );
  });
});
