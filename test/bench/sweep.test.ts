import { describe, expect, test } from 'vitest';
import { combinationsOf, parseSweep } from '../../src/bench/sweep.js';
import { parseJob } from '../../src/job/load.js';

const JOB = parseJob({
  source: { uri: 'data.arrow' },
  model: { runtime: 'simulated' },
  inputs: { x: { shape: [4] } },
  sink: { format: 'none' },
});

const combine = (...texts: readonly string[]) => combinationsOf(JOB, texts.map(parseSweep), '.');

describe('a sweep', () => {
  test.each([
    ['batch.size=1,2,4', { key: 'batch.size', values: [1, 2, 4] }],
    ['batch.order=any,fixed', { key: 'batch.order', values: ['any', 'fixed'] }],
    ['model.providers=[cuda, cpu],[cpu]', { key: 'model.providers', values: [['cuda', 'cpu'], ['cpu']] }],
    ['batch.maxDelayMs=0.5', { key: 'batch.maxDelayMs', values: [0.5] }],
  ])('%s has a key and values', (text, axis) => {
    expect(parseSweep(text)).toEqual(axis);
  });

  test.each(['batch.size', '=1,2', 'batch..size=1', 'batch.size='])(
    '%s is refused with an example',
    (text) => {
      expect(() => parseSweep(text)).toThrow(/--sweep .*: expected .*--sweep batch\.size=1,2,4,8/);
    },
  );

  test('text that is no YAML is refused', () => {
    expect(() => parseSweep('batch.size=1,{')).toThrow('--sweep batch.size=1,{: ');
  });
});

describe('combinations', () => {
  test('are every value of one key with every value of the other, the last changing fastest', () => {
    const all = combine('batch.size=1,2', 'producers=1,2,3');
    expect(all.map(({ job }) => [job.batch.size, job.producers])).toEqual([
      [1, 1],
      [1, 2],
      [1, 3],
      [2, 1],
      [2, 2],
      [2, 3],
    ]);
    expect(all[4]?.values).toEqual({ 'batch.size': 2, producers: 2 });
  });

  test('are bounded', () => {
    const many = Array.from({ length: 13 }, (_, i) => i + 1).join(',');
    expect(() => combine(`batch.size=${many}`, 'producers=1,2,3,4,5')).toThrow(
      '--sweep: 13 × 5 = 65 combinations are more than the 64 that one bench runs',
    );
  });

  test('have each key once', () => {
    expect(() => combine('batch.size=1', 'batch.size=2')).toThrow('--sweep batch.size: is there twice');
  });

  test.each([
    ['batch.size=0', '--sweep batch.size=0: '],
    ['batch.sise=1', 'batch.size'],
    ['batch.order=best', '--sweep batch.order="best": '],
  ])('%s is refused before anything runs, as a job file would be', (text, message) => {
    expect(() => combine(text)).toThrow(message);
  });
});
