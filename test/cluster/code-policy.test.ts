import { describe, expect, test } from 'vitest';
import { codeOf, codePolicy, mayRun } from '../../src/cluster/code-policy.js';
import { UsageError } from '../../src/util/errors.js';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const model = { uri: '/m.onnx', runtime: 'onnx' } as const;
const job = (parts: object) => ({ model, ...parts }) as Parameters<typeof codeOf>[0];

describe('the code of a job', () => {
  test('is its transform, and its model where that is a module', () => {
    const digests = { model: digest('a'), transform: digest('b') };
    expect(codeOf(job({}), digests)).toEqual([]);
    expect(codeOf(job({ model: { runtime: 'simulated' } }), digests)).toEqual([]);
    expect(
      codeOf(job({ model: { runtime: 'module', uri: '/m.mjs' }, transform: 's3://b/t.mjs' }), digests),
    ).toEqual([
      { key: 'transform', uri: 's3://b/t.mjs', digest: digest('b') },
      { key: 'model.uri', uri: '/m.mjs', digest: digest('a') },
    ]);
  });
});

describe('a worker', () => {
  const transform = codeOf(job({ transform: '/t.mjs' }), { transform: digest('b') });
  const both = codeOf(job({ model: { runtime: 'module', uri: '/m.mjs' }, transform: '/t.mjs' }), {
    model: digest('a'),
    transform: digest('b'),
  });

  test('runs jobs without code', () => {
    expect(mayRun(codePolicy({}), [])).toEqual({ may: true, alone: false });
  });

  test('runs no code unless it is told to', () => {
    expect(mayRun(codePolicy({}), transform)).toEqual({
      may: false,
      because: `it runs no code, and the job has its own: transform (${digest('b')}); --allow-digest or --allow-code would let it`,
    });
    expect(mayRun(codePolicy({ allowCode: true }), both)).toEqual({ may: true, alone: false });
  });

  test('runs modules of digests that it allows, alone, all of a job or none', () => {
    const policy = codePolicy({ allowDigests: [` ${digest('B')}\n`] });
    expect(mayRun(policy, transform)).toEqual({ may: true, alone: true });
    expect(mayRun(policy, both)).toEqual({
      may: false,
      because: `the job's model.uri (${digest('a')}) is not among the digests that it allows`,
    });
    expect(mayRun(codePolicy({ allowDigests: [digest('a'), digest('b')] }), both)).toEqual({
      may: true,
      alone: true,
    });
  });

  test('runs no code of which nobody says what it is', () => {
    const unknown = codeOf(job({ transform: '/t.mjs' }), {});
    expect(mayRun(codePolicy({ allowDigests: [digest('b')] }), unknown)).toEqual({
      may: false,
      because: "the job's transform (of unknown digest) is not among the digests that it allows",
    });
  });

  test.each(['b'.repeat(64), 'sha256:abc', 'md5:1', ''])('takes no %o for a digest', (written) => {
    expect(() => codePolicy({ allowDigests: [written] })).toThrow(UsageError);
  });
});
