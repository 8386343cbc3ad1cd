import { describe, expect, test, vi } from 'vitest';
import { isGpu, matchGpu } from '../../../src/measure/gpu/match.js';

const GPUS = [
  { index: 0, name: 'A', uuid: 'GPU-0a11' },
  { index: 1, name: 'B', uuid: 'GPU-1b22' },
  { index: 2, name: 'C', uuid: null },
];

test('devices of CPUs and simulated ones are no GPUs', () => {
  expect(['cuda:0', 'cuda', 'tensorrt:1', 'webgpu:0', 'gpu:0'].every(isGpu)).toBe(true);
  expect(
    ['cpu', 'simulated:0', 'wasm', 'cudaish', 'my-cuda:0', 'cuda:', 'cuda:1x', 'cuda0'].some(isGpu),
  ).toBe(false);
});

describe('the GPU behind a device', () => {
  const indexOf = (id: string, visible?: string) => matchGpu(id, GPUS, visible)?.index;

  test('has its number', () => {
    expect(indexOf('cuda:1')).toBe(1);
    expect(indexOf('cuda')).toBe(0);
    expect(indexOf('tensorrt:2')).toBe(2);
    expect(indexOf('cuda:3')).toBeUndefined();
    expect(indexOf('cpu')).toBeUndefined();
    expect(matchGpu('cuda:12', [...GPUS, { index: 12, name: 'D', uuid: null }])?.name).toBe('D');
  });

  test('is looked for in the environment of the process', () => {
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '1');
    expect([matchGpu('cuda:0', GPUS)?.index, matchGpu('cuda:1', GPUS)]).toEqual([1, undefined]);
    vi.unstubAllEnvs();
  });

  test('is one of those that CUDA_VISIBLE_DEVICES leaves', () => {
    expect(indexOf('cuda:0', '2,0')).toBe(2);
    expect(indexOf('cuda:1', '2, 0')).toBe(0);
    expect(indexOf('cuda:2', '2,0')).toBeUndefined();
    expect(indexOf('cuda:0', 'GPU-1b')).toBe(1);
    expect(indexOf('cuda:0', 'GPU-0a11')).toBe(0);
    expect(indexOf('cuda:0', 'GPU-2c')).toBeUndefined();
    expect(indexOf('cuda:0', '1b22')).toBeUndefined();
    expect(indexOf('cuda:0', '12')).toBeUndefined();
    expect(matchGpu('cuda:0', [...GPUS, { index: 12, name: 'D', uuid: null }], '12')?.name).toBe('D');
    expect(indexOf('cuda:0', '')).toBeUndefined();
  });

  test('is known of WebGPU only where there is one', () => {
    expect(matchGpu('webgpu:0', GPUS)).toBeUndefined();
    expect(matchGpu('webgpu:0', GPUS.slice(0, 1))?.index).toBe(0);
  });
});
