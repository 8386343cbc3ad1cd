import { describe, expect, test } from 'vitest';
import { DIGITS_JOB, penstock } from '../cli/penstock.js';
import { NO_SWIFTSHADER, useSwiftshader } from '../helpers/swiftshader.js';
import { readColumn, workspace } from '../helpers/workspace.js';

// ONNX Runtime's WebGPU for real, on a GPU in software; whole processes, since it has one WebGPU context each.
const swiftshader = useSwiftshader();

const ROWS = 256;
const WEBGPU = ['--set', 'model.providers=[webgpu]'];
const SOFTWARE = ['--set', 'model.options.allowSoftware=true'];

function run(out: string, ...flags: string[]) {
  const common = ['--json', '--set', `source.limit=${ROWS}`, '--set', `sink.uri=${out}`];
  return penstock('run', DIGITS_JOB, ...common, ...flags);
}

/** The largest difference between the logits of two output directories. */
async function furthest(ours: string, theirs: string, rows = ROWS): Promise<number> {
  const flat = async (out: string): Promise<number[]> =>
    ((await readColumn(out, 'logits')) as Iterable<number>[]).flatMap((row) => [...row]);
  const [some, others] = [await flat(ours), await flat(theirs)];
  expect(some).toHaveLength(rows * 10);
  return Math.max(...some.map((value, i) => Math.abs(value - (others[i] as number))));
}

// A GPU in software takes minutes where others keep the cores busy.
describe('digits on ONNX Runtime with WebGPU', { timeout: 240_000 }, () => {
  test('a GPU in software is used only where that is asked for: the next provider runs, with a warning', async (context) => {
    context.skip(!swiftshader, NO_SWIFTSHADER);
    const { code, stdout } = await run(workspace()('out'), '--set', 'model.providers=[webgpu, cpu]');
    expect(code).toBe(0);
    const { devices, warnings } = JSON.parse(stdout);
    expect(devices[0]).toMatchObject({ provider: 'cpu' });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^provider webgpu did not start: the only WebGPU adapter is software \(SwiftShader/,
      ),
    ]);
  });

  test('a second instance is refused with the reason, before it could crash the process', async (context) => {
    context.skip(!swiftshader, NO_SWIFTSHADER);
    const flags = [...WEBGPU, ...SOFTWARE, '--set', 'model.instances=2'];
    const { code, stdout, stderr } = await run(workspace()('out'), ...flags);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'USAGE', key: 'model.instances' } });
    expect(stderr).toContain('ONNX Runtime has one WebGPU context a process');
    expect(stderr).toContain('Set model.isolation: process');
  });

  test('several instances run in processes of their own, each with its context', async (context) => {
    context.skip(!swiftshader, NO_SWIFTSHADER);
    const at = workspace();
    const few = ['--set', 'source.limit=128', '--set', 'batch.size=32'];
    const isolated = ['--set', 'model.isolation=process', '--set', 'model.instances=2'];
    const gpu = await run(at('gpu'), ...WEBGPU, ...SOFTWARE, ...isolated, ...few);
    expect(gpu.code, gpu.stderr).toBe(0);
    const { devices, rows } = JSON.parse(gpu.stdout);
    expect(rows.written).toBe(128);
    expect(devices[0]).toMatchObject({ provider: 'webgpu', instances: 2, isolation: 'process' });
    expect((await run(at('cpu'), ...few)).code).toBe(0);
    expect(await furthest(at('gpu'), at('cpu'), 128)).toBeLessThan(1e-4);
  });
});
