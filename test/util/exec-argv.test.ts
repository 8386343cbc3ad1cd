import { describe, expect, test } from 'vitest';
import { threadFlags } from '../../src/util/exec-argv.js';

describe("a thread's flags", () => {
  test.each([
    ['none', []],
    ['some', ['--import', './register.js', '--expose-gc', '--max-old-space-size=100']],
  ])('are those that it inherits, where the process has %s', (_, flags) => {
    expect(threadFlags(flags)).toEqual({});
  });

  test.each([
    [['--input-type=module'], []],
    [['--input-type', 'module', '-e', 'code'], []],
    [['--expose-gc', '--input-type=module'], []],
    [
      ['--input-type=module', '--import', './register.js', '--conditions=dev', '-C', 'test'],
      ['--import', './register.js', '--conditions=dev', '-C', 'test'],
    ],
    [
      ['-r', './hook.cjs', '--input-type=module', '--loader=./loader.mjs'],
      ['-r', './hook.cjs', '--loader=./loader.mjs'],
    ],
  ])('are those of %j that load modules, where the code came from the command line', (flags, expected) => {
    expect(threadFlags(flags)).toEqual({ execArgv: expected });
  });

  test("are the process's own by default", () => {
    expect(threadFlags()).toEqual(threadFlags(process.execArgv));
  });
});
