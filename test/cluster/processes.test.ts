import { describe, expect, test } from 'vitest';
import { parseProcesses, planProcesses, visibleGpus } from '../../src/cluster/processes.js';
import { UsageError } from '../../src/util/errors.js';

const shown = (...args: Parameters<typeof planProcesses>): (string | undefined)[] =>
  planProcesses(...args).map(({ label, env }) => `${label}: ${env.CUDA_VISIBLE_DEVICES ?? ''}`);

describe('processes', () => {
  test('are one for each GPU, or one where there is none', () => {
    expect(shown('auto', ['GPU-a', 'GPU-b'])).toEqual(['gpu 0: GPU-a', 'gpu 1: GPU-b']);
    expect(shown('auto', [])).toEqual(['process 0: ']);
    expect(planProcesses('auto', [])[0]?.env).toEqual({});
  });

  test('share GPUs where there are fewer or more of them', () => {
    expect(shown(2, ['0', '1', '2'])).toEqual(['gpu 0+2: 0,2', 'gpu 1: 1']);
    expect(shown(3, ['4', '6'])).toEqual(['process 0: 4', 'process 1: 6', 'process 2: 4']);
    expect(shown(2, [])).toEqual(['process 0: ', 'process 1: ']);
  });

  test.each([
    ['auto', 'auto'],
    ['1', 1],
    ['8', 8],
  ])('may be %s', (text, expected) => {
    expect(parseProcesses(text)).toBe(expected);
  });

  test.each(['', '0', '-1', '1.5', 'all'])('may not be %o', (text) => {
    expect(() => parseProcesses(text)).toThrow(UsageError);
  });
});

describe('the GPUs of a process', () => {
  test.each([
    ['0,1', ['0', '1']],
    [' 3 , GPU-8f2d-11 ', ['3', 'GPU-8f2d-11']],
    ['MIG-44/1/0', ['MIG-44/1/0']],
    ['', []],
    ['-1', []],
    ['NoDevFiles', []],
    ['1,-1,2', ['1']],
  ])('are those that CUDA_VISIBLE_DEVICES=%o leaves', async (visible, expected) => {
    expect(await visibleGpus(visible)).toEqual(expected);
  });
});
