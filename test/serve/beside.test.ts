import { parseJob, type Report, runJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import type { Engine } from '../../src/serve/types.js';
import { range } from '../helpers/range.js';
import { readColumn, workspace } from '../helpers/workspace.js';
import { numbersJob, partsOf, simulated } from './job-beside.js';
import { outputOf, recording, requestOf, serving } from './serving.js';

type At = ReturnType<typeof workspace>;
type Beside = Parameters<NonNullable<Engine['runBeside']>>;

const jobOf = (at: At, values: readonly number[], rest: object): Beside[0] =>
  parseJob(numbersJob(at, 'queued', values, { model: { runtime: 'simulated' }, ...rest }));

const runBeside = (engine: Engine, ...args: Beside): Promise<Report> => {
  if (engine.runBeside === undefined) throw new Error('it runs no jobs');
  return engine.runBeside(...args);
};

describe('a job that an engine is asked to run beside its endpoints', () => {
  test('writes the same to the byte as by itself, while requests are answered', async () => {
    const at = workspace();
    const rest = { model: simulated.model, batch: { size: 16, order: 'fixed' } };
    const job = jobOf(at, range(1, 1000), rest);
    await runJob(jobOf(at, range(1, 1000), { ...rest, sink: { uri: at('alone'), keep: ['id'] } }));
    const engine = await serving({ models: { sim: { ...simulated, batch: { size: 8 } } } });
    expect(engine.stats().jobs).toEqual([]);
    let isDone = false;
    const answered = (async () => {
      let count = 0;
      for (; !isDone; count++) {
        const { outputs } = await engine.infer(requestOf('sim', [count]));
        expect(Array.from(outputs[0]?.data as Float64Array)).toEqual([count]);
      }
      return count;
    })();
    let seen = 0;
    const report = await runBeside(engine, job, {
      quantumMs: 50,
      part: 'shard 1/2',
      onProgress: ({ rows }) => {
        seen = rows;
      },
    });
    isDone = true;
    expect(await answered).toBeGreaterThan(0);
    expect(report.rows.written).toBe(1000);
    expect(seen).toBe(1000);
    expect(partsOf(at('out'))).toEqual(partsOf(at('alone')));
    expect(engine.stats().jobs).toEqual([
      { name: 'queued', part: 'shard 1/2', state: 'completed', rows: 1000, splits: 20, splitsDone: 20 },
    ]);
    const [device] = engine.stats().devices;
    expect(device?.busy).toBeGreaterThan(0);
  });

  test('is told of by its name, the last of its parts, with the rows of all', async () => {
    const at = workspace();
    const engine = await serving({ models: { sim: simulated } });
    for (const [i, rows] of [100, 150].entries()) {
      const job = jobOf(workspace(), range(0, rows), { sink: { uri: at(`out${i}`) } });
      await runBeside(engine, job, { part: `shard ${i + 1}/2` });
    }
    expect(engine.stats().jobs).toEqual([
      { name: 'queued', part: 'shard 2/2', state: 'completed', rows: 250, splits: 3, splitsDone: 3 },
    ]);
    for (let i = 0; i < 9; i++)
      await runBeside(engine, jobOf(at, [1], { name: `other-${i}`, sink: { format: 'none' } }));
    expect(engine.stats().jobs.map(({ name }) => name)).toEqual(range(1, 8).map((i) => `other-${i}`));
  });

  test('fails by itself', async () => {
    const device = recording();
    const { model } = device.model({ rejects: [7] }) as { model: object };
    const engine = await serving({ models: { m: device.model() } });
    const failure = runBeside(engine, jobOf(workspace(), range(1, 20), { model }));
    await expect(failure).rejects.toMatchObject({ code: 'DATA' });
    expect(engine.stats().jobs).toMatchObject([{ name: 'queued', state: 'failed' }]);
    expect(outputOf(await engine.infer(requestOf('m', [7])))).toEqual([14]);
  });

  test('is waited for when the engine drains, and no other is taken', async () => {
    const at = workspace();
    const device = recording();
    const { model } = device.model() as { model: object };
    const engine = await serving({ models: { m: device.model() } });
    const report = runBeside(engine, jobOf(at, [1, -1, 2], { model, batch: { size: 1, order: 'fixed' } }));
    await device.runs(-1);
    let isDrained = false;
    const drained = engine.drain().then(() => {
      isDrained = true;
    });
    const other = runBeside(engine, jobOf(at, [1], { sink: { format: 'none' } }));
    await expect(other).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(isDrained).toBe(false);
    device.open();
    expect((await report).rows.written).toBe(3);
    await drained;
  });

  test.each(['its signal', 'the end of the engine'])(
    'is interrupted by %s, and goes on later',
    async (by) => {
      const at = workspace();
      const device = recording();
      const { model } = device.model() as { model: object };
      const values = range(1, 500);
      values[300] = -1;
      const job = jobOf(at, values, { model, batch: { size: 10, order: 'fixed' }, producers: 1 });
      const engine = await serving({ models: { m: device.model() } });
      const controller = new AbortController();
      const report = runBeside(engine, job, { signal: controller.signal });
      const failure = expect(report).rejects.toMatchObject({ code: 'INTERRUPTED' });
      await device.runs(-1);
      const ended = by === 'its signal' ? controller.abort() : engine[Symbol.asyncDispose]();
      device.open();
      await failure;
      await ended;
      const resumed = await runJob(job);
      expect(resumed.rows.resumed).toBeGreaterThan(0);
      expect(resumed.rows.resumed).toBeLessThan(500);
      expect(await readColumn(at('out'), 'id')).toEqual(range(0, 500));
    },
  );
});
