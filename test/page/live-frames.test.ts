import { describe, expect, test } from 'vitest';
import { progressFrame } from '../../src/page/live/from-progress.js';
import { StatsReader } from '../../src/page/live/from-stats.js';
import { QuietEngine } from '../serve/quiet-engine.js';

describe('a frame of a server', () => {
  test('is of what happened since the one before', () => {
    const engine = new QuietEngine({ digits: 'digits' });
    engine.answered('digits', [1_000, 1_000], [90_000, 10_000]);
    Object.assign(engine.count('digits'), { batches: 10, capacity: 640, rows: 500 });
    engine.count('digits').refused.full = 3;
    const reader = new StatsReader(engine);
    engine.uptime += 2e6;
    engine.answered('digits', ...Array(98).fill([1_000, 2_000]), [5_000, 2_000], [5_000, 3_000]);
    Object.assign(engine.count('digits'), {
      batches: 14,
      capacity: 896,
      rows: 628,
      queuedRows: 5,
      queuedBytes: 40,
    });
    Object.assign(engine.count('digits').refused, { full: 7, late: 1 });
    const { endpoints, seconds, uptime, state } = reader.frame(false);
    expect([seconds, uptime, state]).toEqual([2, 3, 'ready']);
    expect(endpoints).toEqual([
      {
        name: 'digits',
        model: 'digits',
        answered: 50,
        refused: { full: 2, late: 0.5 },
        rowsPerSecond: 64,
        batchesPerSecond: 2,
        batchRows: 32,
        batchFill: 0.5,
        queuedRows: 5,
        queuedBytes: 40,
        total: { p50: 3, p95: 3, p99: 7 },
        queue: { p50: 1, p95: 1, p99: 5 },
        compute: { p50: 2, p95: 2, p99: 2 },
        sums: { answered: 102, refused: 8, rows: 628, batches: 14 },
      },
    ]);
    engine.uptime += 1e6;
    expect(reader.frame(false).endpoints[0]).toMatchObject({
      answered: 0,
      refused: {},
      batchRows: null,
      batchFill: null,
      total: null,
    });
  });

  test('of several endpoints has all of them together first, percentiles too', () => {
    const engine = new QuietEngine({ a: 'm', b: 'm' });
    const reader = new StatsReader(engine);
    engine.uptime += 1e6;
    engine.answered('a', ...Array(99).fill([0, 1_000]));
    engine.answered('b', ...Array(9).fill([0, 8_000]));
    const { endpoints } = reader.frame(false);
    expect(endpoints.map(({ name, answered }) => [name, answered])).toEqual([
      ['', 108],
      ['a', 99],
      ['b', 9],
    ]);
    expect(endpoints.map(({ total }) => [total?.p50, total?.p99])).toEqual([
      [1, 8],
      [1, 1],
      [8, 8],
    ]);
  });

  test('shares out the time of a device, which adds up', () => {
    const engine = new QuietEngine({ a: 'm' });
    const device = engine.addDevice('cuda:0', { provider: 'cuda', instances: 2 });
    device.busy = 5e6;
    const reader = new StatsReader(engine);
    engine.uptime += 1e6;
    device.busy += 5e5;
    device.starved = { fetch: 1e5, prep: 5e4, batching: 2e5 };
    device.blocked = 5e4;
    device.idle = 1e5;
    expect(reader.frame(false).devices).toEqual([
      {
        id: 'cuda:0',
        about: 'onnx on cuda, 2 instances',
        busy: 0.5,
        fetch: 0.1,
        prep: 0.05,
        batching: 0.2,
        blocked: 0.05,
        idle: 0.1,
      },
    ]);
    // What is booked later than it was seen does not make less than nothing.
    engine.uptime += 1e6;
    device.starved = { ...device.starved, batching: 1e5 };
    device.busy += 1e6;
    expect(reader.frame(false).devices).toMatchObject([{ busy: 1, batching: 0 }]);
  });

  test('tells of jobs, and of a server that takes nothing more', () => {
    const engine = new QuietEngine({ a: 'm' });
    engine.jobs.push({ name: 'nightly', state: 'running', rows: 100, splits: 4, splitsDone: 1 });
    const reader = new StatsReader(engine);
    engine.uptime += 5e5;
    engine.jobs[0] = {
      name: 'nightly',
      part: 'shard 2/3',
      state: 'failed',
      rows: 350,
      splits: 4,
      splitsDone: 3,
      error: 'disk full',
    };
    const drained = reader.frame(true);
    expect(drained.state).toBe('draining');
    expect(drained.jobs).toEqual([
      {
        name: 'nightly',
        part: 'shard 2/3',
        state: 'failed',
        rows: 350,
        rowsPerSecond: 500,
        splits: 4,
        splitsDone: 3,
        error: 'disk full',
      },
    ]);
    engine.isReady = false;
    expect(reader.frame(false).state).toBe('not ready');
  });
});

test('a frame of a run is its progress', () => {
  const shares = {
    busy: 0.7,
    starved: { total: 0.25, fetch: 0.1, prep: 0.1, batching: 0.05 },
    blocked: 0.05,
  };
  const progress = {
    ...shares,
    devices: [{ id: 'cpu', ...shares }],
    elapsedSeconds: 2,
    rows: 900,
    rowsPerSecond: 600,
    splits: 3,
    totalSplits: 8,
    producers: { count: 2, fetch: 0.5, decode: 0.1, transform: 0, collate: 0.1, blocked: 0.3, idle: 0 },
  };
  const frame = progressFrame('digits', progress, { ...progress, elapsedSeconds: 1.5 }, 'running');
  expect(frame).toMatchObject({
    seconds: 0.5,
    uptime: 2,
    state: 'running',
    endpoints: [],
    devices: [{ id: 'cpu', busy: 0.7, fetch: 0.1, prep: 0.1, batching: 0.05, blocked: 0.05, idle: 0 }],
    jobs: [{ name: 'digits', state: 'running', rows: 900, rowsPerSecond: 600, splits: 8, splitsDone: 3 }],
    producers: progress.producers,
  });
  expect(frame.memory).toBeGreaterThan(1e6);
  expect(progressFrame('digits', progress, undefined, 'interrupted').jobs[0]?.state).toBe('stopped');
});
