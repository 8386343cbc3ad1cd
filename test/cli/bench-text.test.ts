import pc from 'picocolors';
import { describe, expect, test } from 'vitest';
import type { BenchProgress } from '../../src/bench/progress.js';
import { rateOf } from '../../src/bench/rate.js';
import type { BenchReport } from '../../src/bench/types.js';
import { benchLine } from '../../src/cli/bench-progress.js';
import { benchText } from '../../src/cli/bench-text.js';
import { widthOf } from '../../src/cli/text.js';
import type { Report } from '../../src/measure/report.js';

const style = { colors: pc.createColors(false), width: 80 };

const around = (rate: number) => rateOf([rate * 0.98, rate, rate * 1.04]);
const point = (batchSize: number, p50: number, rate: number) => ({
  batchSize,
  runMs: { p50, p99: p50 * 1.5 },
  rowsPerSecond: around(rate),
});

const RUN = {
  rows: { read: 42_000, written: 42_000, deadLettered: 0, resumed: 0 },
  devices: [
    {
      id: 'cpu',
      runtime: 'onnx',
      provider: 'cpu',
      instances: 1,
      isolation: 'thread',
      simulated: false,
      batches: 657,
      rows: 42_000,
      busy: 0.96,
      starved: { total: 0.04, fetch: 0, prep: 0.01, batching: 0.03 },
      blocked: 0,
      runMs: { p50: 4.2, p99: 5.1 },
      utilization: null,
    },
  ],
} as unknown as Report;

const REPORT: BenchReport = {
  job: 'digits',
  status: 'completed',
  date: '2026-01-01T00:00:00.000Z',
  machine: { cpu: 'Some CPU', cores: 8, memoryBytes: 16e9, node: 'v20.20.2', platform: 'linux x64' },
  quick: false,
  seconds: 60.2,
  readFrom: 'page cache',
  rows: 2_000,
  batchSize: 64,
  fullBatch: 64,
  producers: 2,
  instances: 1,
  ceilings: {
    storage: { rowsPerSecond: around(1_500_000), bytesPerSecond: 1.2e9 },
    loader: { rowsPerSecond: around(120_000), bytesPerSecond: 376e6 },
    device: { rowsPerSecond: around(15_000), bytesPerSecond: 47e6 },
    sink: { rowsPerSecond: around(90_000), bytesPerSecond: 4.3e6 },
  },
  curve: [point(32, 2.5, 12_800), point(64, 4.2, 15_000), point(128, 7.1, 18_000)],
  knee: { batchSize: 128, rowsPerSecond: 18_000 },
  pipeline: { rowsPerSecond: around(14_000), report: RUN },
  pointToPoint: {
    rowsPerSecond: around(8_000),
    shares: { fetch: 0.05, prep: 0.1, run: 0.7, write: 0.15 },
  },
  efficiency: 0.9333,
  speedup: 1.75,
  limitedBy: 'device',
  whatIf: [
    {
      change: 'batch.size',
      from: 64,
      to: 128,
      rowsPerSecond: 16_800,
      gain: 0.2,
      because: 'measured: with batches of 128 the device alone does 18,000 rows/s instead of 15,000',
      measured: true,
    },
    { change: 'producers', from: 2, to: 3, rowsPerSecond: 14_000, gain: 0, because: '…', measured: false },
    {
      change: 'storage',
      from: 'as it is',
      to: 'twice as fast',
      rowsPerSecond: 14_000,
      gain: 0,
      because: '…',
      measured: false,
    },
  ],
  advice: 'The device limits: the pipeline reaches 93 % of what its slowest stage does alone.',
  warnings: [],
};

describe('a bench for people', () => {
  test('is a page of aligned lines', () => {
    expect(benchText(REPORT, style)).toBe(`\
digits: 14,000 rows/s, 93 % of what its slowest stage does alone, and 1.8 × the
same steps one after another
measured in 1 min 00 s, 3 rounds, on 8 cores (Some CPU), Node 20.20.2; data in
the page cache

  ceilings         rows/s  spread                ÷ pipeline
    storage     1,500,000   ± 3 %     1.2 GB/s        107 ×
    loader        120,000   ± 3 %   376.0 MB/s       8.57 ×
    device         15,000   ± 3 %    47.0 MB/s       1.07 ×  ◀ the lowest
    sink           90,000   ± 3 %     4.3 MB/s       6.43 ×
  pipeline         14,000   ± 3 %
  one by one        8,000   ± 3 %

  batch size     rows        p50        p99     rows/s
                   32    2.50 ms    3.75 ms     12,800  ███████▉
                   64    4.20 ms    6.30 ms     15,000  █████████▏   ◀ now
                  128    7.10 ms    10.6 ms     18,000  ███████████  ◀ knee

  pipeline    where the device's time went in the median run, of 42,000 rows
  device      cpu (onnx on cpu), 1 instance, 4.20 ms a batch, p99 5.10 ms
    busy       96.0 %  ██████████████████████████████▊
    starved     4.0 %  █▎
      fetch     0.0 %
      prep      1.0 %  ▍
      batching  3.0 %  █
    blocked     0.0 %

  one by one  one thread that does all steps, one after another: fetch 5 %, prep
              10 %, run 70 %, write 15 % of its time

  what if     batch.size 64 → 128   +20 %  16,800 rows/s; measured: with batches
                                           of 128 the device alone does 18,000
                                           rows/s instead of 15,000
              no gain from producers 2 → 3, storage twice as fast

  limited by  The device limits: the pipeline reaches 93 % of what its slowest
              stage does alone.`);
  });

  test.each([70, 80, 100])('fits into %d columns, but for its tables', (width) => {
    const table = /rows\/s|±|◀|█/;
    const lines = benchText(REPORT, { ...style, width }).split('\n');
    for (const line of lines.filter((text) => !table.test(text)))
      expect(widthOf(line)).toBeLessThanOrEqual(width);
  });

  test('says what a sweep found, marks the best, and why one could not run', () => {
    const device = {
      runMs: { p50: 4, p99: 5 },
      busy: 0.9,
      blocked: 0,
      starved: { total: 0.1, fetch: 0, prep: 0.1, batching: 0 },
    };
    const ran = { error: null, device, fill: 1, bottleneck: 'prep' } as const;
    const failed = { rowsPerSecond: null, device: null, fill: null, bottleneck: null };
    const sweep = {
      keys: ['batch.size', 'batch.order'],
      best: 1,
      points: [
        { ...ran, values: { 'batch.size': 32, 'batch.order': 'any' }, rowsPerSecond: around(9_000) },
        { ...ran, values: { 'batch.size': 64, 'batch.order': 'any' }, rowsPerSecond: around(14_000) },
        { ...failed, values: { 'batch.size': 999, 'batch.order': 'any' }, error: 'the ring needs too much' },
      ],
    };
    expect(benchText({ ...REPORT, sweep }, { ...style, tableWidth: 120 })).toContain(`
  sweep       batch.size  batch.order  rows/s  spread      p50      p99  busy  starved by  blocked
                      32          any   9,000   ± 3 %  4.00 ms  5.00 ms  90 %   prep 10 %      0 %
                      64          any  14,000   ± 3 %  4.00 ms  5.00 ms  90 %   prep 10 %      0 %  ◀ best
                     999          any  failed: the ring needs too much
`);
  });

  test('of a job that writes nothing has no sink', () => {
    const { sink: _, ...others } = REPORT.ceilings;
    expect(benchText({ ...REPORT, ceilings: { ...others, sink: null } }, style)).not.toMatch(/^ +sink/m);
  });

  test('warns', () => {
    const text = benchText({ ...REPORT, warnings: ['simulated:0 is simulated'] }, style);
    expect(text).toMatch(/\n\nwarning: simulated:0 is simulated$/);
  });
});

describe('the live line', () => {
  const progress: BenchProgress = {
    stage: 'device',
    detail: 'batches of 128',
    round: 2,
    rounds: 5,
    elapsedSeconds: 21,
    totalSeconds: 60,
    done: 0.5,
  };

  test('says which stage it is at, how far it is, and how long it will take', () => {
    expect(benchLine('digits', progress, 100, style.colors)).toBe(
      'digits  ██████████··········  0:21  about 0:30 left  round 2 of 5: device, batches of 128',
    );
  });

  test.each([20, 40, 60])('fits into %d columns', (width) => {
    expect(widthOf(benchLine('digits', progress, width, style.colors))).toBeLessThanOrEqual(width);
  });

  test('says no more than what it does before anything is known', () => {
    const { detail: _, ...start } = progress;
    const planning = {
      ...start,
      stage: 'planning',
      round: 0,
      rounds: 0,
      totalSeconds: undefined,
      done: 0,
    } as const;
    expect(benchLine('digits', planning, 100, style.colors)).toBe(
      'digits  ····················  0:21  planning',
    );
  });
});
