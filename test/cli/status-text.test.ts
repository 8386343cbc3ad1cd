import { stripVTControlCharacters } from 'node:util';
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
  const failed = {
    state: 'failed',
    endedAt: '2026-01-01T00:05:00Z',
    secondsLeft: null,
    error: 'shard 3/9: no disk\n  Buy one.',
  } as const;
  const status: QueueStatus = {
    queue: 'redis://127.0.0.1:6379',
    name: 'penstock',
    workers: [worker(), worker({ id: 'gpu2-7-ffff', at: null, draining: true })],
    runs: [
      run(),
      run({
        run: '0123456789abcdef',
        job: 'spam',
        state: 'waiting',
        secondsLeft: null,
        unmet: ['gpu1-812-a0b1: no label zone=b'],
      }),
      run({ run: 'fedcba9876543210', job: 'old', ...failed }),
    ],
  };
  expect(statusText(status, style, NOW)).toMatchInlineSnapshot(`
    "redis://127.0.0.1:6379: 2 runs to do, 2 workers

    RUN               JOB     STATE    SHARDS                 ROWS  ROWS/S  LEFT  PRIORITY  WEIGHT
    3fa9c2d1e0b4a7f6  digits  running   16/64  ██▌·······  120,000  52,000  1:12         5       1
    0123456789abcdef  spam    waiting   16/64  ██▌·······  120,000                       5       1
    fedcba9876543210  old     failed    16/64  ██▌·······  120,000                       5       1
      0123456789abcdef: nobody can take its shards: gpu1-812-a0b1: no label zone=b
      fedcba9876543210: shard 3/9: no disk
      fedcba9876543210: Buy one.

    WORKER         RUNS ON            AT WORK ON    SHARDS    ROWS     UP
    gpu1-812-a0b1  cuda cpu gpu=a100  digits 17/64       8  60,000  10:00
    gpu2-7-ffff    cuda cpu gpu=a100  idle, ending       8  60,000  10:00"
  `);
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
  expect(runStatusText(run({ working }), style)).toMatchInlineSnapshot(`
    "digits: run 3fa9c2d1e0b4a7f6 running
      16 of 64 shards done, 2 at work, 46 waiting; 120,000 rows, 52,000 rows/s, about 1 min 12 s left

    SHARD  WORKER         SPLITS    ROWS/S  BUSY
       17  gpu1-812-a0b1     3/9    26,000  97 %
       18  gpu2-7-ffff            starting        attempt 2"
  `);
});

test('what does not fit the terminal is cut, and every line keeps within it', () => {
  const status: QueueStatus = {
    queue: 'redis://127.0.0.1:6379',
    name: 'penstock',
    workers: [worker()],
    runs: [run({ job: 'a very long name of a job that nobody can remember', unmet: ['x'.repeat(90)] })],
  };
  for (const width of [40, 60, 80]) {
    const painted = statusText(status, { colors: pc.createColors(true), width }, NOW);
    const lines = stripVTControlCharacters(painted).split('\n');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
  }
});
