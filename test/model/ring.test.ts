import { describe, expect, test } from 'vitest';
import { allChecks, isAsExpected, parse, run } from './check.mjs';

// Every interleaving within bounds: see README.md. `node test/model/check.mjs NAME` shows how an error comes about.
const spin = process.env.PENSTOCK_TEST_SPIN;
const gcc = process.env.PENSTOCK_TEST_GCC;

/** Seconds on a free core; a busy machine takes its time. */
const TIMEOUT_MS = 180_000;

const checks = allChecks();

describe('the model of the slot protocol', () => {
  for (const check of checks.filter(({ expected }) => expected === 'nothing')) {
    test(`${check.name} is exhaustively without error: ${check.what}`, { timeout: TIMEOUT_MS }, (context) => {
      if (!spin || !gcc) return context.skip('no spin or no gcc');
      const result = run(check, { spin, gcc });
      expect(result).toMatchObject({ found: 'nothing', text: '', trail: '' });
      expect(isAsExpected(check, result)).toBe(true);
    });
  }
});

describe('broken in one step, it is found to have', () => {
  for (const check of checks.filter(({ expected }) => expected !== 'nothing')) {
    const { name, expected, what } = check;
    const found = expected === 'assertion' ? 'a violated assertion' : 'a dead end';
    test(`${found} with ${name}: ${what}`, { timeout: TIMEOUT_MS }, (context) => {
      if (!spin || !gcc) return context.skip('no spin or no gcc');
      expect(run(check, { spin, gcc })).toMatchObject({ found: expected });
    });
  }
});

describe('what the verifier says', () => {
  const whole = 'State-vector 48 byte, depth reached 96, errors: 0\n    12 states, stored\n';

  test('counts', () => {
    expect(parse(whole)).toMatchObject({ found: 'nothing', exhaustive: true, states: 12, depth: 96 });
  });

  test.each([
    'error: max search depth too small\n',
    'Warning: Search not completed\n',
    'pan: out of memory\n',
  ])('is not taken for exhaustive after: %s', (cut) => {
    expect(parse(cut + whole).exhaustive).toBe(false);
  });

  test('is a failure where it says nothing', () => {
    expect(parse('Segmentation fault')).toMatchObject({ found: 'failure', exhaustive: false });
  });
});
