import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { DeviceError, type JobInput, type Progress, runJob, UsageError } from 'penstock';
import { describe, expect, test } from 'vitest';
import { penstock, repository } from '../cli/penstock.js';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import { random } from '../helpers/random.js';
import { readColumn, workspace } from '../helpers/workspace.js';

type At = (...names: string[]) => string;

const ROWS = 1200;
const WIDTH = 8;
const BATCH = 10;
const next = random(11);
// Quarters, of which sums are exact in any order.
const VALUES = Array.from({ length: ROWS * WIDTH }, () => Math.floor(next() * 4000) / 4);
const SUMS = Array.from({ length: ROWS }, (_, row) =>
  VALUES.slice(row * WIDTH, (row + 1) * WIDTH).reduce((sum, value) => sum + value, 0),
);

/** A folder of vectors, in four files, a split each. */
function writeData(at: At): string {
  const rows = ROWS / 4;
  mkdirSync(at('data'));
  for (let file = 0; file < 4; file++) {
    const first = file * rows;
    const ids = Array.from({ length: rows }, (_, i) => first + i);
    const values = VALUES.slice(first * WIDTH, (first + rows) * WIDTH);
    writeArrow(at('data', `${file}.arrow`), [[int32('id', ids), vectors('x', WIDTH, values)]]);
  }
  return at('data');
}

function job(at: At, model: JobInput['model']): JobInput {
  return {
    source: { uri: writeData(at) },
    model,
    inputs: { x: { dtype: 'float32', shape: [WIDTH] } },
    batch: { size: BATCH, maxDelayMs: 1000 },
    sink: { uri: at('out'), keep: ['id'] },
  };
}

describe('a job on two devices', () => {
  test.each([
    { devices: [0, 1], instances: 1 },
    { devices: [3, 0], instances: 2 },
  ])(
    'shares its batches among them: devices $devices, instances $instances',
    async ({ devices, instances }) => {
      const at = workspace();
      const seen: Progress[] = [];
      const report = await runJob(
        job(at, { runtime: 'simulated', devices, instances, options: { batchMicros: 8000 } }),
        { onProgress: (progress) => void seen.push(progress) },
      );
      expect(await readColumn(at('out'), 'id')).toEqual(SUMS.map((_, id) => id));
      expect(await readColumn(at('out'), 'checksum')).toEqual(SUMS);
      expect(report.rows).toMatchObject({ read: ROWS, written: ROWS });

      const ids = devices.map((device) => `simulated:${device}`);
      expect(report.devices).toMatchObject(
        ids.map((id) => ({ id, runtime: 'simulated', simulated: true, instances, utilization: null })),
      );
      for (const { busy, starved, blocked, batches } of report.devices) {
        expect(busy + starved.total + blocked).toBeCloseTo(1, 4);
        expect(busy).toBeGreaterThan(0);
        // As fast as the other, it runs half of them, less what a busy machine takes away. One that waited while there was
        // a queue would have hardly any.
        expect(batches).toBeGreaterThan(report.batches.count / 8);
      }
      const sum = (of: 'batches' | 'rows'): number =>
        report.devices.reduce((total, device) => total + device[of], 0);
      expect(sum('batches')).toBe(report.batches.count);
      expect(sum('rows')).toBe(ROWS);
      const last = seen.at(-1);
      expect(last?.rows).toBe(ROWS);
      expect(last?.devices.map(({ id }) => id)).toEqual(ids);
    },
  );

  test('gives the same bytes as on one, where order is fixed, and resumes on another number of them', async () => {
    const at = workspace();
    const least = job(at, { runtime: 'simulated' });
    const on = (devices: number[], name: string): JobInput => ({
      ...least,
      model: { runtime: 'simulated', devices },
      batch: { size: BATCH, order: 'fixed' },
      sink: { uri: at(name), keep: ['id'] },
    });
    const one = await runJob(on([0], 'one'));
    await runJob(on([0, 1], 'two'));
    for (const part of ['part-00000.arrow', 'part-00003.arrow']) {
      expect(readFileSync(at('two', part)).equals(readFileSync(at('one', part)))).toBe(true);
    }
    const again = await runJob(on([0, 1, 2], 'one'));
    expect(again).toMatchObject({ fingerprint: one.fingerprint, rows: { read: 0, resumed: ROWS } });
  });

  test('warns of a ring that is too small for all sessions', async () => {
    const at = workspace();
    const model = { runtime: 'simulated', devices: [0, 1], instances: 2 } as const;
    const least = job(at, model);
    const few = await runJob({ ...least, ring: { slots: 4 } });
    expect(few.warnings).toEqual([
      'ring.slots: 4 sessions leave none of the 4 slots to be filled while they run; set ring.slots: 8 or more',
    ]);
    const enough = await runJob({ ...least, ring: { slots: 8 } }, { overwrite: true });
    expect(enough.warnings).toEqual([]);
  });

  test('that does not say which is on the first', async () => {
    const at = workspace();
    const { devices } = await runJob(job(at, { runtime: 'simulated' }));
    expect(devices).toMatchObject([{ id: 'simulated:0', rows: ROWS }]);
  });
});

describe('devices that are not there', () => {
  const MODEL = `${repository}native-models/digits/digits.onnx`;
  const libraries = `${repository}node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`;
  const hasCuda = existsSync(`${libraries}/libonnxruntime_providers_cuda.so`);
  const refusal = (at: At, model: Partial<JobInput['model']>): Promise<unknown> =>
    runJob(job(at, { uri: MODEL, ...model })).catch((error: unknown) => error);

  test.skipIf(hasCuda)(
    'are an error, not a run on the provider that comes next, which has one device',
    async () => {
      const at = workspace();
      const error = await refusal(at, { providers: ['cuda', 'cpu'], devices: [0, 1] });
      expect(error).toBeInstanceOf(UsageError);
      expect(String(error)).toMatch(
        /model\.devices: \[0, 1\] is not to be had: cpu has one device, and it is what runs here; provider cuda did not start: /,
      );
      expect(existsSync(at('out'))).toBe(false);
    },
  );

  test.skipIf(process.platform === 'win32')('are named, before any row is read', async () => {
    const at = workspace();
    const error = await refusal(at, { providers: ['dml'], devices: [2, 3] });
    expect(error).toBeInstanceOf(DeviceError);
    expect(String(error)).toContain('dml:2 does not start: ');
    expect(existsSync(at('out'))).toBe(false);
  });
});

test('the example of two simulated devices runs, and its report has a column for each', async () => {
  const { code, stderr } = await penstock('run', `${repository}examples/devices/job.yaml`);
  expect(code).toBe(0);
  expect(stderr).toContain('2 (simulated: its times are made up, not measured), 1 instance each');
  expect(stderr).toMatch(/\n +simulated:0 simulated:1\n +busy +\d+\.\d % +\d+\.\d %\n/);
});
