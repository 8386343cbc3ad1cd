import { describe, expect, test } from 'vitest';
import { glanceAtRun, readResult, readRun, readShard } from '../../src/cluster/payload.js';
import { DataError } from '../../src/util/errors.js';

const RUN = '0123456789abcdef';

const run = {
  v: 1,
  run: RUN,
  job: { name: 'digits', source: { uri: '/data' } },
  fingerprint: 'f',
  splits: 4,
  bytes: 100,
  shards: 2,
  committed: { parts: 0, rows: 0 },
  digests: { model: `sha256:${'0'.repeat(64)}` },
  needs: { runtime: 'onnx', providers: ['cpu'], labels: {} },
  priority: 5,
  weight: 1,
  submittedAt: '2026-01-01T00:00:00.000Z',
};

describe('what stands in the queue of a run', () => {
  test('is read as it was written', () => {
    expect(readRun(run)).toEqual(run);
    expect(glanceAtRun(run)).toEqual(run);
    expect(readShard({ v: 1, run: RUN, index: 1, count: 2 })).toEqual({ v: 1, run: RUN, index: 1, count: 2 });
  });

  test.each([
    ['a number where a text belongs', { ...run, fingerprint: 7 }, 'fingerprint'],
    ['a run of no id', { ...run, run: '../../etc' }, 'run: must be 16 hex digits'],
    ['a digest that is none', { ...run, digests: { model: 'md5:0' } }, 'digests.model: must be sha256:'],
    ['a weight of nothing', { ...run, weight: 0 }, 'weight'],
    ['a priority before the first', { ...run, priority: 0 }, 'priority'],
    ['a key that nobody knows', { ...run, exec: 'rm' }, 'exec'],
    ['nothing at all', undefined, 'the run in the queue is malformed'],
  ])('is refused where it is %s', (_, value, message) => {
    expect(() => readRun(value)).toThrow(DataError);
    expect(() => readRun(value)).toThrow(message);
    expect(glanceAtRun(value)).toBeUndefined();
  });

  test('is refused with a hint where another version has written it', () => {
    expect(() => readRun({ v: 2, whatever: true })).toThrow(
      'the run in the queue is of form 2, and this version of Penstock reads form 1',
    );
    expect(() => readShard({ v: 3 })).toThrow('the shard in the queue is of form 3');
    expect(() => readResult({})).toThrow('the result of a shard in the queue is malformed');
  });
});
