import { expect, test } from 'vitest';
import type { DeviceResult, ShardResult } from '../../src/cluster/payload.js';
import { summaryOf } from '../../src/cluster/run-summary.js';

const device = (seconds: number, busy: number, rows: number, id = 'cuda:0'): DeviceResult => ({
  id,
  runtime: 'onnx',
  provider: 'cuda',
  simulated: false,
  instances: 2,
  batches: rows / 10,
  rows,
  seconds,
  busy,
  starved: { total: 1 - busy, fetch: 1 - busy, prep: 0, batching: 0 },
  blocked: 0,
});

const result = (
  worker: string,
  startedAt: number,
  devices: readonly DeviceResult[],
  rest: Partial<ShardResult> = {},
): ShardResult => {
  const rows = devices.reduce((sum, one) => sum + one.rows, 0);
  return {
    v: 1,
    worker,
    host: `host-of-${worker}`,
    startedAt,
    seconds: 10,
    rows: { read: rows, written: rows, deadLettered: 0, resumed: 0 },
    batches: { count: rows / 10, rows },
    devices: [...devices],
    warnings: [],
    ...rest,
  };
};

const payload = {
  run: '0123456789abcdef',
  job: { name: 'digits' },
  fingerprint: 'f',
  shards: 3,
  committed: { parts: 1, rows: 50 },
};

test('the report of a run adds up its rows, and weighs shares by time, for each worker and device', () => {
  const report = summaryOf(
    payload,
    [
      result('b', 0, [device(9, 1, 300)], { warnings: ['slow disk'] }),
      result('a', 5000, [device(1, 0.5, 100, 'cuda:0'), device(3, 0.5, 100, 'cuda:1')], {
        warnings: ['slow disk'],
      }),
      // It found what an attempt before it had committed, and what an earlier run had.
      result('b', 10_000, [device(3, 0.6, 100)], {
        rows: { read: 100, written: 100, deadLettered: 2, resumed: 250 },
      }),
    ],
    { rows: 850, deadLettered: 2 },
  );
  expect(report).toMatchObject({
    run: '0123456789abcdef',
    job: 'digits',
    status: 'completed',
    shards: 3,
    rows: { read: 800, written: 800, deadLettered: 2, resumed: 50 },
    batches: { count: 60, meanRows: 10 },
    seconds: 20,
    throughput: { rowsPerSecond: 30 },
    simulated: false,
    bottleneck: 'fetch',
    warnings: ['slow disk'],
  });
  expect(report.shares.busy).toBeCloseTo((9 + 0.5 + 1.5 + 1.8) / 16, 4);
  expect(
    report.workers.map(({ id, host, shards, rows, seconds }) => [id, host, shards, rows, seconds]),
  ).toEqual([
    ['a', 'host-of-a', 1, 200, 10],
    ['b', 'host-of-b', 2, 400, 20],
  ]);
  expect(report.workers[1]?.devices).toMatchObject([
    { id: 'cuda:0', batches: 40, rows: 400, seconds: 12, busy: 0.9 },
  ]);
  expect(report.workers[0]?.devices.map(({ id }) => id)).toEqual(['cuda:0', 'cuda:1']);
});

test('the report of a run that had nothing left to do is empty, not undefined', () => {
  const report = summaryOf(payload, [], { rows: 50, deadLettered: 0 });
  expect(report).toMatchObject({
    rows: { read: 0, written: 0, deadLettered: 0, resumed: 50 },
    seconds: 0,
    throughput: { rowsPerSecond: 0 },
    workers: [],
    advice: '',
  });
});
