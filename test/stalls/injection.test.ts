import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { objectServer } from '../helpers/storage.js';
import { workspace } from '../helpers/workspace.js';
import { delayed, expectShares, jobOf, onSlowDisk, report, writeFiles } from './injection.js';

// A known bottleneck is injected into a job on the simulated device; the report has to name it, and each share of the
// device's time has to be what was injected, within 0.05. Service times and waits are known beforehand; what is not is how
// long the whole took, which is measured.

const times = (count: number, wait: number): number[] => new Array(count).fill(wait);

describe('slow preparation', () => {
  test('a transform that takes four times as long as the device', async () => {
    const at = workspace();
    const data = writeFiles(at('data'), [{ rows: 64, waits: times(60, 20) }]);
    const found = await report(delayed(data, 5));
    expect(found.bottleneck).toBe('prep');
    expectShares(found, 5, (busy) => ({ prep: 1 - busy }));
  });

  test('the same with two producers, each of which takes twice as long', async () => {
    const at = workspace();
    const files = times(8, 0).map(() => ({ rows: 64, waits: times(8, 40) }));
    const data = writeFiles(at('data'), files);
    const found = await report(delayed(data, 5, { producers: 2 }));
    expect(found.bottleneck).toBe('prep');
    expectShares(found, 5, (busy) => ({ prep: 1 - busy }));
  });

  test('many small record batches that make one batch: rows that wait for those to come wait for preparation', async () => {
    const at = workspace();
    const data = writeFiles(at('data'), [{ rows: 16, waits: times(160, 5) }]);
    const found = await report(delayed(data, 5, { batch: { size: 64, maxDelayMs: 1000 } }));
    expect(found.bottleneck).toBe('prep');
    expectShares(found, 5, (busy) => ({ prep: 1 - busy }));
  });

  test('one straggling split, after all others are done', async () => {
    const at = workspace();
    const files = [
      { rows: 64, waits: times(30, 30) },
      ...times(10, 0).map(() => ({ rows: 64, waits: times(10, 0) })),
    ];
    const data = writeFiles(at('data'), files);
    const found = await report(delayed(data, 2, { producers: 2 }));
    expect(found.bottleneck).toBe('prep');
    expectShares(found, 2, (busy) => ({ prep: 1 - busy }));
  });

  test('bursts: ten batches at once, and then nothing for long', async () => {
    const at = workspace();
    const waits = Array.from({ length: 120 }, (_, b) => (b % 10 === 9 ? 200 : 0));
    const data = writeFiles(at('data'), [{ rows: 64, waits }]);
    const found = await report(delayed(data, 5, { ring: { slots: 16 } }));
    expect(found.bottleneck).toBe('prep');
    expectShares(found, 5, (busy) => ({ prep: 1 - busy }));
  });

  test('bursts that a ring is too small for: the advice says so', async () => {
    const at = workspace();
    const data = writeFiles(at('data'), [{ rows: 640, waits: times(12, 100) }]);
    const found = await report(delayed(data, 8, { ring: { slots: 2 } }));
    expect(found.bottleneck).toBe('prep');
    expect(found.advice).toContain('ring.slots');
    expectShares(found, 8, (busy) => ({ prep: 1 - busy }));
  });

  test('two devices that share what comes', async () => {
    const at = workspace();
    const data = writeFiles(at('data'), [{ rows: 64, waits: times(120, 12) }]);
    const model = { runtime: 'simulated', options: { batchMicros: 9000 }, devices: [0, 1] } as const;
    const found = await report(delayed(data, 9, { model }));
    expect(found.bottleneck).toBe('prep');
    expect(found.devices).toHaveLength(2);
    expectShares(found, 9, (busy) => ({ prep: 1 - busy }));
  });
});

describe('slow storage', () => {
  async function remote(producers: number, latencyMs: number) {
    const at = workspace();
    const folder = writeFiles(
      at('data'),
      times(24, 0).map(() => ({ rows: 64, waits: times(4, 0) })),
    );
    const { server, url } = await objectServer();
    for (const name of readdirSync(folder)) server.put(`/data/${name}`, readFileSync(`${folder}/${name}`));
    server.options.latencyMs = latencyMs;
    const source = {
      uri: 's3://data/',
      storage: { endpoint: url, allow_anonymous: 'true', region: 'us-east-1' },
    };
    return report(jobOf('', 2, { source, producers }));
  }

  test.each([1, 2])('a delay for each read, %d producers', async (producers) => {
    const found = await remote(producers, 150);
    expect(found.bottleneck).toBe('fetch');
    expectShares(found, 2, (busy) => ({ fetch: 1 - busy }));
  });
});

describe('a slow sink', () => {
  test('that writes a part in five times what the device takes for it', async () => {
    const at = workspace();
    const files = times(100, 0).map(() => ({ rows: 64, waits: [0] }));
    const data = writeFiles(at('data'), files);
    const found = await onSlowDisk(at, jobOf(data, 6), 30);
    expect(found.bottleneck).toBe('sink');
    expectShares(found, 6, (busy) => ({ blocked: 1 - busy }));
  });

  test('behind a transform that is slow too, but not as slow', async () => {
    const at = workspace();
    const files = times(80, 0).map(() => ({ rows: 64, waits: [20] }));
    const data = writeFiles(at('data'), files);
    const found = await onSlowDisk(at, delayed(data, 5), 40);
    expect(found.bottleneck).toBe('sink');
    // Until the sink's buffers are full it is the transform that the device waits for; from then on the sink.
    const [device] = found.devices;
    const { busy, starved, blocked } = device as (typeof found.devices)[number];
    expect(Math.abs(1 - busy - starved.prep - blocked)).toBeLessThanOrEqual(0.05);
    expect(Math.min(starved.prep, blocked)).toBeGreaterThan(0.2);
  });
});

describe('waiting for company', () => {
  test('that does not come, until maxDelayMs is over', async () => {
    const at = workspace();
    const data = writeFiles(at('data'), [{ rows: 8, waits: times(30, 100) }]);
    const found = await report(delayed(data, 5, { batch: { size: 64, maxDelayMs: 60 } }));
    expect(found.bottleneck).toBe('batching');
    expectShares(found, 5, (busy) => ({ batching: 0.6, prep: 0.4 - busy }));
  });

  test('in buckets that are never full', async () => {
    const at = workspace();
    const lengths = [3, 9, 17, 40];
    const data = writeFiles(at('data'), [{ rows: 4, waits: times(30, 100), lengths }]);
    const batch = { size: 64, maxDelayMs: 60, lengthColumn: 'length', buckets: [4, 16, 32, 64] };
    const found = await report(delayed(data, 2, { batch }));
    expect(found.bottleneck).toBe('batching');
    expectShares(found, 2, (busy) => ({ batching: 0.6, prep: 0.4 - busy }));
  });
});

test('a slow device is named, and it is busy', async () => {
  const at = workspace();
  const data = writeFiles(at('data'), [{ rows: 64, waits: times(60, 4) }]);
  const found = await report(delayed(data, 20));
  expect(found.bottleneck).toBe('device');
  expectShares(found, 20, () => ({}));
});

test('what the timeline shows adds up to the shares of the whole', async () => {
  const at = workspace();
  const data = writeFiles(at('data'), [{ rows: 64, waits: times(60, 20) }]);
  const { timeline, devices } = await report(delayed(data, 5));
  const [device] = timeline?.devices ?? [];
  const seconds = timeline?.seconds ?? [];
  expect(seconds.length).toBeGreaterThanOrEqual(10);
  const total = (shares: readonly number[] = []): number =>
    shares.reduce((sum, share, i) => sum + share * ((seconds[i] ?? 0) - (seconds[i - 1] ?? 0)), 0);
  const all = ['busy', 'fetch', 'prep', 'batching', 'blocked'] as const;
  const window = all.reduce((sum, heading) => sum + total(device?.[heading]), 0);
  expect(Math.abs(total(device?.busy) / window - (devices[0]?.busy ?? 0))).toBeLessThanOrEqual(0.05);
  expect(Math.abs(total(device?.prep) / window - (devices[0]?.starved.prep ?? 0))).toBeLessThanOrEqual(0.05);
  expect(timeline?.rows.reduce((sum, rows) => sum + rows, 0)).toBe(60 * 64);
});
