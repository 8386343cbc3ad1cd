import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { workspace } from '../../helpers/workspace.js';
import { compileStub } from './stub.js';

const SAMPLER = new URL('../../../dist/measure/gpu/sampler.js', import.meta.url);
const NOW = new URL('../../../dist/clock/now.js', import.meta.url);

/**
 * Samples the devices for two seconds in a process of its own: where libraries are looked for is fixed at its start. Those
 * in `unused` never ran.
 */
async function sample(
  deviceIds: readonly string[],
  env: Record<string, string>,
  unused: readonly string[] = [],
): Promise<unknown> {
  const used = deviceIds.map((id) => !unused.includes(id));
  const program = `
    import { GpuSampler } from '${SAMPLER}';
    import { now } from '${NOW}';
    const sampler = new GpuSampler(${JSON.stringify(deviceIds)});
    const from = now();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const windows = ${JSON.stringify(used)}.map((used) => (used ? { from, to: now() } : { from: 0, to: 0 }));
    console.log(JSON.stringify(await sampler.finish(windows)));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout);
}

describe.skipIf(process.platform === 'win32')('the thread that asks GPUs', () => {
  test('tells what each said over a window, in the order of the devices', async (context) => {
    const at = workspace();
    compileStub(context, at('libnvidia-ml.so.1'));
    const [cpu, first, second, absent] = (await sample(['cpu', 'cuda:1', 'cuda:0', 'cuda:5'], {
      LD_LIBRARY_PATH: at('.'),
    })) as Record<string, unknown>[];
    expect(cpu).toBeNull();
    expect(absent).toBeNull();
    expect(first).toMatchObject({
      source: 'nvml',
      name: 'NVIDIA Stub T4',
      memoryTotalBytes: 80 * 2 ** 30,
      gpu: { mean: 0.05, p50: 0.05, p95: 0.05 },
      watts: null,
      smActive: null,
    });
    expect(second).toMatchObject({
      name: 'NVIDIA Stub H100',
      gpu: { mean: 0.87, p50: 0.87, p95: 0.87 },
      watts: { mean: 412.5, p50: 412.5, p95: 412.5 },
      smActive: { mean: 0.625, p50: 0.625, p95: 0.625 },
    });
    expect(second?.samples).toBeGreaterThanOrEqual(3);
    expect(second?.samples).toBeLessThanOrEqual(21);
  });

  test("counts each device's samples over its own window alone", async (context) => {
    const at = workspace();
    compileStub(context, at('libnvidia-ml.so.1'));
    const [first, second] = (await sample(['cuda:0', 'cuda:1'], { LD_LIBRARY_PATH: at('.') }, [
      'cuda:1',
    ])) as (Record<string, unknown> | null)[];
    expect(first).toMatchObject({ name: 'NVIDIA Stub H100' });
    expect(second).toBeNull();
  });

  test('asks nvidia-smi where there is no library', async () => {
    const at = workspace();
    const line = '0, GPU-0a, NVIDIA A100, 550.54.15, 81920, 50, 7, 1024, 213.45, 40, 1410, 1593';
    writeFileSync(at('nvidia-smi'), `#!/bin/sh\nwhile true; do echo "${line}"; sleep 0.1; done\n`);
    chmodSync(at('nvidia-smi'), 0o755);
    const path = `${at('.')}${delimiter}${process.env.PATH}`;
    const [told] = (await sample(['cuda:0'], { PATH: path })) as Record<string, unknown>[];
    expect(told).toMatchObject({ source: 'nvidia-smi', name: 'NVIDIA A100', gpu: { p50: 0.5 } });
  });

  test('says nothing, and is no error, where there is neither', async () => {
    expect(await sample(['cuda:0'], { PATH: '' })).toEqual([null]);
    expect(await sample(['cpu', 'simulated:0'], {})).toEqual([null, null]);
  });
});
