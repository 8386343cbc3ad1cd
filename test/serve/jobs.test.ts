import { writeFileSync } from 'node:fs';
import { loadJob, type Report, runJob } from 'penstock';
import { describe, expect, test, vi } from 'vitest';
import type { EngineEvent } from '../../src/serve/events.js';
import type { Engine, JobStats } from '../../src/serve/types.js';
import { range } from '../helpers/range.js';
import { readColumn, workspace } from '../helpers/workspace.js';
import { numbersJob, partsOf, simulated } from './job-beside.js';
import { outputOf, recording, requestOf, serving } from './serving.js';

type At = (...names: string[]) => string;

function writeJob(at: At, values: readonly number[], rest: object): string {
  writeFileSync(at('job.yaml'), JSON.stringify(numbersJob(at, 'beside', values, rest)));
  return at('job.yaml');
}

const ended = (engine: Engine, state: JobStats['state']): Promise<void> =>
  vi.waitFor(
    () => {
      if (engine.stats().jobs[0]?.state !== state) throw new Error(JSON.stringify(engine.stats().jobs));
    },
    { timeout: 30_000, interval: 10 },
  );

describe('a job beside requests', () => {
  test('writes the same to the byte as by itself, and each request has its own outputs', async () => {
    const at = workspace();
    const job = writeJob(at, range(1, 2000), {
      model: simulated.model,
      batch: { size: 16, order: 'fixed' },
    });
    await runJob(await loadJob(job, { set: [`sink.uri=${at('alone')}`] }));
    const events: EngineEvent[] = [];
    const models = { sim: { ...simulated, batch: { size: 8 } } };
    const engine = await serving({ models, jobs: [{ job, quantumMs: 50 }] }, events);
    let answered = 0;
    const client = async (first: number): Promise<void> => {
      for (let value = first; engine.stats().jobs[0]?.state === 'running'; value++) {
        const { outputs } = await engine.infer(requestOf('sim', [value]));
        expect(Array.from(outputs[0]?.data as Float64Array)).toEqual([value]);
        answered++;
      }
    };
    await Promise.all(range(0, 4).map((c) => client(c * 1_000_000)));
    await ended(engine, 'completed');
    expect(answered).toBeGreaterThan(50);
    expect(partsOf(at('out'))).toEqual(partsOf(at('alone')));
    expect(partsOf(at('out'))).toHaveLength(40);
    const stats = engine.stats();
    expect(stats.jobs).toEqual([
      { name: 'beside', state: 'completed', rows: 2000, splits: 40, splitsDone: 40 },
    ]);
    expect(stats.devices).toHaveLength(1);
    const [device] = stats.devices;
    const { busy, starved, blocked, idle } = device as NonNullable<typeof device>;
    const sum = busy + starved.fetch + starved.prep + starved.batching + blocked + idle;
    expect(Math.abs(sum - stats.uptime)).toBeLessThan(1);
  });

  test('lets each of them go first that is there when it gives the device back', async () => {
    const at = workspace();
    const device = recording();
    // Long enough for the thread of the requests to wake up before the last of them.
    const { model } = device.model({ micros: 20_000 }) as { model: object };
    const job = writeJob(at, [-1, ...range(1, 20)], {
      model,
      batch: { size: 1, order: 'fixed' },
    });
    const engine = await serving({ models: { m: device.model() }, jobs: [{ job }] });
    await device.runs(-1);
    const answers = range(101, 8).map((value) => engine.infer(requestOf('m', [value])));
    await new Promise(setImmediate);
    device.open();
    expect((await Promise.all(answers)).flatMap(outputOf)).toEqual(range(101, 8).map((value) => value * 2));
    await ended(engine, 'completed');
    const { rows } = device;
    const first = rows.indexOf(101);
    expect(rows.slice(first, first + 8)).toEqual(range(101, 8));
    expect(rows.toSpliced(first, 8)).toEqual([-1, ...range(1, 20)]);
    expect(first).toBeLessThan(21);
  });

  test('has batches no longer than its quantum, or says that one row takes longer', async () => {
    const at = workspace();
    const events: EngineEvent[] = [];
    const { model } = recording().model({ rowMicros: 1000 }) as { model: object };
    const job = writeJob(at, range(1, 100), { model, batch: { size: 50 } });
    const models = { sim: simulated };
    const jobs = [
      { job, quantumMs: 10 },
      { job: writeJob(workspace(), range(1, 4), { model }), quantumMs: 0.5 },
    ];
    const engine = await serving({ models, jobs }, events);
    await vi.waitFor(
      () => expect(engine.stats().jobs.map(({ state }) => state)).toEqual(['completed', 'completed']),
      {
        timeout: 30_000,
      },
    );
    const reports = events.flatMap((event) => (event.kind === 'job' ? [event.outcome as Report] : []));
    const [short, slow] = [100, 4].map((rows) => reports.find((report) => report.rows.read === rows));
    // Of 50; how long a few rows take is measured, on a machine that may have other things to do.
    expect(short?.batches.meanRows).toBeLessThanOrEqual(25);
    expect(short?.chosen?.map(({ key }) => key)).toContain('batch.size');
    expect(slow?.batches.meanRows).toBe(1);
    expect(slow?.warnings).toEqual([expect.stringMatching(/^one row takes .* longer than the 0\.5 ms/)]);
  });

  test('that fails does not stop them', async () => {
    const at = workspace();
    const device = recording();
    const { model } = device.model({ rejects: [7] }) as { model: object };
    const job = writeJob(at, range(1, 20), { model });
    const engine = await serving({ models: { m: device.model() }, jobs: [{ job }] });
    await ended(engine, 'failed');
    expect(engine.stats().jobs[0]?.error).toContain('7 is out of bounds');
    expect(engine.isReady).toBe(true);
    expect(outputOf(await engine.infer(requestOf('m', [7])))).toEqual([14]);
  });

  test('is stopped when the server drains, and goes on from there', async () => {
    const at = workspace();
    const device = recording();
    const { model } = device.model() as { model: object };
    const values = range(1, 1000);
    values[400] = -1;
    const job = writeJob(at, values, { model, batch: { size: 10, order: 'fixed' }, producers: 1 });
    const engine = await serving({ models: { m: device.model() }, jobs: [{ job }] });
    await device.runs(-1);
    const drained = engine.drain();
    device.open();
    await drained;
    expect(engine.stats().jobs[0]?.state).toBe('stopped');
    await engine[Symbol.asyncDispose]();
    const report = await runJob(await loadJob(job));
    expect(report.rows.resumed).toBeGreaterThan(0);
    expect(report.rows.resumed).toBeLessThan(1000);
    expect(await readColumn(at('out'), 'id')).toEqual(range(0, 1000));
  });
});
