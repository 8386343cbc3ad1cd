import { describe, expect, test } from 'vitest';
import { newestLts } from '../../scripts/newest-lts.mjs';
import { count } from '../../scripts/steps.mjs';

/** A file of vitest's JSON report. */
function file(status: string, ...tests: string[]) {
  return { name: 'x.test.ts', status, assertionResults: tests.map((status) => ({ status })) };
}

describe('the last line of npm test', () => {
  test('counts what passed, failed and was skipped or is to do', () => {
    const testResults = [file('passed', 'passed', 'skipped', 'todo'), file('failed', 'passed', 'failed')];
    expect(count({ testResults }, false)).toEqual({ passed: 2, failed: 1, skipped: 2 });
  });

  test('counts a test that never ended, since its process died, as failed', () => {
    expect(count({ testResults: [file('passed', 'pending', 'pending')] }, false)).toMatchObject({
      failed: 2,
    });
  });

  test('counts a file that does not load as one failed', () => {
    const testResults = [file('failed'), file('passed', 'passed')];
    expect(count({ testResults }, false)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });

  test('counts an error outside of all tests as one failed', () => {
    expect(count({ testResults: [file('passed', 'passed')] }, false)).toMatchObject({ passed: 1, failed: 1 });
  });

  test('counts a run without results as one failed, even if it ends well', () => {
    expect(count(undefined, true)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});

describe('the newest LTS release', () => {
  const versions = [
    '20.20.2',
    '24.9.0',
    '24.21.0',
    '25.9.0',
    '26.8.2',
    '26.10.0',
    '27.0.0-alpha.1',
    '27.1.0',
  ];

  test.each([
    ['2026-10-15', '24.21.0'],
    ['2026-11-24', '26.10.0'],
    ['2027-06-01', '26.10.0'],
    ['2027-11-01', '27.1.0'],
  ])('is, on %s, %s', (day, version) => {
    expect(newestLts(versions, new Date(day))).toBe(version);
  });
});
