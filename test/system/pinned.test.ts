// Memory of batches that is registered with CUDA's driver. No GPU is needed: the driver is a stub that knows what is
// registered, and the model says that it is on CUDA.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Ended, start } from '../cli/penstock.js';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';
import { readColumn, workspace } from '../helpers/workspace.js';
import { callsIn, compileCudaStub, stillRegistered } from '../session/pinned/stub.js';

type At = (...names: string[]) => string;

const ROWS = 600;
const WIDTH = 8;
const MODEL = fileURLToPath(new URL('fixtures/cuda-session.mjs', import.meta.url));

function writeJob(at: At, changes: Record<string, unknown> = {}): string {
  const ids = Array.from({ length: ROWS }, (_, row) => row);
  const values = Array.from({ length: ROWS * WIDTH }, (_, i) => i);
  writeArrow(at('data.arrow'), [[int32('id', ids), vectors('x', WIDTH, values)]]);
  const job = {
    source: { uri: at('data.arrow') },
    model: { uri: MODEL, runtime: 'module' },
    inputs: { x: { dtype: 'float32', shape: [WIDTH] } },
    batch: { size: 16 },
    ring: { slots: 6 },
    sink: { uri: at('out'), keep: ['id'] },
    ...changes,
  };
  writeFileSync(at('job.json'), JSON.stringify(job));
  return at('job.json');
}

function penstock(env: Record<string, string>, ...args: readonly string[]): Promise<Ended> {
  return start(args, { env }).ended;
}

function environment(at: At, more: Record<string, string> = {}): Record<string, string> {
  return { LD_LIBRARY_PATH: at('.'), STUB_LOG: at('log'), ADDRESSES: at('addresses'), ...more };
}

describe.skipIf(process.platform !== 'linux')('a job on CUDA', () => {
  test('runs out of slots that are pinned, and are so no longer when it has ended', async (context) => {
    const at = workspace();
    compileCudaStub(context, at('libcuda.so.1'));
    const { code, stdout } = await penstock(environment(at), 'run', writeJob(at), '--json');
    const report = JSON.parse(stdout);
    expect({ code, warnings: report.warnings }).toEqual({ code: 0, warnings: [] });
    const calls = callsIn(at('log'));
    const registered = calls.filter(({ name }) => name === 'register');
    expect(registered).toHaveLength(1);
    expect(report.memory.pinned).toEqual({ bytes: registered[0]?.bytes, what: 'ring' });
    expect(report.memory.ringBytes).toBe(registered[0]?.bytes);
    expect(calls.map(({ name }) => name)).toEqual(['retain', 'register', 'unregister', 'release']);
    // What the model was given lies there, all of it.
    const [{ address, bytes } = { address: 0, bytes: 0 }] = registered;
    const batches = readFileSync(at('addresses'), 'utf8').trim().split('\n');
    const ran = batches.map((line) => line.split(' ').map(Number) as [number, number]);
    // The first of each session are blanks of its own, by which it finds out what the model gives.
    const inside = ran.filter(([from, length]) => from >= address && from + length <= address + bytes);
    expect(inside.length).toBeGreaterThanOrEqual(Math.ceil(ROWS / 16));
    expect(await readColumn(at('out'), 'sum')).toEqual(
      Array.from({ length: ROWS }, (_, row) => WIDTH * (row * WIDTH) + (WIDTH * (WIDTH - 1)) / 2),
    );
  });

  test('leaves nothing pinned where it fails', async (context) => {
    const at = workspace();
    compileCudaStub(context, at('libcuda.so.1'));
    const env = environment(at, { FAIL_AT: '5' });
    const { code, stderr } = await penstock(env, 'run', writeJob(at));
    expect(code).toBe(1);
    expect(stderr).toContain('the GPU has fallen off the bus');
    const calls = callsIn(at('log'));
    expect(calls.filter(({ name }) => name === 'register')).toHaveLength(1);
    expect(stillRegistered(calls)).toEqual([]);
  });

  test('does without where the driver refuses, and says so', async (context) => {
    const at = workspace();
    compileCudaStub(context, at('libcuda.so.1'));
    const env = environment(at, { STUB_FAILS: 'cuMemHostRegister', STUB_CODE: '2' });
    const { code, stdout } = await penstock(env, 'run', writeJob(at), '--json');
    const { memory, warnings, rows } = JSON.parse(stdout);
    expect({ code, written: rows.written }).toEqual({ code: 0, written: ROWS });
    const said = 'cuMemHostRegister failed with CUDA_ERROR_OUT_OF_MEMORY (2)';
    expect(memory.pinned).toEqual({ bytes: 0, what: 'ring', error: said });
    expect(warnings).toEqual([
      `memory is not pinned, and copies to the GPU take longer: ${said} (penstock doctor tells more)`,
    ]);
  });

  test('does without where there is no driver', async () => {
    const at = workspace();
    // Found before a driver that this machine may have.
    writeFileSync(at('libcuda.so.1'), 'no library');
    const { code, stdout } = await penstock({ LD_LIBRARY_PATH: at('.') }, 'run', writeJob(at), '--json');
    const { memory, rows } = JSON.parse(stdout);
    expect({ code, written: rows.written, bytes: memory.pinned.bytes }).toEqual({
      code: 0,
      written: ROWS,
      bytes: 0,
    });
    expect(memory.pinned.error).toContain("NVIDIA's driver, libcuda.so.1, can't be loaded");
  });

  test('fails where its memory must be pinned and can not', async (context) => {
    const at = workspace();
    compileCudaStub(context, at('libcuda.so.1'));
    const file = writeJob(at, { ring: { slots: 6, pinned: true } });
    const env = environment(at, { STUB_FAILS: 'cuMemHostRegister', STUB_CODE: '2' });
    const { code, stderr } = await penstock(env, 'run', file);
    expect(code).toBe(1);
    expect(stderr).toContain('cuMemHostRegister failed with CUDA_ERROR_OUT_OF_MEMORY (2)');
    expect(stderr).toContain('Give ring.maxBytes or ring.slots a smaller number');
  });

  test('pins nothing where it is told not to', async (context) => {
    const at = workspace();
    compileCudaStub(context, at('libcuda.so.1'));
    const file = writeJob(at, { ring: { slots: 6, pinned: false } });
    const { code, stdout } = await penstock(environment(at), 'run', file, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).memory.pinned).toBeUndefined();
    expect(callsIn(at('log'))).toEqual([]);
  });

  test('is measured with its memory pinned, whichever stage it is', async (context) => {
    const at = workspace();
    compileCudaStub(context, at('libcuda.so.1'));
    const { code, stdout, stderr } = await penstock(
      environment(at),
      'bench',
      writeJob(at),
      '--quick',
      '--json',
    );
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout).ceilings.device.rowsPerSecond.median).toBeGreaterThan(0);
    const calls = callsIn(at('log'));
    // The pipeline's ring, the point-to-point loop's, and those of batches of each size.
    expect(calls.filter(({ name }) => name === 'register').length).toBeGreaterThan(4);
    expect(stillRegistered(calls)).toEqual([]);
  }, 120_000);
});

test('memory that must be pinned for a model on the CPU is a mistake in the job', async () => {
  const at = workspace();
  const model = { runtime: 'simulated' };
  const { code, stderr } = await penstock({}, 'run', writeJob(at, { model, ring: { pinned: true } }));
  expect(code).toBe(2);
  expect(stderr).toContain('only cuda and tensorrt copy slots to a GPU');
});
