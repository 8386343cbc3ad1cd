import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type JobInput, loadJob, runJob } from 'penstock';
import { describe, expect, test, vi } from 'vitest';
import { DIGITS_JOB, repository, start } from '../cli/penstock.js';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import { OnnxType, onnxModel } from '../helpers/onnx.js';
import { childrenOf, failingSessions, hasProc, isAlive, NO_PROC } from '../helpers/processes.js';
import { readColumn, workspace } from '../helpers/workspace.js';

// Whole jobs whose sessions live in processes of their own: `model.isolation: process`.

type At = (...names: string[]) => string;

const ROWS = 1000;

/** Rows [id, id + 0.5], and a model that negates them. */
function negation(at: At): JobInput {
  const model = onnxModel({
    operator: 'Neg',
    inputs: [{ name: 'x', type: OnnxType.float32, dims: ['batch', 2] }],
    outputs: [{ name: 'y', type: OnnxType.float32, dims: ['batch', 2] }],
  });
  writeFileSync(at('neg.onnx'), model);
  const ids = Array.from({ length: ROWS }, (_, id) => id);
  const pairs = ids.flatMap((id) => [id, id + 0.5]);
  writeArrow(at('data.arrow'), [[int32('id', ids), vectors('x', 2, pairs)]]);
  return {
    source: { uri: at('data.arrow') },
    model: { uri: at('neg.onnx'), isolation: 'process' },
    batch: { size: 32 },
    sink: { uri: at('out'), keep: ['id'] },
  };
}

async function expectAllNegated(at: At): Promise<void> {
  const ids = (await readColumn(at('out'), 'id')) as number[];
  expect(ids).toEqual(Array.from({ length: ROWS }, (_, id) => id));
  const outputs = (await readColumn(at('out'), 'y')) as Iterable<number>[];
  expect(outputs.map((row) => [...row])).toEqual(ids.map((id) => [-id, -id - 0.5]));
}

describe('a job whose sessions live in processes', () => {
  test.each([1, 2])('writes the bytes that it writes with threads, with %d of them', async (instances) => {
    const at = workspace();
    for (const isolation of ['thread', 'process']) {
      const set = [`sink.uri=${at(isolation)}`, `model.isolation=${isolation}`];
      const same = ['batch.order=fixed', 'batch.size=48', `model.instances=${instances}`];
      const report = await runJob(await loadJob(DIGITS_JOB, { set: [...set, ...same] }));
      expect(report.devices).toMatchObject([{ id: 'cpu', instances, isolation }]);
      expect(report.warnings).toEqual([]);
    }
    for (const part of ['part-00000.arrow', 'part-00001.arrow', 'part-00002.arrow', 'part-00003.arrow'])
      expect(readFileSync(at('process', part)).equals(readFileSync(at('thread', part)))).toBe(true);
  });

  test('goes on where an earlier run of it with threads was, since the outputs are the same', async () => {
    const at = workspace();
    const job = negation(at);
    await runJob({ ...job, model: { ...job.model, isolation: 'thread' } });
    expect((await runJob(job)).rows).toMatchObject({ read: 0, resumed: ROWS });
  });

  test('completes where a process crashes, with all outputs, and the report says so', async () => {
    const at = workspace();
    const failures = failingSessions({ how: 'crash', at: 500, limit: 1 });
    const report = await runJob(negation(at));
    expect(report.rows).toMatchObject({ read: ROWS, written: ROWS });
    const [died] = failures();
    expect(report.warnings).toEqual([
      `cpu: the session's process died once (SIGSEGV) and was restarted; the last was process ${died}`,
    ]);
    await expectAllNegated(at);
  });

  test('names the row that crashes each process that runs it, and does without where it may', async () => {
    const at = workspace();
    failingSessions({ how: 'crash', at: 500 });
    // Halved twice, and each time it takes two processes with it.
    const job = { ...negation(at), batch: { size: 4 } };
    await expect(runJob(job)).rejects.toThrow(
      /data\.arrow: row 500: .*the process that ran it died 2 times: SIGSEGV/,
    );
    const report = await runJob({ ...job, errors: { maxRows: 1 } }, { overwrite: true });
    expect(report.rows).toMatchObject({ read: ROWS, written: ROWS - 1, deadLettered: 1 });
    const ids = (await readColumn(at('out'), 'id')) as number[];
    expect(ids).toEqual(Array.from({ length: ROWS }, (_, id) => id).filter((id) => id !== 500));
  });

  test('goes on where a run hangs, in another process', async () => {
    const at = workspace();
    failingSessions({ how: 'hang', at: 500, limit: 1 });
    const job = negation(at);
    const report = await runJob({ ...job, model: { ...job.model, runTimeoutMs: 1000 } });
    expect(report.warnings).toEqual([expect.stringContaining('died once (no answer within 1000 ms)')]);
    await expectAllNegated(at);
  });

  test('fails where the model crashes whatever it is given', async () => {
    failingSessions({ how: 'crash', at: 'run' });
    const failure = runJob(negation(workspace()));
    await expect(failure).rejects.toMatchObject({ code: 'DEVICE' });
    await expect(failure).rejects.toThrow(/neg\.onnx: the session's process died 3 times in a row: SIGSEGV/);
  });

  test('leaves no process behind, whether it completes or fails', async (context) => {
    context.skip(!hasProc, NO_PROC);
    const at = workspace();
    const before = childrenOf(process.pid);
    await runJob({ ...negation(at), model: { uri: at('neg.onnx'), isolation: 'process', instances: 2 } });
    expect(childrenOf(process.pid)).toEqual(before);
    const failing = { ...negation(at), transform: at('absent.mjs') };
    await expect(runJob(failing, { overwrite: true })).rejects.toThrow('absent.mjs');
    expect(childrenOf(process.pid)).toEqual(before);
  });
});

describe('the process of a session', () => {
  test('is gone with its parent, even in the middle of a run that never comes back', async (context) => {
    context.skip(!hasProc, NO_PROC);
    const at = workspace();
    writeFileSync(at('job.json'), JSON.stringify(negation(at)));
    const failures = failingSessions({ how: 'hang', at: 500 });
    const { child, ended } = start(['run', at('job.json')]);
    // It leaves its mark, and hangs.
    await vi.waitFor(() => expect(failures()).toHaveLength(1), { timeout: 30_000 });
    const [session] = failures() as [number];
    expect(childrenOf(child.pid as number)).toEqual([session]);
    child.kill('SIGKILL');
    await ended;
    await vi.waitFor(() => expect(isAlive(session)).toBe(false), { timeout: 30_000 });
  });

  test('outlives a Ctrl-C in the terminal, which reaches all processes, until the batches are done', async (context) => {
    context.skip(!hasProc, NO_PROC);
    const at = workspace();
    const job = {
      source: { uri: `${repository}examples/digits/digits.arrow` },
      model: { runtime: 'simulated', isolation: 'process', options: { batchMicros: 1_000_000 } },
      inputs: { pixels: { shape: [784] } },
      // A part each.
      batch: { size: 500 },
      sink: { uri: at('out') },
    };
    writeFileSync(at('job.json'), JSON.stringify(job));
    const { child, ended } = start(['run', at('job.json')], { detached: true });
    const committed = (): string[] =>
      readdirSync(at('out', '_manifest')).filter((name) => name.startsWith('part-'));
    await vi.waitFor(() => expect(committed().length).toBeGreaterThan(0), { timeout: 30_000 });
    const [session] = childrenOf(child.pid as number) as [number];
    process.kill(-(child.pid as number), 'SIGINT');
    // What it says when it has heard of it; the batch has most of its second left.
    await once(child.stderr, 'data');
    expect(isAlive(session)).toBe(true);
    const { code, stderr } = await ended;
    expect(stderr).toContain('stopping after the batches in flight');
    expect(stderr).toContain('of 4 parts written');
    expect(code).toBe(130);
    expect(isAlive(session)).toBe(false);
  });
});
