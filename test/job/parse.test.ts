import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseJob } from '../../src/job/load.js';
import type { Job, JobInput } from '../../src/job/schema.js';
import { thrownBy } from './job-files.js';

const LEAST = {
  source: { uri: 'a' },
  model: { uri: 'm' },
  sink: { format: 'none' },
} as const satisfies JobInput;

describe('a job from a program', () => {
  test('starts its relative paths at the base directory, by default the current one', () => {
    expect(parseJob(LEAST, { baseDir: '/data' }).source.uri).toBe('/data/a');
    expect(parseJob(LEAST, { baseDir: 'data' }).model.uri).toBe(path.resolve('data/m'));
    expect(parseJob(LEAST).source.uri).toBe(path.resolve('a'));
  });

  test('starts the paths among the options of its runtime there too', () => {
    const model = { uri: 'm', options: { optimizedModelFilePath: 'o.onnx', logId: 'a/b' } };
    expect(parseJob({ ...LEAST, model }, { baseDir: '/data' }).model.options).toEqual({
      optimizedModelFilePath: '/data/o.onnx',
      logId: 'a/b',
    });
  });

  test('is called job, unless it or its caller says otherwise', () => {
    expect(parseJob(LEAST).name).toBe('job');
    expect(parseJob(LEAST, { name: 'nightly' }).name).toBe('nightly');
    expect(parseJob({ ...LEAST, name: 'mine' }, { name: 'nightly' }).name).toBe('mine');
  });

  test('may say undefined for what it leaves out', () => {
    const source = { uri: 'a', limit: undefined };
    expect(parseJob({ ...LEAST, source, transform: undefined, name: undefined })).toEqual(parseJob(LEAST));
    expect(parseJob({ ...LEAST, source }).source).not.toHaveProperty('limit');
  });

  test('is not changed', () => {
    const input = structuredClone(LEAST);
    parseJob(input);
    expect(input).toEqual(LEAST);
  });

  test('that was parsed parses to itself', () => {
    const job: Job = parseJob({ ...LEAST, inputs: { x: { column: 'y' } }, outputs: { z: { as: 'w' } } });
    expect(parseJob(job, { baseDir: '/elsewhere' })).toEqual(job);
  });

  test('is refused with the keys, without a file', async () => {
    const error = await thrownBy(() => parseJob({ ...LEAST, batch: { size: 'many', sizes: 1 } }));
    expect(error.message.split('\n')).toEqual([
      'batch.size: expected auto or a whole number from 1 to 32767, got "many"',
      'batch.sizes is not a key of a job file; did you mean batch.size?',
    ]);
    expect(error.place).toEqual({ key: 'batch.size' });
  });

  test.each([
    [undefined, 'nothing'],
    [null, 'nothing'],
    [[], 'an empty list'],
    ['job.yaml', '"job.yaml"'],
    [() => LEAST, 'a function'],
  ])('is a mapping, not %s', async (input, shown) => {
    const error = await thrownBy(() => parseJob(input));
    expect(error.message).toMatch(/^a job is a mapping of the keys name, /);
    expect(error.message.endsWith(`, got ${shown}`)).toBe(true);
  });

  test.each([
    ['inputs.__proto__', '{"inputs":{"__proto__":{}}}'],
    ['model.options.__proto__', '{"model":{"uri":"m","options":{"__proto__":{"polluted":1}}}}'],
  ])('cannot use the name %s', async (key, json) => {
    const error = await thrownBy(() => parseJob({ ...LEAST, ...JSON.parse(json) }));
    expect(error.message).toBe(`${key} is a name that can't be used`);
    expect({}).not.toHaveProperty('polluted');
  });
});
