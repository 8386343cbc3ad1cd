import { describe, expect, test } from 'vitest';
import { DIGITS_JOB, penstock } from '../cli/penstock.js';
import { NO_SWIFTSHADER, useSwiftshader } from '../helpers/swiftshader.js';
import { workspace } from '../helpers/workspace.js';

// ONNX Runtime's WebGPU for real, on a GPU in software; whole processes, since it has one WebGPU context each.
const swiftshader = useSwiftshader();

const ROWS = 256;
const WEBGPU = ['--set', 'model.providers=[webgpu]'];
const SOFTWARE = ['--set', 'model.options.allowSoftware=true'];

function run(out: string, ...flags: string[]) {
  const common = ['--json', '--set', `source.limit=${ROWS}`, '--set', `sink.uri=${out}`];
  return penstock('run', DIGITS_JOB, ...common, ...flags);
}

describe('digits on ONNX Runtime with WebGPU', () => {
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
  });
});
