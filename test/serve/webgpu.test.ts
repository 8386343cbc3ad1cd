import { describe, expect, test } from 'vitest';
import { parseServeConfig } from '../../src/serve/config.js';
import { WebGpuThread } from '../../src/serve/webgpu.js';

const modelOf = (model: object) => {
  const config = parseServeConfig({ models: { m: { model: { uri: 'm.onnx', ...model } } } });
  return (config.models.m as NonNullable<(typeof config.models)['m']>).model;
};

const onGpu = modelOf({ providers: ['webgpu', 'cpu'] });

describe('WebGPU, which ONNX Runtime has in one thread a process', () => {
  test('is refused to a second model, before it would crash the process', () => {
    const webgpu = new WebGpuThread();
    webgpu.check('models.a', onGpu);
    webgpu.taken('models.a', onGpu, ['webgpu']);
    expect(() => webgpu.check('models.b', onGpu)).toThrow(
      'models.b: models.a runs on webgpu in this process already, and a second thread there would crash it',
    );
    for (const other of [{ providers: ['cpu'] }, { providers: ['webgpu'], isolation: 'process' }]) {
      webgpu.check('models.c', modelOf(other));
    }
    webgpu.check('models.d', modelOf({ runtime: 'tensorflow', providers: ['webgpu'] }));
  });

  test('is free again when its thread has ended', () => {
    const webgpu = new WebGpuThread();
    webgpu.taken('the job a', onGpu);
    webgpu.free('the job b');
    expect(() => webgpu.check('models.b', onGpu)).toThrow('the job a');
    webgpu.free('the job a');
    webgpu.check('models.b', onGpu);
  });

  test('is free where the first model runs on another provider after all', () => {
    const webgpu = new WebGpuThread();
    webgpu.taken('models.a', onGpu, ['cpu']);
    webgpu.check('models.b', onGpu);
  });
});
