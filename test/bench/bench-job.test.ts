import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { type BenchProgress, type BenchReport, benchJob, type WhatIf } from 'penstock';
import { describe, expect, test } from 'vitest';
import { S3_KEYS, withEnvironment } from '../helpers/s3.js';
import { objectServer } from '../helpers/storage.js';
import { workspace } from '../helpers/workspace.js';
import { simulatedJob } from './job.js';

// Each stage is measured for fractions of a second on a machine that may be busy: what is checked here has room to spare.
const BRIEF = { quick: true, seconds: 5 } as const;
const SLOW_TEST = 180_000;

const figure = expect.any(Number);
const rate = { median: figure, min: figure, max: figure, runs: [figure, figure, figure] };
const ceiling = { rowsPerSecond: rate, bytesPerSecond: figure };

/** The document, field by field. */
const DOCUMENT = {
  job: 'simulated',
  status: 'completed',
  date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  machine: {
    cpu: expect.any(String),
    cores: figure,
    memoryBytes: figure,
    node: process.version,
    platform: expect.stringContaining(process.platform),
  },
  quick: true,
  seconds: figure,
  readFrom: 'page cache',
  rows: figure,
  batchSize: 16,
  fullBatch: 16,
  producers: figure,
  instances: 1,
  ceilings: { storage: ceiling, loader: ceiling, device: ceiling, sink: ceiling },
  curve: expect.any(Array),
  knee: { batchSize: figure, rowsPerSecond: figure },
  pipeline: {
    rowsPerSecond: rate,
    report: expect.objectContaining({ status: 'completed', job: 'simulated' }),
  },
  pointToPoint: { rowsPerSecond: rate, shares: { fetch: figure, prep: figure, run: figure, write: figure } },
  efficiency: figure,
  speedup: figure,
  limitedBy: expect.stringMatching(/^(device|fetch|prep|batching|sink)$/),
  whatIf: expect.any(Array),
  advice: expect.any(String),
  warnings: expect.arrayContaining([expect.stringContaining('is simulated')]),
};

function changeIn({ whatIf }: BenchReport, name: string): WhatIf | undefined {
  return whatIf.find(({ change }) => change === name);
}

const lowestOf = ({ ceilings: { storage, loader, device, sink } }: BenchReport): number =>
  Math.min(
    ...[storage, loader, device, ...(sink ? [sink] : [])].map(({ rowsPerSecond }) => rowsPerSecond.median),
  );

describe('a bench', () => {
  test(
    'of a slow device names it, finds the knee of its batches, and what larger ones would bring',
    async () => {
      const at = workspace();
      // 741 rows/s in batches of 16, 1,379 in batches of 32, and 2,424 in batches of 64.
      const job = simulatedJob(at, { batchMicros: 20_000, rowMicros: 100 });
      const seen: BenchProgress[] = [];
      const onProgress = (progress: BenchProgress): void => void seen.push(progress);
      const sweep = [{ key: 'batch.size', values: [4, 64] }];
      const report = await benchJob(job, { ...BRIEF, onProgress, sweep });

      expect(report).toEqual({ ...DOCUMENT, sweep: expect.any(Object) });
      expect(report.limitedBy).toBe('device');
      // Smaller ones are left out where there is no time for them.
      const sizes = report.curve.map(({ batchSize }) => batchSize);
      expect([1, 2, 4, 8, 16, 32, 64].slice(-sizes.length)).toEqual(sizes);
      expect(sizes).toEqual(expect.arrayContaining([16, 32, 64]));
      expect(report.knee.batchSize).toBe(64);
      // No device is faster than it can be.
      expect(report.ceilings.device.rowsPerSecond.max).toBeLessThan(1.1 * 741);
      expect(report.ceilings.device.rowsPerSecond.median).toBe(lowestOf(report));
      const larger = changeIn(report, 'batch.size');
      expect(larger).toMatchObject({ from: 16, to: 64, measured: true });
      expect(larger?.gain).toBeGreaterThan(1);
      expect(changeIn(report, 'producers')?.gain).toBe(0);
      expect(report.efficiency).toBeCloseTo(report.pipeline.rowsPerSecond.median / lowestOf(report), 3);
      const { median } = report.pointToPoint.rowsPerSecond;
      expect(report.speedup).toBeCloseTo(report.pipeline.rowsPerSecond.median / median, 3);
      const { fetch, prep, run, write } = report.pointToPoint.shares;
      expect(fetch + prep + run + write).toBeCloseTo(1, 3);
      expect(run).toBeGreaterThan(0.5);

      expect(report.sweep).toMatchObject({
        keys: ['batch.size'],
        best: 1,
        points: [
          { values: { 'batch.size': 4 }, error: null, rowsPerSecond: rate },
          { values: { 'batch.size': 64 }, error: null, rowsPerSecond: rate },
        ],
      });

      // Neither the job's output nor anything else is left.
      expect(await readdir(at())).toEqual(['data']);
      const stages = new Set(seen.map(({ stage }) => stage));
      for (const stage of [
        'first pass',
        'storage',
        'loader',
        'device',
        'sink',
        'pipeline',
        'sweep',
      ] as const) {
        expect(stages).toContain(stage);
      }
      expect(seen.at(-1)?.rounds).toBe(3);
      expect(Math.max(...seen.map(({ done }) => done))).toBeLessThanOrEqual(1);
      const told = seen.map(({ elapsedSeconds }) => elapsedSeconds);
      expect(told).toEqual([...told].sort((a, b) => a - b));
    },
    SLOW_TEST,
  );

  test(
    'of a slow transform names preparation; of a job that writes nothing there is no sink',
    async () => {
      const at = workspace();
      // Asleep, as a transform is that waits for somebody else: a millisecond a row.
      await writeFile(
        at('slow.mjs'),
        'const never = new Int32Array(new SharedArrayBuffer(4));\n' +
          'export default ({ numRows }) => (Atomics.wait(never, 0, 0, numRows), {});\n',
      );
      const sink = { format: 'none' } as const;
      const job = simulatedJob(at, { rowMicros: 10 }, { transform: at('slow.mjs'), producers: 1, sink });
      const report = await benchJob(job, BRIEF);
      expect(report).toEqual({ ...DOCUMENT, ceilings: { ...DOCUMENT.ceilings, sink: null } });
      expect(report.limitedBy).toBe('prep');
      expect(report.ceilings.loader.rowsPerSecond.median).toBe(lowestOf(report));
      expect(report.whatIf[0]).toMatchObject({ change: 'producers', from: 1, to: 2, measured: true });
      expect(report.whatIf[0]?.gain).toBeGreaterThan(0.3);
      expect(report.pointToPoint.shares.prep).toBeGreaterThan(0.5);
      expect(report.pointToPoint.shares.write).toBeLessThan(0.05);
      expect(await readdir(at())).toEqual(['data', 'slow.mjs']);
    },
    SLOW_TEST,
  );

  test(
    'of rows of variable length, in fixed order, measures batches as a budget of tokens makes them',
    async () => {
      const at = workspace();
      const changes = {
        inputs: { x: { column: 'lists', dtype: 'float32' } },
        batch: { size: 16, lengthColumn: 'lists', buckets: [2, 8], maxTokens: 64, order: 'fixed' },
      } as const;
      const report = await benchJob(simulatedJob(at, { batchMicros: 2_000 }, changes), BRIEF);
      // Most rows are of length 8, of which 64 tokens hold 8.
      expect(report).toMatchObject({ batchSize: 16, fullBatch: 8 });
      const sizes = report.curve.map(({ batchSize }) => batchSize);
      expect(sizes).toEqual(expect.arrayContaining([8, 16, 32]));
      expect(changeIn(report, 'batch.maxTokens')).toMatchObject({ from: 64, to: 256 });
    },
    SLOW_TEST,
  );
});

test(
  'object storage is read and written as the job does, and nothing is left in it',
  async () => {
    const at = workspace();
    const job = simulatedJob(at, { rowMicros: 100 });
    const { server, url } = await objectServer({ now: Date.now });
    for (const name of await readdir(at('data')))
      server.put(`/data/in/${name}`, await readFile(at('data', name)));
    const before = [...server.objects.keys()];
    const storage = { endpoint: url, region: 'us-east-1' };
    withEnvironment(S3_KEYS);
    const seen = new Set<string>();
    const report = await benchJob(
      {
        ...job,
        source: { uri: 's3://data/in/', storage },
        sink: { uri: 's3://data/out/parts', storage, keep: ['id'] },
      },
      {
        ...BRIEF,
        onProgress: () => {
          for (const key of server.objects.keys()) if (!before.includes(key)) seen.add(key);
        },
      },
    );
    expect(report.readFrom).toBe('remote storage');
    expect(report.ceilings.sink?.rowsPerSecond.median).toBeGreaterThan(0);
    expect([...seen].some((key) => /^\/data\/out\/\.penstock-bench-.*\/part-\d+\.arrow$/.test(key))).toBe(
      true,
    );
    expect([...server.objects.keys()]).toEqual(before);
  },
  SLOW_TEST,
);

describe('a bench that can not be', () => {
  test('stops at the signal, and leaves nothing behind', async () => {
    const at = workspace();
    const controller = new AbortController();
    const scratches: string[] = [];
    const running = benchJob(simulatedJob(at, { batchMicros: 50_000 }), {
      signal: controller.signal,
      onScratch: (path) => scratches.push(path),
      onProgress: ({ stage }) => {
        if (stage === 'device') controller.abort();
      },
    });
    await expect(running).rejects.toMatchObject({ code: 'INTERRUPTED', hint: undefined });
    expect(scratches).toHaveLength(1);
    expect(scratches.filter((path) => existsSync(path))).toEqual([]);
    expect(await readdir(at())).toEqual(['data']);
  });

  test('was stopped before it began', async () => {
    const at = workspace();
    const running = benchJob(simulatedJob(at, {}), { signal: AbortSignal.abort() });
    await expect(running).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(await readdir(at())).toEqual(['data']);
  });

  test('has no rows that come through the filter', async () => {
    const at = workspace();
    const source = { uri: at('data'), filter: 'id < 0' };
    const running = benchJob(simulatedJob(at, {}, { source }), BRIEF);
    await expect(running).rejects.toThrow('none of its rows reaches the model');
    expect(await readdir(at())).toEqual(['data']);
  });

  test('sweeps over a value that no job has, which is found before anything runs', async () => {
    const at = workspace();
    const seen: BenchProgress[] = [];
    const running = benchJob(simulatedJob(at, {}), {
      sweep: [{ key: 'batch.size', values: [16, 0] }],
      onProgress: (progress) => seen.push(progress),
    });
    await expect(running).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('batch.size=0'),
    });
    expect(seen).toEqual([]);
  });

  test('is given too little time', async () => {
    const at = workspace();
    await expect(benchJob(simulatedJob(at, {}), { seconds: 1 })).rejects.toThrow('5 at the least');
  });
});
