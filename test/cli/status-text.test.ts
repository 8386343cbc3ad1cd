import pc from 'picocolors';
import { expect, test } from 'vitest';
import { runStatusText, statusText } from '../../src/cli/status-text.js';
import type { QueueStatus, RunStatus, WorkerStatus } from '../../src/cluster/status.js';

const style = { colors: pc.createColors(false), width: 120 };
const NOW = Date.parse('2026-01-01T00:10:00Z');

const run = (rest: Partial<RunStatus> = {}): RunStatus => ({
  run: '3fa9c2d1e0b4a7f6',
  job: 'digits',
  state: 'running',
  priority: 5,
  weight: 1,
  submittedAt: '2026-01-01T00:00:00Z',
  endedAt: null,
  shards: { total: 64, done: 16, active: 2, waiting: 46, delayed: 0 },
  rows: 120_000,
  rowsPerSecond: 52_000,
  secondsLeft: 72,
  working: [],
  unmet: [],
  error: null,
  report: null,
  ...rest,
});

const worker = (rest: Partial<WorkerStatus> = {}): WorkerStatus => ({
  v: 1,
  id: 'gpu1-812-a0b1',
  host: 'gpu1',
  pid: 812,
  version: '0.1.0',
  since: '2026-01-01T00:00:00Z',
  offer: {
    providers: { onnx: ['cuda', 'cpu'], tensorflow: [] },
    memoryBytes: 1e9,
    labels: { gpu: 'a100' },
    code: { all: false, digests: [] },
  },
  draining: false,
  done: { shards: 8, rows: 60_000 },
  at: { run: '3fa9c2d1e0b4a7f6', job: 'digits', index: 16, count: 64, since: '2026-01-01T00:09:00Z' },
  ...rest,
});

test('a queue is shown as a table of its runs and one of its workers, and why something does not go on', () => {
  const failed = { state: 'failed', endedAt: '2026-01-01T00:05:00Z', secondsLeft: null, error: 'shard 3/9: no disk\n  Buy one.' } as const;
  const status: QueueStatus = {
    queue: 'redis://127.0.0.1:6379',
    name: 'penstock',
    workers: [worker(), worker({ id: 'gpu2-7-ffff', at: null, draining: true })],
    runs: [
      run(),
      run({ run: '0123456789abcdef', job: 'spam', state: 'waiting', secondsLeft: null, unmet: ['gpu1-812-a0b1: no label zone=b'] }),
      run({ run: 'fedcba9876543210', job: 'old', ...failed }),
    ],
  };
  expect(statusText(status, style, NOW)).toMatchInlineSnapshot();
});

test('one run is shown with the shards at work', () => {
  const progress = {
    rows: 900,
    rowsPerSecond: 26_000,
    splits: 3,
    totalSplits: 9,
    seconds: 3,
    busy: 0.97,
    starved: { total: 0.03, fetch: 0.03, prep: 0, batching: 0 },
    blocked: 0,
  };
  const working = [
    { index: 16, worker: 'gpu1-812-a0b1', attempt: 1, progress },
    { index: 17, worker: 'gpu2-7-ffff', attempt: 2, progress: null },
  ];
  expect(runStatusText(run({ working }), style)).toMatchInlineSnapshot();
});

test('what does not fit the terminal is cut, and every line keeps within it', () => {
  const status: QueueStatus = {
    queue: 'redis://127.0.0.1:6379',
    name: 'penstock',
    workers: [worker()],
    runs: [run({ job: 'a very long name of a job that nobody can remember', unmet: ['x'.repeat(30)] })],
  };
  for (const width of [40, 60, 80]) {
    const lines = statusText(status, { ...style, width }, NOW).split('\n');
    // Words longer than a line stand alone.
    for (const line of lines.filter((one) => !one.includes('xxx'))) expect(line.length).toBeLessThanOrEqual(width);
  }
});
