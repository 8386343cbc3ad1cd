import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Output, Terminal } from '../../src/cli/terminal.js';
import { FakePipe, FakeTerminal } from './terminals.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** What the user has in the environment, and nothing else that tells of colours. */
function isPainted(stderr: Output, env: Readonly<Record<string, string>> = {}): boolean {
  for (const name of ['NO_COLOR', 'FORCE_COLOR']) vi.stubEnv(name, env[name]);
  const { colors } = new Terminal(new FakePipe(), stderr);
  return colors.red('x') !== 'x';
}

describe('colours', () => {
  const colorful = new FakeTerminal(80, { colors: true });
  const plain = new FakeTerminal(80);

  test('are for terminals that have some', () => {
    expect([colorful, plain, new FakePipe()].map((output) => isPainted(output))).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('are never where NO_COLOR is set, and an empty one is not', () => {
    expect(isPainted(colorful, { NO_COLOR: '1' })).toBe(false);
    expect(isPainted(colorful, { NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(false);
    expect(isPainted(colorful, { NO_COLOR: '' })).toBe(true);
  });

  test('are wherever FORCE_COLOR is set, in the log of a build too, unless it says 0', () => {
    expect(isPainted(new FakePipe(), { FORCE_COLOR: '1' })).toBe(true);
    expect(isPainted(plain, { FORCE_COLOR: '3' })).toBe(true);
    expect(isPainted(colorful, { FORCE_COLOR: '0' })).toBe(false);
    expect(isPainted(new FakePipe(), { FORCE_COLOR: '' })).toBe(false);
  });
});

describe('the width', () => {
  const of = (output: Output): number[] => {
    const {
      textWidth,
      tableWidth,
      sentenceWidth = Number.POSITIVE_INFINITY,
    } = new Terminal(new FakePipe(), output);
    return [textWidth, tableWidth, sentenceWidth];
  };

  test('is that of the terminal, less the column in which some wrap; of text no more than can be read', () => {
    expect(of(new FakeTerminal(60))).toEqual([59, 59, 59]);
    expect(of(new FakeTerminal(200))).toEqual([100, 199, 100]);
  });

  test('of one that does not tell is that of most', () => {
    expect(of(new FakeTerminal(0))).toEqual([79, 79, 79]);
  });

  test('of a file or a pipe is no limit for sentences, so that each is a line of the log', () => {
    expect(of(new FakePipe())).toEqual([100, 160, Number.POSITIVE_INFINITY]);
  });
});
