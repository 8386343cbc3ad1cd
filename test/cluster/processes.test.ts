import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseProcesses, planProcesses, visibleGpus } from '../../src/cluster/processes.js';
import { UsageError } from '../../src/util/errors.js';
import { withEnvironment } from '../helpers/s3.js';
import { workspace } from '../helpers/workspace.js';

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

  test('are those that the driver knows, by their ids, where that is not set', async (context) => {
    context.skip(process.platform === 'win32', 'the stand-in for nvidia-smi is a shell script');
    context.skip(existsSync('/dev/nvidiactl'), 'this machine has GPUs of its own');
    const at = workspace();
    const line = (index: number, uuid: string) =>
      `${index}, ${uuid}, H200, 570.1, 143771, 0, 0, 0, 75, 30, 345, 3201`;
    const loop = `while true; do echo "${line(0, 'GPU-0a')}"; echo "${line(1, 'GPU-1b')}"; sleep 0.05; done`;
    writeFileSync(at('nvidia-smi'), `#!/bin/sh\n${loop}\n`, { mode: 0o755 });
    withEnvironment({ PATH: `${at()}:${process.env.PATH}`, CUDA_VISIBLE_DEVICES: undefined });
    const { visibleGpus: built }: typeof import('../../src/cluster/processes.js') = await import(
      new URL('../../dist/cluster/processes.js', import.meta.url).href
    );
    expect(await built()).toEqual(['GPU-0a', 'GPU-1b']);
  });
});
